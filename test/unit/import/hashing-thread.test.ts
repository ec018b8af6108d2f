import { spawnSync } from "node:child_process";
import { HashingThread } from "../../../lib/import/transfer/hashing-thread";
import { computeDigest } from "../../../lib/oci/digest";
import { PROJECT } from "../../support/stack";

test("a thread that is closed with pieces under way leaves no rejection that nobody handles", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on("unhandledRejection", note);
    try {
        const thread = new HashingThread();
        const hash = thread.sha256();
        // More than can be hashed before the thread has ended; shared memory is not copied for each piece.
        const piece = Buffer.from(new SharedArrayBuffer(32 * 1024 * 1024));
        const pieces = Array.from({ length: 400 }, () => hash.update(piece));
        await thread.close();
        // Node tells of unhandled rejections when the microtasks are through.
        await new Promise((resolve) => setImmediate(resolve));
        expect(unhandled).toEqual([]);
        const outcomes = await Promise.allSettled(pieces);
        expect(outcomes.at(-1)).toMatchObject({ status: "rejected" });
    } finally {
        process.off("unhandledRejection", note);
    }
});

test("a process that waits for nothing but a digest goes on until it has it", () => {
    const script = `
        const { HashingThread } = require("./dist/lib/import/transfer/hashing-thread.js");
        const thread = new HashingThread();
        const hash = thread.sha256();
        void hash.update(Buffer.from("layer")).then(() => hash.digest()).then(console.log);`;
    const { stdout } = spawnSync(process.execPath, ["-e", script], { cwd: PROJECT, encoding: "utf8" });
    expect(stdout.trim()).toBe(computeDigest("layer"));
});
