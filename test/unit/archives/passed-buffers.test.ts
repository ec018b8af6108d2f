import { PassedBuffers } from "../../../lib/archives/packed/passed-buffers";

const MiB = 1024 * 1024;

test("little is held of buffers that pass by, however many they are", () => {
    const buffers = new PassedBuffers();
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    for (let at = 0; at < 200; at++) {
        buffers.passed(new Uint8Array(MiB).length);
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(most).toBeLessThan(24 * MiB);
});
