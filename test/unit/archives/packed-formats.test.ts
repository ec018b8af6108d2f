import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Archive, describeArchive } from "../../../lib/archives";
import { ArchiveFile } from "../../../lib/archives/files/archive-file";
import { KeptTotal } from "../../../lib/archives/packed/kept-entries";
import { PackedFile } from "../../../lib/archives/packed/packed-file";
import { MAGIC_BYTES } from "../../../lib/archives/packed/compression";
import { computeDigest, digestHex } from "../../../lib/oci/digest";
import { ArchiveBench, type TarSpec, ocMirrorEntries, refusal, tar, testImage } from "../../support/archives";
import { rawFrame } from "../../support/zstd";

const FIXTURES = join(__dirname, "../../fixtures/archives");
const zstd = (bytes: Buffer) => rawFrame(bytes, 20);

const bench = new ArchiveBench();
afterEach(() => {
    jest.restoreAllMocks();
    return bench.clear();
});

/** What a lock says, and what is said with it, apart from the name of the file. */
async function described(archive: Archive) {
    const { lock, notes } = await describeArchive(archive, []);
    const text = (all: readonly string[]) => all.map((each) => each.replaceAll(archive.label, "<archive>"));
    const warnings = archive.warnings.filter((warning) => !warning.includes("is compressed with"));
    return { lock: { ...lock, parts: [] }, notes: text(notes), warnings: text(warnings) };
}

describe("an archive that is compressed is locked as the plain one:", () => {
    it.each([
        ["skopeo/oci-archive.tar"],
        ["skopeo/index.tar"],
        ["skopeo/docker-archive.tar"],
        ["podman/oci-archive.tar"],
        ["podman/docker-archive.tar"],
        ["containerd/by-digest.tar"],
        ["regctl/export.tar"],
        ["crane/tarball.tar"],
        ["docker/graph-driver.tar"],
        ["docker/containerd-store.tar"],
        ["oc/catalog-mirror.tar"],
        ["oc/release-mirror.tar"],
        ["oc-mirror/with-mapping/mirror_000001.tar"],
        ["oc-mirror/operators/mirror_000001.tar"],
        ["oc-mirror/release/mirror_000001.tar"],
        ["oc-mirror/incremental/2/mirror_000001.tar"],
    ])("%s", async (path) => {
        const bytes = readFileSync(join(FIXTURES, path));
        const name = basename(path);
        const plain = await described(await bench.openFiles({ [name]: bytes }, name));
        for (const pack of [gzipSync, zstd])
            expect(await described(await bench.openFiles({ [name]: pack(bytes) }, name))).toEqual(plain);
    });

    it("parts of oc-mirror, some compressed and under other names, some not", async () => {
        const entries = ocMirrorEntries({
            tags: [{ repository: "org/app", tag: "1", image: testImage("app") }],
            imageSet: ["quay.io/org/app:1"],
        });
        const names = ["mirror_000001.tar", "mirror_000002.tar"];
        const half = Math.floor(entries.length / 2);
        // The configuration of the image set, which shows what it is, comes after others.
        const parts = [tar(entries.slice(0, half)), tar(entries.slice(half))];
        const [one = "", two = ""] = names;
        const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = parts;
        const plain = await described(await bench.openFiles({ [one]: first, [two]: second }));
        const mixed = await bench.openFiles({ [one]: gzipSync(first), [two]: second });
        expect(await described(mixed)).toEqual(plain);
        const renamed = await bench.openFiles({ "one.tar.zst": zstd(first), "two.tgz": gzipSync(second) });
        expect((await described(renamed)).lock).toEqual(plain.lock);
    });
});

describe("of an archive that is compressed", () => {
    const blob = (body: Buffer): TarSpec => ({ name: `blobs/sha256/${digestHex(computeDigest(body))}`, body });

    it("what is not kept is unpacked again, in any order and by several at once", async () => {
        const bodies = [0, 1, 2].map(() => randomBytes(1_500_000));
        const bytes = gzipSync(tar([{ name: "index.json", body: EMPTY_INDEX }, ...bodies.map(blob)]));
        const { source } = await bench.openFiles({ "a.tar.gz": bytes }, "a.tar.gz");
        const read = async (body: Buffer, start: number) => {
            const hash = createHash("sha256");
            for await (const chunk of source.open(computeDigest(body), start)) hash.update(chunk as Buffer);
            expect(hash.digest("hex")).toBe(digestHex(computeDigest(body.subarray(start))));
        };
        await Promise.all(bodies.reverse().map((body, at) => read(body, at * 100)));
    });

    it.each([
        ["large", 100_000],
        ["small", 1000],
    ])("images are made of %s layers in any order, without unpacking it again", async (_, size) => {
        const layers = [0, 1, 2].map(() => randomBytes(size));
        const rootfs = { type: "layers", diff_ids: layers.map(computeDigest) };
        const config = blob(Buffer.from(JSON.stringify({ os: "linux", architecture: "amd64", rootfs })));
        const item = {
            Config: config.name,
            RepoTags: ["quay.io/org/app:1"],
            Layers: layers.map((one) => blob(one).name),
        };
        const entries = [
            ...[...layers].reverse().map(blob),
            config,
            { name: "manifest.json", body: JSON.stringify([item]) },
        ];
        const path = join(await bench.folder({ "a.tar.gz": gzipSync(tar(entries)) }), "a.tar.gz");
        const readings = countReadings();
        await bench.open(path);
        expect(readings()).toBe(1);
    });

    it("what was read last is there again, all of it", async () => {
        const layer = randomBytes(100_000);
        const path = join(await bench.folder({ "a.tar.gz": gzipSync(tar([blob(layer)])) }), "a.tar.gz");
        const open = await ArchiveFile.open(path);
        const packed = { path, files: [open], parts: open.parts, compression: "gzip" as const };
        const file = new PackedFile(packed, new KeptTotal(), {});
        const readings = countReadings();
        const [whole, start] = [Buffer.alloc(layer.length), Buffer.alloc(1000)];
        await file.readInto(whole, 512);
        await file.readInto(start, 512);
        expect([whole.equals(layer), start.equals(layer.subarray(0, 1000)), readings()]).toEqual([true, true, 1]);
        await file.close();
    });

    it("payloads of signatures and configs are kept, however many small layers lie before them", async () => {
        const layers = Array.from({ length: 500 }, () => blob(randomBytes(64 * 1024)));
        const payloads = [1, 2, 3].map((at) => Buffer.from(JSON.stringify({ critical: { at } })));
        const entries = [...layers, ...payloads.map(blob), { name: "index.json", body: EMPTY_INDEX }];
        const path = join(await bench.folder({ "a.tar.gz": gzipSync(tar(entries), { level: 1 }) }), "a.tar.gz");
        const readings = countReadings();
        const { source } = await bench.open(path);
        for (const payload of payloads.reverse()) expect(await source.read(computeDigest(payload))).toEqual(payload);
        expect(readings()).toBe(1);
    });

    it("all files pass by in their order, with their bytes", async () => {
        const bodies = [randomBytes(10), randomBytes(300_000), Buffer.alloc(0), randomBytes(700)];
        const passed: Buffer[] = [];
        const folder = await bench.folder({
            "a.tar.gz": gzipSync(tar([...bodies.map(blob), { name: "index.json", body: EMPTY_INDEX }])),
        });
        const archive = await bench.open(join(folder, "a.tar.gz"), {
            passing: async ({ body, size }) => {
                const pieces: Buffer[] = [];
                for await (const piece of body()) pieces.push(Buffer.from(piece));
                passed.push(Buffer.concat(pieces));
                expect(passed.at(-1)).toHaveLength(size);
            },
        });
        expect(passed).toEqual([...bodies, Buffer.from(EMPTY_INDEX)]);
        await archive.close();
    });

    it("files that are in it again and again are not compared for ever", async () => {
        const repeated = Array.from({ length: 102 }, () => ({ name: "layer.tar", body: Buffer.alloc(70_000) }));
        const bytes = gzipSync(tar([...repeated, { name: "index.json", body: EMPTY_INDEX }]), { level: 1 });
        const error = await refusal(bench.openFiles({ "a.tar.gz": bytes }, "a.tar.gz"));
        expect(error).toMatchObject({ code: "ARCHIVE_TOO_LARGE" });
        const few = gzipSync(tar(repeated.slice(0, 20)), { level: 1 });
        expect((await refusal(bench.openFiles({ "b.tar.gz": few }, "b.tar.gz"))).code).not.toBe("ARCHIVE_TOO_LARGE");
    });

    it("manifests are kept up to a bound, which is told", async () => {
        const manifests = Array.from({ length: 17 }, (_, at) => {
            const text = JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", at });
            return blob(Buffer.from(text.padEnd(4 * 1024 * 1024)));
        });
        const bytes = gzipSync(tar([...manifests, { name: "index.json", body: EMPTY_INDEX }]), { level: 1 });
        const error = await refusal(bench.openFiles({ "a.tar.gz": bytes }, "a.tar.gz"));
        expect(error).toMatchObject({ code: "ARCHIVE_TOO_LARGE", fix: "decompress it and give the plain tar" });
        expect(error.message).toContain("more than 67.1 MB of manifests and indexes");
    });

    it("what other programs call an index ends nothing beyond that bound, and takes no room from what comes after it", async () => {
        const MiB = 1024 * 1024;
        const site = [
            { name: "search/index.json", body: Buffer.alloc(64 * MiB - 300, " ") },
            { name: "more/index.json", body: Buffer.alloc(MiB, " ") },
        ];
        const folder = await bench.folder({
            "a.tar.gz": gzipSync(tar(site), { level: 1 }),
            "b.tar.gz": gzipSync(readFileSync(join(FIXTURES, "skopeo/oci-archive.tar"))),
        });
        const archive = await bench.open(folder);
        expect(archive.warnings).toContain(`${folder}: 1 archive holds no images and is left out: a.tar.gz`);
        expect(Object.keys((await describeArchive(archive, [])).lock.images)).toEqual(["quay.io/fixture/app:1"]);
    });

    it("what other programs call a manifest is not unpacked for ever beyond it", async () => {
        const manifest = JSON.stringify({ name: "an extension of a browser" });
        const extensions = Array.from({ length: 12 }, (_, at) => ({
            name: `${900 - at}/manifest.json`,
            body: manifest,
        }));
        const first = { name: "search/index.json", body: Buffer.alloc(64 * 1024 * 1024 - 300, " ") };
        const bytes = gzipSync(tar([first, ...extensions]), { level: 1 });
        const error = await refusal(bench.openFiles({ "a.tar.gz": bytes }, "a.tar.gz"));
        expect(error).toMatchObject({ code: "ARCHIVE_TOO_LARGE", fix: "decompress it and give the plain tar" });
        const few = gzipSync(tar([first, ...extensions.slice(0, 3)]), { level: 1 });
        expect((await refusal(bench.openFiles({ "b.tar.gz": few }, "b.tar.gz"))).message).toContain("no image archive");
    });
});

/** Of files that are read forwards from their first byte on. */
function countReadings(): () => number {
    const read = jest.spyOn(ArchiveFile.prototype, "readInto");
    return () => read.mock.calls.filter(([target, offset]) => offset === 0 && target.length > MAGIC_BYTES).length;
}

const EMPTY_INDEX = JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [],
});
