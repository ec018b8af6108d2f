import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describeArchive } from "../../lib/archives";
import { ArchiveBench, refusal, tar, tarHeader } from "../support/archives";
import { openApart } from "../support/faults/open-apart";
import { faultCase } from "../support/faults/fault-case";
import { rawFrame, zerosFrame } from "../support/zstd";

const bench = new ArchiveBench();
afterEach(() => bench.clear());

const GiB = 1024 ** 3;

/** A tar of one blob of 5 GiB of zeros, in a few MiB. */
const BOMBS: Readonly<Record<string, () => readonly Buffer[]>> = {
    "bomb.tar.gz": () => [gzipBomb()],
    "bomb.tar.zst": () => [Buffer.concat([rawFrame(bombHeader(), 17), zerosFrame(5 * GiB + 1024)])],
    "bomb.tar.gz.001": () => [0, 1, 2].map((at) => gzipBomb().subarray(at * 2_000_000, (at + 1) * 2_000_000)),
};

function bombHeader(): Buffer {
    return tarHeader({ name: `blobs/sha256/${"0".repeat(64)}`, size: 5 * GiB });
}

function gzipBomb(): Buffer {
    const zeros = gzipSync(Buffer.alloc(64 * 1024 ** 2));
    return Buffer.concat([gzipSync(bombHeader()), ...Array<Buffer>(80).fill(zeros), gzipSync(Buffer.alloc(1024))]);
}

faultCase("a tar of 5 GiB of zeros", { all: 3, sample: 3 }, async ({ number, count }) => {
    const [name, make] = Object.entries(BOMBS)[number % 3] ?? ["", () => []];
    const pieces = make().map((piece, at): [string, Buffer] => [name.replace(/\.001$/, `.00${at + 1}`), piece]);
    const folder = await bench.folder([...pieces, ["tmp/keep", Buffer.alloc(0)]]);
    const outcome = openApart(join(folder, name), join(folder, "tmp"));
    expect(outcome).toMatchObject({ said: "ARCHIVE_TOO_LARGE", left: ["keep"] });
    expect(outcome.message).toMatch(/more than 1073741824 bytes.*unpack it yourself/);
    expect(outcome.message).toContain(name.replace(/\.001$/, ""));
    expect(outcome.peakMiB).toBeLessThan(256);
    count(`${name}: ${outcome.said}, MiB at most`, Math.round(outcome.peakMiB));
    await bench.clear();
});

/** Compressed layers of a docker-archive are unpacked to be hashed: nothing is kept, but it must end. */
faultCase("a layer that is a compression bomb", { all: 1, sample: 1 }, async ({ count }) => {
    const diffId = `sha256:${"0".repeat(64)}`;
    const config = JSON.stringify({ rootfs: { diff_ids: [diffId] } });
    const items = [{ Config: "config.json", RepoTags: ["quay.io/a/b:1"], Layers: ["layer.tar.gz"] }];
    const entries = [
        { name: "layer.tar.gz", body: gzipBomb() },
        { name: "config.json", body: config },
        { name: "manifest.json", body: JSON.stringify(items) },
    ];
    const archive = await bench.openFiles({ "save.tar": tar(entries) }, "save.tar");
    const error = await refusal(describeArchive(archive, []));
    expect(error.message).toMatch(/save\.tar, entry layer\.tar\.gz.*more than 1073741824 bytes/);
    expect(error.code).toBe("ARCHIVE_TOO_LARGE");
    count(error.code);
});
