import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { Archive } from "../../../lib/archives";
import { BlobReader } from "../../../lib/import/transfer/verified-pieces";
import { type Digest, computeDigest, digestHex } from "../../../lib/oci/digest";
import { ArchiveBench, ociLayoutFiles, testImage } from "../../support/archives";

const bench = new ArchiveBench();
const KiB = 1024;

afterEach(() => bench.clear());

/** An archive in a folder that holds these bytes, under `digest` if they are to be wrong. */
async function holding(bytes: Buffer, digest = computeDigest(bytes)): Promise<{ archive: Archive; digest: Digest }> {
    const files = ociLayoutFiles([{ image: testImage("frame"), name: "quay.io/a/b:1" }]);
    files.set(join("blobs", "sha256", digestHex(digest)), bytes);
    return { archive: await bench.openFiles(files), digest };
}

test.each([1, 256 * KiB, 256 * KiB + 1, 3 * 256 * KiB, 2_000_000])(
    "a blob of %d bytes comes whole, and a piece stays as it is until the next but one is asked for",
    async (size) => {
        const bytes = randomBytes(size);
        const { archive, digest } = await holding(bytes);
        const reader = new BlobReader(archive.source);
        const task = { repository: "a/b", digest, size };
        // The second time over memory that was used before.
        for (let attempt = 0; attempt < 2; attempt++) {
            const blob = reader.open(task);
            const reports: number[] = [];
            let last: { piece: Uint8Array; at: number } | undefined;
            let at = 0;
            for await (const piece of blob.pieces((sent) => reports.push(sent))) {
                if (last !== undefined) expect(Buffer.from(last.piece).equals(bytes.subarray(last.at, at))).toBe(true);
                last = { piece, at };
                at += piece.length;
                expect(Buffer.from(piece).equals(bytes.subarray(last.at, at))).toBe(true);
            }
            expect(at).toBe(size);
            expect(reports.at(-1)).toBe(size);
            blob.arrived();
        }
        await reader.close();
    },
);

test.each([1000, 900 * KiB])("of %d wrong bytes the last piece is never given", async (size) => {
    const truth = randomBytes(size);
    const wrong = Buffer.from(truth);
    wrong[size - 1] = (wrong[size - 1] ?? 0) ^ 1;
    const { archive, digest } = await holding(wrong, computeDigest(truth));
    const reader = new BlobReader(archive.source);
    let given = 0;
    const read = async () => {
        for await (const piece of reader.open({ repository: "a/b", digest, size }).pieces(() => undefined))
            given += piece.length;
    };
    await expect(read()).rejects.toMatchObject({ code: "ARCHIVE_DIGEST_MISMATCH" });
    expect(given).toBeLessThan(size);
    await reader.close();
});

test("many blobs at once are each hashed for themselves, and one that is given up leaves the others alone", async () => {
    const all = Array.from({ length: 5 }, () => randomBytes(700 * KiB));
    const files = ociLayoutFiles([{ image: testImage("frame"), name: "quay.io/a/b:1" }]);
    for (const bytes of all) files.set(join("blobs", "sha256", digestHex(computeDigest(bytes))), bytes);
    const archive = await bench.openFiles(files);
    const reader = new BlobReader(archive.source);
    const read = async (bytes: Buffer, pieces: number) => {
        const found: Uint8Array[] = [];
        const task = { repository: "a/b", digest: computeDigest(bytes), size: bytes.length };
        for await (const piece of reader.open(task).pieces(() => undefined)) {
            found.push(Uint8Array.from(piece));
            if (found.length === pieces) break;
        }
        return computeDigest(Buffer.concat(found));
    };
    const digests = await Promise.all(all.map((bytes, at) => read(bytes, at === 2 ? 1 : 99)));
    expect(digests.filter((_, at) => at !== 2)).toEqual(all.filter((_, at) => at !== 2).map(computeDigest));
    await reader.close();
});

test("one that breaks while what the registry has is read is not read to its end", async () => {
    const bytes = randomBytes(100 * 64 * KiB);
    const { archive, digest } = await holding(bytes);
    let taken = 0;
    const pieces = function* () {
        for (let at = 0; at < bytes.length; at += 64 * KiB) {
            if (++taken === 3) blob.broke();
            yield bytes.subarray(at, at + 64 * KiB);
        }
    };
    const source = Object.assign(Object.create(archive.source) as typeof archive.source, {
        open: () => Readable.from(pieces()),
    });
    const reader = new BlobReader(source);
    const blob = reader.open({ repository: "a/b", digest, size: bytes.length });
    const given: Uint8Array[] = [];
    for await (const piece of blob.pieces(() => undefined, bytes.length - 1)) given.push(piece);
    expect(given).toEqual([]);
    expect(taken).toBeLessThan(50);
    await reader.close();
});
