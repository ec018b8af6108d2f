import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readdir, readlink, truncate } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { type Archive, type OpenOptions, describeArchive, openArchive, verifyStructure } from "../../../lib/archives";
import { decompressor } from "../../../lib/archives/packed/decompressor";
import { ArchiveBench, ocMirrorEntries, refusal, tar, testImage } from "../../support/archives";
import { frameHeader, rawFrame, zerosFrame } from "../../support/zstd";

const FIXTURES = join(__dirname, "../../fixtures/archives");
const fixture = (name: string) => readFileSync(join(FIXTURES, name));
const plain = fixture("skopeo/oci-archive.tar");
const KEY = "quay.io/fixture/app:1";

const skippable = Buffer.from("532a4d18050000000102030405", "hex");

const bench = new ArchiveBench();
afterEach(() => bench.clear());

/** The archive, and what a lock says of it. */
async function locked(archive: Archive) {
    const { lock } = await describeArchive(archive, []);
    expect(await verifyStructure(archive, lock)).toEqual([]);
    expect(Object.keys(lock.images)).toEqual([KEY]);
    // Every blob is what its name says.
    for (const digest of Object.keys(lock.blobs)) {
        const hash = createHash("sha256");
        for await (const chunk of archive.source.open(digest)) hash.update(chunk as Buffer);
        expect(`sha256:${hash.digest("hex")}`).toBe(digest);
    }
    return lock;
}

/** Files that this process holds open. */
async function openFiles(): Promise<readonly string[]> {
    const links = (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""));
    return Promise.all(links);
}

/** Those in the folder, and those that are in no folder any more, as temporary files may be; not what was open before. */
async function filesLeft(folder: string): Promise<readonly string[]> {
    const isTemporary = (link: string) => link.endsWith(" (deleted)") && !before.has(link);
    return (await openFiles()).filter((link) => link.startsWith(folder) || isTemporary(link));
}

let before: ReadonlySet<string>;
beforeAll(async () => {
    before = new Set(await openFiles());
});

async function refusedWith(files: Record<string, Buffer>, options: OpenOptions = {}) {
    const [name = ""] = Object.keys(files);
    const folder = await bench.folder(files);
    const error = await refusal(openArchive(join(folder, name), options));
    expect(await filesLeft(folder)).toEqual([]);
    return error;
}

/** Begins as a tar does: what does not is refused by its first bytes. */
function makeBomb(zeros: number): Buffer {
    return Buffer.concat([plain.subarray(0, 512), Buffer.alloc(zeros)]);
}

describe("a compressed archive is read as a stream, without a temporary file", () => {
    it.each<[string, string, Buffer]>([
        ["gzip", "a.tar.gz", gzipSync(plain)],
        [
            "gzip in two members",
            "a.tgz",
            Buffer.concat([gzipSync(plain.subarray(0, 777)), gzipSync(plain.subarray(777))]),
        ],
        ["zstd", "a.tar.zst", fixture("packed/one-frame.tar.zst")],
        ["zstd in two frames, without a checksum", "a.zst", fixture("packed/two-frames.tar.zst")],
        ["zstd behind a skippable frame, as pzstd writes it", "a.tar", Buffer.concat([skippable, rawFrame(plain, 20)])],
        ["gzip under a plain name", "a.tar", gzipSync(plain)],
    ])("%s", async (_, name, bytes) => {
        const folder = await bench.folder({ [name]: bytes });
        const archive = await bench.open(join(folder, name));
        const lock = await locked(archive);
        expect(lock.format).toBe("oci-layout");
        expect(lock.parts).toEqual([{ name, size: bytes.length }]);
        expect(archive.warnings).toEqual([
            expect.stringMatching(
                /is compressed with (gzip|zstd): all of its 8.70 kB are unpacked each time it is read$/,
            ),
        ]);
        expect(await filesLeft(folder)).toEqual([join(folder, name)]);
        await archive.close();
        expect(await filesLeft(folder)).toEqual([]);
    });

    it("of oc-mirror too, with its parts as they are on the disk", async () => {
        const entries = ocMirrorEntries({
            tags: [{ repository: "org/app", tag: "1", image: testImage("app") }],
            imageSet: ["quay.io/org/app:1"],
        });
        const bytes = gzipSync(tar(entries));
        const archive = await bench.openFiles({ "mirror_000001.tar.gz": bytes }, "mirror_000001.tar.gz");
        expect(archive.format).toBe("oc-mirror");
        expect(archive.parts).toEqual([{ name: "mirror_000001.tar.gz", size: bytes.length }]);
    });

    it("is refused when it is cut or damaged, and leaves nothing behind", async () => {
        for (const bytes of [gzipSync(plain), fixture("packed/one-frame.tar.zst")]) {
            const cut = await refusedWith({ "a.tar": bytes.subarray(0, -20) });
            expect(cut.code).toBe("ARCHIVE_TRUNCATED");
            const damaged = Buffer.from(bytes);
            damaged.fill(0xff, 30, 60);
            expect((await refusedWith({ "b.tar": damaged })).code).toMatch(/^ARCHIVE_(CORRUPT|TRUNCATED)$/);
        }
    });

    it("is refused when it grows as no archive does, and the bound is told", async () => {
        const bomb = gzipSync(makeBomb(50_000_000));
        const error = await refusedWith({ "a.tar.gz": bomb }, { limit: 1_000_000 });
        expect(error.code).toBe("ARCHIVE_TOO_LARGE");
        expect(error.message).toContain("more than 1000000 bytes");
        expect(error.fix).toContain("unpack it yourself");
    });

    it("is refused when it is none, however small the pieces that its start comes in", async () => {
        const members = (bytes: Buffer) => Buffer.concat([...bytes].map((byte) => gzipSync(Buffer.from([byte]))));
        const bytes = Buffer.concat([members(plain.subarray(0, 600)), gzipSync(plain.subarray(600))]);
        const archive = await bench.openFiles({ "a.tar.gz": bytes }, "a.tar.gz");
        await locked(archive);
        await archive.close();
        const text = await refusedWith({ "b.tar.gz": gzipSync(Buffer.alloc(4096, "no tar ")) });
        expect(text).toMatchObject({ code: "ARCHIVE_CORRUPT", offset: 0 });
        expect(text.message).toContain("unpacked this is not a tar archive, or its first header is damaged");
        expect((await refusedWith({ "c.tar.gz": gzipSync(Buffer.alloc(300, "short")) })).code).toBe(
            "ARCHIVE_TRUNCATED",
        );
    });

    it("is not safe for what its end says: zeros may pad it, and a size that is wrong is found out", async () => {
        for (const [said, code] of [
            [0, "ARCHIVE_CORRUPT"],
            [9000, "ARCHIVE_CORRUPT"],
            [2 ** 32 - 1, "ARCHIVE_CORRUPT"],
        ] as const) {
            const lying = Buffer.from(gzipSync(plain));
            lying.writeUInt32LE(said, lying.length - 4);
            expect((await refusedWith({ "a.tar.gz": lying })).code).toBe(code);
        }
        // A bomb of many members tells the size of the last one.
        const bomb = Buffer.concat([gzipSync(makeBomb(50_000_000)), gzipSync(Buffer.alloc(1))]);
        const error = await refusedWith({ "a.tar.gz": bomb }, { limit: 1_000_000 });
        expect(error.code).toBe("ARCHIVE_TOO_LARGE");
        const padded = Buffer.concat([gzipSync(plain), Buffer.alloc(2048)]);
        await locked(await bench.openFiles({ "a.tar.gz": padded }, "a.tar.gz"));
    });

    it("with zstd's windows of up to 64 MiB", async () => {
        await locked(await bench.openFiles({ "a.tar.zst": rawFrame(plain, 26) }, "a.tar.zst"));
    });

    it.each<[string, Buffer]>([
        ["2 GiB", frameHeader(31)],
        ["128 MiB, beyond which the decoder copies other bytes", rawFrame(plain, 27)],
        ["256 MiB, in a frame behind others", Buffer.concat([skippable, rawFrame(plain, 20), rawFrame(plain, 28)])],
        ["256 MiB, in a single segment", Buffer.from("28b52ffda000000010010000", "hex")],
    ])("but is refused for a window of %s, before memory is taken", async (_, frames) => {
        const before = process.memoryUsage().arrayBuffers;
        const error = await refusedWith({ "a.tar.zst": Buffer.concat([frames, Buffer.alloc(40)]) });
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
        expect(error).toMatchObject({
            code: "ARCHIVE_FORMAT_UNSUPPORTED",
            offset: frames.lastIndexOf("28b52ffd", "hex"),
        });
        expect(error.message).toMatch(
            /a\.tar\.zst, offset \d+: this zstd frame has to be unpacked with \d+ bytes of memory/,
        );
        expect(error.fix).toContain("compress again without --long=…");
    });

    it("takes runs of zeros no faster than they are written: three bytes may be 128 KiB", async () => {
        const packed = zerosFrame(512 * 1024 * 1024);
        expect(packed.length).toBeLessThan(17_000);
        const unpacking = Readable.from([packed]).pipe(decompressor("zstd", { archive: "zeros" }));
        const before = process.memoryUsage().arrayBuffers;
        let [size, ahead] = [0, 0];
        for await (const piece of unpacking) {
            size += (piece as Buffer).length;
            if (ahead === 0) ahead = process.memoryUsage().arrayBuffers - before;
        }
        expect(size).toBe(512 * 1024 * 1024);
        // With the first piece, no more than one step's are there.
        expect(ahead).toBeLessThan(128 * 1024 * 1024);
    });

    it("stops when it is aborted", async () => {
        const folder = await bench.folder({ "a.tar.gz": gzipSync(plain) });
        const reason = new Error("interrupted");
        await expect(openArchive(join(folder, "a.tar.gz"), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
        expect(await filesLeft(folder)).toEqual([]);
    });

    it.each([
        ["xz", "fd377a585a000000", "unxz"],
        ["bzip2", "425a683900000000", "bunzip2"],
    ])("but not %s", async (name, start, tool) => {
        const error = await refusedWith({ "a.tar": Buffer.from(start, "hex") });
        expect(error).toMatchObject({ code: "ARCHIVE_FORMAT_UNSUPPORTED" });
        expect(error.message).toContain(`compressed with ${name}`);
        expect(error.fix).toContain(tool);
    });
});

describe("a split file is joined", () => {
    const zst = fixture("packed/one-frame.tar.zst");
    const pieces = [zst.subarray(0, 400), zst.subarray(400, 800), zst.subarray(800)];
    const hauler = Object.fromEntries(pieces.map((piece, i) => [`haul.tar.zst.00${i + 1}`, piece]));
    const head = { sha256Sum: createHash("sha256").update(zst).digest("hex"), bytes: zst.length, count: 3 };
    const zarf = (change: object = {}) => ({
        "pkg.tar.zst.part000": Buffer.from(JSON.stringify({ ...head, ...change })),
        ...Object.fromEntries(pieces.map((piece, i) => [`pkg.tar.zst.part00${i + 1}`, piece])),
    });

    it("by any of Hauler's pieces, or all of them, compressed or not", async () => {
        const path = await bench.folder({
            ...hauler,
            "plain.tar.001": plain.subarray(0, 5000),
            "plain.tar.002": plain.subarray(5000),
        });
        for (const given of ["haul.tar.zst.002", "haul.tar.zst.*"]) {
            const lock = await locked(await bench.open(join(path, given)));
            expect(lock.parts).toEqual(
                pieces.map(({ length: size }, i) => ({ name: `haul.tar.zst.00${i + 1}`, size })),
            );
        }
        expect((await locked(await bench.open(join(path, "plain.tar.001")))).parts).toHaveLength(2);
    });

    it("where its pieces lie, if it is not compressed: a piece that gets shorter is named", async () => {
        const folder = await bench.folder(
            Object.fromEntries([0, 1, 2].map((at) => [`a.tar.0${at}`, plain.subarray(at * 3000, (at + 1) * 3000)])),
        );
        // A preview unpacks nothing.
        const archive = await openArchive(join(folder, "a.tar.01"), { limit: 0 });
        expect(archive.warnings).toEqual([]);
        const lock = await locked(archive);
        expect(lock.parts.map(({ size }) => size)).toEqual([3000, 3000, plain.length - 6000]);
        await truncate(join(folder, "a.tar.01"), 10);
        const read = Object.keys(lock.blobs).map((digest) => archive.source.read(digest));
        const failed = (await Promise.allSettled(read)).filter(({ status }) => status === "rejected");
        expect(failed.length).toBeGreaterThan(0);
        for (const { reason } of failed as PromiseRejectedResult[])
            expect(reason).toMatchObject({ code: "ARCHIVE_TRUNCATED", archive: join(folder, "a.tar.01") });
        await archive.close();
        expect(await filesLeft(folder)).toEqual([]);
    });

    it("by any of Zarf's, also without its head: what it tells is proven by every blob's digest too", async () => {
        const rest = Object.fromEntries(Object.entries(zarf()).filter(([name]) => !name.endsWith("000")));
        expect((await locked(await bench.openFiles(rest, "pkg.tar.zst.part003"))).parts).toHaveLength(3);
        const cut = Object.fromEntries(Object.entries(rest).filter(([name]) => !name.endsWith("003")));
        const error = await refusal(bench.openFiles(cut, "pkg.tar.zst.part001"));
        expect(error.code).toBe("ARCHIVE_TRUNCATED");
        expect(error.message).toContain("if there is another piece, pkg.tar.zst.part003, it is not here");
    });

    it("by any of Zarf's, whose head tells their number, bytes and sha256", async () => {
        expect((await locked(await bench.openFiles(zarf(), "pkg.tar.zst.part000"))).parts).toHaveLength(3);
        expect((await locked(await bench.openFiles(zarf(), "pkg.tar.zst.part002"))).parts).toHaveLength(3);
    });

    it("and what is no file beside its pieces is none of them; all are closed at the end", async () => {
        const folder = await bench.folder({ ...hauler, "haul.tar.zst.004/of": Buffer.from("a folder") });
        const archive = await openArchive(join(folder, "haul.tar.zst.001"));
        await archive.close();
        expect(await filesLeft(folder)).toEqual([]);
    });

    it.each<[string, Record<string, Buffer | undefined>, string, string]>([
        ["a gap", { ...hauler, "haul.tar.zst.002": undefined }, "haul.tar.zst.002 is missing", "ARCHIVE_INCOMPLETE"],
        [
            "a missing first piece",
            { ...hauler, "haul.tar.zst.001": undefined },
            "haul.tar.zst.001 is missing",
            "ARCHIVE_INCOMPLETE",
        ],
        ["a missing last piece", { ...hauler, "haul.tar.zst.003": undefined }, "is truncated", "ARCHIVE_TRUNCATED"],
        ["fewer pieces than the head says", zarf({ count: 4 }), "pkg.tar.zst.part004 is missing", "ARCHIVE_INCOMPLETE"],
        ["other bytes than the head says", zarf({ bytes: 9 }), "they should have 9", "ARCHIVE_TRUNCATED"],
        [
            "another sha256 than the head says",
            zarf({ sha256Sum: "0".repeat(64) }),
            "have the sha256",
            "ARCHIVE_DIGEST_MISMATCH",
        ],
        [
            "a head that is none",
            { ...zarf(), "pkg.tar.zst.part000": Buffer.from("{") },
            "it lacks sha256Sum",
            "ARCHIVE_METADATA_INVALID",
        ],
    ])("and is refused for %s", async (_, files, what, code) => {
        const there = Object.entries(files).filter((entry): entry is [string, Buffer] => entry[1] !== undefined);
        const error = await refusedWith(Object.fromEntries(there.reverse()));
        expect(error).toMatchObject({ code });
        expect(error.message).toContain(what);
    });
});
