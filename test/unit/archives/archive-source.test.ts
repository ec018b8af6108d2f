import { once } from "node:events";
import { createHash } from "node:crypto";
import { truncate } from "node:fs/promises";
import { type Archive } from "../../../lib/archives";
import { computeDigest } from "../../../lib/oci/digest";
import {
    ArchiveBench,
    type OcMirrorSpec,
    ocMirrorBlobName,
    ocMirrorEntries,
    refusal,
    tar,
    testImage,
} from "../../support/archives";

const image = testImage("app", { layers: [Buffer.alloc(700_000, "a"), Buffer.from("small")] });
const [layer = ""] = [...image.blobs.keys()].slice(1);
const spec: OcMirrorSpec = {
    tags: [{ repository: "org/app", tag: "1", image }],
    imageSet: ["quay.io/org/app:1"],
};
const entries = ocMirrorEntries(spec);

const bench = new ArchiveBench();
afterEach(() => bench.clear());

async function objectBytes(archive: Archive, digest: string, start?: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of archive.source.open(digest, start)) chunks.push(Buffer.from(chunk as Uint8Array));
    return Buffer.concat(chunks);
}

describe("the source of an archive", () => {
    it("streams a blob from any byte on, again and again", async () => {
        const archive = await bench.openFiles({ "mirror_000001.tar": tar(entries) });
        const whole = image.blobs.get(layer) ?? Buffer.alloc(0);
        const both = await Promise.all([objectBytes(archive, layer), objectBytes(archive, layer, 300_001)]);
        expect(both[0].equals(whole)).toBe(true);
        expect(both[1].equals(whole.subarray(300_001))).toBe(true);
        expect(await objectBytes(archive, layer, whole.length)).toHaveLength(0);
        expect(() => archive.source.open(layer, whole.length + 1)).toThrow("outside its 700000 bytes");
    });

    it("reads a small object whole and checks its digest", async () => {
        const archive = await bench.openFiles({ "mirror_000001.tar": tar(entries) });
        expect((await archive.source.read(image.digest)).equals(image.manifest)).toBe(true);
    });

    it("tells a flipped bit by archive, entry, offset, both digests and the cure", async () => {
        const bytes = tar(entries);
        const at = bytes.indexOf(image.manifest);
        bytes[at + 20] = (bytes[at + 20] ?? 0) ^ 1;
        const archive = await bench.openFiles({ "mirror_000001.tar": bytes });
        const actual = `sha256:${createHash("sha256")
            .update(bytes.subarray(at, at + image.manifest.length))
            .digest("hex")}`;
        const error = await refusal(archive.source.read(image.digest));
        expect(error).toMatchObject({
            code: "ARCHIVE_DIGEST_MISMATCH",
            entry: ocMirrorBlobName(image.digest),
            offset: at,
        });
        expect(error.message).toContain(
            `offset ${at}: the bytes are ${actual}, not ${image.digest}; copy the archive again from the connected side`,
        );
        expect(error.archive).toMatch(/mirror_000001\.tar$/);
    });

    it("says what it does not hold, and refuses to read whole what is too large for it", async () => {
        const large = testImage("large", { layers: [Buffer.alloc(4 * 1024 * 1024 + 1)] });
        const [big = ""] = [...large.blobs.keys()].slice(1);
        const tags = [{ repository: "a", tag: "1", image: large }];
        const archive = await bench.openFiles({ "mirror_000001.tar": tar(ocMirrorEntries({ tags })) });
        expect(await refusal(archive.source.read(big))).toMatchObject({ code: "ARCHIVE_TOO_LARGE" });
        expect(archive.source.size(computeDigest("x"))).toBeUndefined();
        expect(() => archive.source.open(computeDigest("x"))).toThrow(`it does not hold ${computeDigest("x")}`);
        expect(await refusal(archive.source.read(computeDigest("x")))).toMatchObject({ code: "ARCHIVE_BLOB_MISSING" });
    });

    it("fails a stream, with its place, when the file has become shorter", async () => {
        const bytes = tar(entries);
        const archive = await bench.openFiles({ "mirror_000001.tar": bytes });
        const at = bytes.indexOf(image.blobs.get(layer) ?? "");
        const place = (await archive.source.read(image.digest)) && archive.source.place(layer);
        await truncate(place?.archive ?? "", at + 1000);
        const error = await refusal(objectBytes(archive, layer));
        expect(error).toMatchObject({ code: "ARCHIVE_TRUNCATED", entry: ocMirrorBlobName(layer), offset: at + 1000 });
    });

    it("fails after it was closed, which may be done twice", async () => {
        const archive = await bench.openFiles({ "mirror_000001.tar": tar(entries) });
        await archive.close();
        await archive.close();
        expect(await refusal(objectBytes(archive, layer))).toMatchObject({ code: "ARCHIVE_CLOSED" });
    });

    it("can be left in the middle of a stream", async () => {
        const archive = await bench.openFiles({ "mirror_000001.tar": tar(entries) });
        const stream = archive.source.open(layer);
        await once(stream, "readable");
        stream.destroy();
        expect(await objectBytes(archive, layer)).toHaveLength(700_000);
    });
});
