import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Archive, describeArchive } from "../../lib/archives";
import { ArchiveFile } from "../../lib/archives/files/archive-file";
import { type ImportEvent, planImport } from "../../lib/import";
import { formatProblem } from "../../lib/errors/format";
import type { Lock } from "../../lib/lock";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { type Digest, digestHex } from "../../lib/oci/digest";
import { MEDIA_TYPE_OCI_INDEX, MEDIA_TYPE_OCI_MANIFEST } from "../../lib/oci/media-types";
import { type CarryOutOptions, carryOut } from "../../lib/passthrough";
import { ArchiveBench, type TarSpec, refusal, tar } from "../support/archives";
import { docker24, dockerImage } from "../support/docker-archives";
import type { Passed } from "../support/counting-proxy";
import { countedRegistry } from "../support/counted-registry";
import { MemoryImageSet } from "../support/image-set";
import { rawFrame } from "../support/zstd";

jest.setTimeout(120_000);

const RETRY = { seconds: 1, firstDelay: 20, longestDelay: 100 };
const MIB = 1024 * 1024;
const [ONE, TWO] = ["quay.io/org/app:1", "quay.io/org/tool:1"];
const bench = new ArchiveBench();
const counted = countedRegistry(RETRY);

afterEach(async () => {
    await bench.clear();
});

/** An OCI layout whose names lie behind its blobs. */
function layout(content: MemoryImageSet): Buffer {
    const blobs = [...content.bytes].map(([digest, body]) => ({ name: `blobs/sha256/${digestHex(digest)}`, body }));
    const manifests = Object.entries(content.images).map(([name, digest]) => ({
        mediaType: MEDIA_TYPE_OCI_MANIFEST,
        digest,
        size: content.size(digest),
        annotations: { "org.opencontainers.image.ref.name": name },
    }));
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPE_OCI_INDEX, manifests };
    const entries: TarSpec[] = [...blobs, { name: "index.json", body: JSON.stringify(index) }];
    return tar(entries);
}

/** Two images of two repositories with a layer of both, and one that does not fit into what is read ahead at once. */
function someImages(): MemoryImageSet {
    const content = new MemoryImageSet();
    const shared = content.blob(randomBytes(3 * MIB));
    content.image(ONE, content.manifest([shared, content.blob(randomBytes(9 * MIB))]));
    content.image(TWO, content.manifest([content.blob(), shared]));
    return content;
}

async function lockOf(open: Promise<Archive>): Promise<Lock> {
    const archive = await open;
    const { lock } = await describeArchive(archive, []);
    await archive.close();
    return lock;
}

const isPut = ({ method, status }: Passed) => method === "PUT" && status === 201;
const isBlob = ({ path }: Passed) => path.includes("/uploads/");
/** The registry took the request that begins a blob's upload: the archive was not read to its end before it. */
const isBegun = ({ method, status }: Passed) => method === "POST" && status === 202;

/** Imports without a folder for temporary files. */
async function bring(paths: readonly string[], lock: Lock, more: Partial<CarryOutOptions> = {}) {
    const base = parseMirrorBase(`${counted.proxy.host}/mirror`);
    const plan = await planImport(counted.client, { images: lock.images, set: lock, base });
    counted.proxy.forget();
    const set = { archive: paths, path: "x.lock.json", lock };
    const { TMPDIR } = process.env;
    process.env.TMPDIR = "/no/such/folder";
    try {
        return { plan, result: await carryOut(counted.client, plan, set, { registryKind: "distribution", ...more }) };
    } finally {
        if (TMPDIR === undefined) delete process.env.TMPDIR;
        else process.env.TMPDIR = TMPDIR;
    }
}

/** Digests of the blobs that the registry took, in their order. */
const blobsPut = () =>
    counted.proxy.requests.filter((one) => isPut(one) && isBlob(one)).map(({ path }) => digestIn(path));
const manifestsPut = () => counted.proxy.requests.filter((one) => one.method === "PUT" && !isBlob(one));
const digestIn = (path: string): Digest => decodeURIComponent(path.split("digest=")[1] ?? "");

describe.each<[string, (bytes: Buffer) => Record<string, Buffer>]>([
    ["gzip", (bytes) => ({ "a.tar.gz": gzipSync(bytes, { level: 1 }) })],
    ["zstd", (bytes) => ({ "a.tar.zst": rawFrame(bytes, 20) })],
    [
        "zstd in pieces",
        (bytes) => {
            const packed = rawFrame(bytes, 20);
            const half = Math.ceil(packed.length / 2);
            return { "a.tar.zst.aa": packed.subarray(0, half), "a.tar.zst.ab": packed.subarray(half) };
        },
    ],
])("an archive that is compressed with %s", (_, pack) => {
    test("is brought as planned while it is unpacked once, and images are put when it is known to be right", async () => {
        const content = someImages();
        const files = pack(layout(content));
        const path = join(await bench.folder(files), Object.keys(files)[0] ?? "");
        const lock = await lockOf(bench.open(path));
        const { plan, result } = await bring([path], lock);
        expect(result.failed).toEqual([]);
        expect(result.done).toEqual(content.images);
        expect(result.sent).toEqual(result.planned);
        expect(plan.uploads).toBe(new Set(blobsPut()).size);
        const { requests } = counted.proxy;
        const firstImage = requests.findIndex((one) => isPut(one) && !isBlob(one));
        expect(requests.slice(firstImage).filter(isBegun)).toEqual([]);
        expect(requests.slice(0, firstImage).some(isBegun)).toBe(true);
    });
});

test("an image that has a subject may be left to another run, which puts it", async () => {
    const content = someImages();
    const subject = { mediaType: MEDIA_TYPE_OCI_MANIFEST, digest: content.images[ONE], size: 1 };
    const other = "quay.io/org/app:sbom";
    content.image(other, content.manifest([content.blob()], { subject }));
    const path = join(await bench.folder({ "a.tar.gz": gzipSync(layout(content), { level: 1 }) }), "a.tar.gz");
    const lock = await lockOf(bench.open(path));
    const { result } = await bring([path], lock, { leavesReferrers: true });
    expect(result).toMatchObject({ failed: [], left: [other] });
    expect(Object.keys(result.done).sort()).toEqual([ONE, TWO]);
    expect((await bring([path], lock)).result.done).toEqual(content.images);
});

test("a lock with the digests of two images swapped puts no manifest; with the right one, no blob is sent again", async () => {
    const content = someImages();
    const path = join(await bench.folder({ "a.tar.gz": gzipSync(layout(content), { level: 1 }) }), "a.tar.gz");
    const lock = await lockOf(bench.open(path));
    const swapped = { ...lock, images: { [ONE]: lock.images[TWO] ?? "", [TWO]: lock.images[ONE] ?? "" } };
    const told: string[] = [];
    const onEvent = (event: ImportEvent) =>
        event.event === "image" && event.state === "failed" ? told.push(event.problem) : 0;
    const error = await refusal(bring([path], swapped, { onEvent }));
    expect(told).toHaveLength(2);
    for (const text of told)
        expect(text).toMatch(/^NOT_TRIED: nothing more of the archive is imported: ARCHIVE_LOCK_M/);
    expect(error.code).toBe("ARCHIVE_LOCK_MISMATCH");
    expect(error.problems?.map(({ name }) => name).sort()).toEqual([ONE, TWO]);
    expect(manifestsPut()).toEqual([]);
    const sent = blobsPut();
    expect(sent.length).toBeGreaterThan(0);
    const { result } = await bring([path], lock);
    expect(result.done).toEqual(content.images);
    // The names were those of other repositories: what is not mounted from there was never sent.
    expect(blobsPut().filter((digest) => sent.includes(digest)).length).toBeLessThan(sent.length);
});

test("nor does it move a tag between images that are in the registry already", async () => {
    const content = someImages();
    const other = "quay.io/org/app:2";
    content.image(other);
    const path = join(await bench.folder({ "a.tar.gz": gzipSync(layout(content), { level: 1 }) }), "a.tar.gz");
    const lock = await lockOf(bench.open(path));
    const { [ONE]: one = "", [other]: two = "" } = lock.images;
    expect((await bring([path], { ...lock, images: { [ONE]: one, [other]: two } })).result.failed).toEqual([]);
    const error = await refusal(bring([path], { ...lock, images: { ...lock.images, [ONE]: two, [other]: one } }));
    expect(error.code).toBe("ARCHIVE_LOCK_MISMATCH");
    expect(blobsPut().length).toBeGreaterThan(0);
    expect(manifestsPut()).toEqual([]);
});

test("an archive that is cut puts no manifest, and what was stored of it is not sent again", async () => {
    const content = someImages();
    const whole = gzipSync(layout(content), { level: 1 });
    const folder = await bench.folder({ "a.tar.gz": whole, "b.tar.gz": whole.subarray(0, -1000) });
    const lock = await lockOf(bench.open(join(folder, "a.tar.gz")));
    const error = await refusal(bring([join(folder, "b.tar.gz")], lock));
    expect(error.code).toBe("ARCHIVE_TRUNCATED");
    expect(manifestsPut()).toEqual([]);
    const sent = blobsPut();
    expect(sent.length).toBeGreaterThan(2);
    const { result } = await bring([join(folder, "a.tar.gz")], lock);
    expect(result.failed).toEqual([]);
    expect(result.done).toEqual(content.images);
    expect(blobsPut().filter((digest) => sent.includes(digest))).toEqual([]);
});

test.each([
    ["has come", 80, 70, 1],
    ["still comes", 150, 60, 2],
])("an upload that breaks when its first bytes are gone and the rest %s goes on there", async (_, mib, at, breaks) => {
    const content = new MemoryImageSet();
    const large = content.blob(Buffer.alloc(mib * MIB, randomBytes(1021)));
    content.image(ONE, content.manifest([large]));
    content.image(TWO);
    const path = join(await bench.folder({ "a.tar.gz": gzipSync(layout(content), { level: 1 }) }), "a.tar.gz");
    const lock = await lockOf(bench.open(path));
    let left = breaks;
    counted.proxy.detour = (request) =>
        isBlob(request) && request.path.includes(encodeURIComponent(large)) && left-- > 0
            ? { resetAfter: at * MIB }
            : undefined;
    const { result } = await bring([path], lock);
    expect(left).toBeLessThanOrEqual(0);
    expect(result.failed).toEqual([]);
    // What is under way when a connection breaks is sent again.
    expect(counted.proxy.bytes).toBeLessThan((mib + 16 * breaks) * MIB);
    expect(result.done).toEqual(content.images);
});

test("a registry that is gone ends the reading, and every image fails", async () => {
    const content = someImages();
    const path = join(await bench.folder({ "a.tar.gz": gzipSync(layout(content), { level: 1 }) }), "a.tar.gz");
    const lock = await lockOf(bench.open(path));
    counted.proxy.detour = (request) => (request.method === "POST" ? { status: 503 } : undefined);
    const { result } = await bring([path], lock);
    expect(result.failed.map(({ source }) => source).sort()).toEqual([ONE, TWO]);
    for (const { problems } of result.failed) expect(problems.map(formatProblem).join()).toContain("503");
});

test.each([
    ["before anything was sent", "archive"],
    ["when something is sent", "registry"],
])("a run that is interrupted %s reads no further, and no image is put", async (_, where) => {
    const content = someImages();
    const path = join(await bench.folder({ "a.tar.gz": gzipSync(layout(content), { level: 1 }) }), "a.tar.gz");
    const lock = await lockOf(bench.open(path));
    const [run, reason] = [new AbortController(), new Error("interrupted")];
    counted.connect({ signal: run.signal });
    counted.proxy.detour = ({ method }) => {
        if (method === "POST") run.abort(reason);
        return undefined;
    };
    const read = jest.spyOn(ArchiveFile, "open");
    if (where === "archive") read.mockImplementationOnce((...given) => (run.abort(reason), ArchiveFile.open(...given)));
    const outcome = bring([path], lock);
    if (where === "archive") await expect(outcome).rejects.toBe(reason);
    else expect((await outcome).result.failed).toHaveLength(2);
    expect(manifestsPut()).toEqual([]);
    read.mockRestore();
});

test("what docker saved, whose layers no name gives a digest, beside an archive that is not compressed", async () => {
    const images = [
        { image: dockerImage("one", "two"), tags: ["quay.io/org/saved:1"] },
        { image: dockerImage("three", "one"), tags: ["quay.io/org/saved:2"] },
    ];
    const content = someImages();
    const folder = await bench.folder({ "saved.tar.gz": gzipSync(tar(docker24(images))), "a.tar": layout(content) });
    const paths = [join(folder, "a.tar"), join(folder, "saved.tar.gz")];
    const lock = await lockOf(bench.open(paths));
    expect(lock.format).toBe("mixed");
    const { result } = await bring(paths, lock);
    expect(result.failed).toEqual([]);
    expect(result.done).toEqual(lock.images);
    expect(Object.keys(result.done)).toHaveLength(4);
});
