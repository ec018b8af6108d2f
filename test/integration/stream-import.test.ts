import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { streamEntries } from "../../lib/archives";
import { type ImportEvent, executeStream, planImport } from "../../lib/import";
import { requireAllTold } from "../../lib/import/stream/all-told";
import { Awaited } from "../../lib/import/stream/awaited";
import { type Digest, digestHex } from "../../lib/oci/digest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../lib/oci/media-types";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { type TarSpec, ocMirrorBlobName, tar } from "../support/archives";
import type { Passed } from "../support/counting-proxy";
import { countedRegistry } from "../support/counted-registry";
import { MemoryImageSet } from "../support/image-set";
import { stored } from "../support/registry-process";
import { problemText } from "../support/problems";
import { rawFrame } from "../support/zstd";

jest.setTimeout(120_000);

const RETRY = { seconds: 5, firstDelay: 20, longestDelay: 100 };
const MIB = 1024 * 1024;
const counted = countedRegistry(RETRY);

/** Entries of an OCI layout, in this order. */
function layout(content: MemoryImageSet, digests: Iterable<Digest> = content.bytes.keys()): TarSpec[] {
    return [...digests].map((digest) => ({
        name: `blobs/sha256/${digestHex(digest)}`,
        body: content.bytes.get(digest) ?? "",
    }));
}

/** The bytes as a pipe gives them. */
async function* piped(bytes: Buffer): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += 65_000) yield await Promise.resolve(bytes.subarray(at, at + 65_000));
}

async function bring(content: MemoryImageSet, bytes: Buffer) {
    const { set } = content;
    const base = parseMirrorBase(`${counted.proxy.host}/mirror`);
    const plan = await planImport(counted.client, { images: set.images, set, base });
    counted.proxy.forget();
    const result = await executeStream(counted.client, plan, {
        label: "standard input",
        entries: () => streamEntries(piped(bytes), "standard input"),
    });
    return { plan, result, blobs: counted.proxy.requests.filter(isBlobPut) };
}

/** The list that the client keeps for a registry without the referrers API. */
const isReferrersPut = ({ method, path }: Passed) => method === "PUT" && /\/manifests\/sha256-[0-9a-f]{64}$/.test(path);
/** A registry that never mounts. */
const withoutMount = ({ path }: Passed) => (path.includes("mount=") ? { path: path.replace(/\?.*/, "") } : undefined);
const isBlobGet = ({ method, path }: Passed) => method === "GET" && path.includes("/blobs/sha256:");
const isBlobPut = ({ method, path }: Passed) => method === "PUT" && path.includes("/uploads/");

function subjectOf(content: MemoryImageSet, digest: Digest) {
    const size = content.size(digest) ?? 0;
    return { mediaType: MEDIA_TYPE_OCI_MANIFEST, digest, size };
}

/** Two images of two repositories with a layer of both, an index, a signature and an SBOM of the first. */
function someImages() {
    const content = new MemoryImageSet();
    const shared = content.blob(randomBytes(3 * MIB));
    const first = content.manifest([shared, content.blob()]);
    const second = content.manifest([content.blob(), shared]);
    content.image("quay.io/org/app:1", first);
    content.image("quay.io/org/tool:1", content.index([second, content.manifest()]));
    content.image(`quay.io/org/app:sha256-${digestHex(first)}.sig`, content.manifest());
    content.image("quay.io/org/app:sbom", content.manifest([content.blob()], { subject: subjectOf(content, first) }));
    return { content, shared, first };
}

describe.each([
    ["plain", (bytes: Buffer) => bytes],
    ["gzip", gzipSync],
    [
        "zstd in two frames",
        (bytes: Buffer) => Buffer.concat([rawFrame(bytes.subarray(0, MIB), 17), rawFrame(bytes.subarray(MIB), 17)]),
    ],
])("%s", (_, pack) => {
    test("every image is brought as planned, with its digest", async () => {
        const { content, shared } = someImages();
        const { plan, result } = await bring(content, pack(tar(layout(content))));
        expect(result.failed).toEqual([]);
        expect(result.done).toEqual(content.images);
        expect(result.sent).toEqual(result.planned);
        const lists = counted.proxy.requests.filter(isReferrersPut).map(({ bytes }) => bytes);
        expect(lists).toHaveLength(1);
        // Of the small blob that finds out whether the registry takes its bytes with the POST: it leaves them.
        const tried = counted.proxy.requests.filter(({ method, status }) => method === "POST" && status === 202);
        const beyond = [...tried.map(({ bytes }) => bytes), ...lists].reduce((sum, bytes) => sum + bytes, 0);
        expect(counted.proxy.bytes - beyond).toBe(plan.bytes);
        expect(stored(counted.registry, shared).equals(content.bytes.get(shared) ?? Buffer.alloc(0))).toBe(true);
        expect((await bring(content, Buffer.alloc(0))).plan.push).toEqual([]);
    });
});

test("the names of oc-mirror, tars one after the other, and manifests that are named by tag", async () => {
    const { content, first } = someImages();
    const [blobs, others] = [[...content.bytes.keys()], [{ name: "index.json", body: "{}" }]];
    const named = blobs.map((digest) => ({
        name: digest === first ? "v2/org/app/manifests/1" : ocMirrorBlobName(digest),
        body: content.bytes.get(digest) ?? "",
    }));
    const { result } = await bring(content, Buffer.concat([tar(named.slice(0, 3)), tar(others), tar(named.slice(3))]));
    expect(result.failed).toEqual([]);
    expect(result.done).toEqual(content.images);
});

test("a stream that is cut leaves whole images, and the next one sends no blob twice", async () => {
    const content = new MemoryImageSet();
    for (let i = 0; i < 6; i++)
        content.image(`quay.io/org/app${i}:1`, content.manifest([content.blob(randomBytes(MIB))]));
    const bytes = tar(layout(content));
    const cut = await bring(content, bytes.subarray(0, 3.5 * MIB));
    expect(Object.keys(cut.result.done)).toHaveLength(3);
    expect(cut.result.failed).toHaveLength(3);
    for (const failed of cut.result.failed)
        expect(problemText(failed)).toMatch(/^ARCHIVE_TRUNCATED .*run the same command again/s);
    const again = await bring(content, bytes);
    expect(again.result.done).toEqual(content.images);
    const sent = [...cut.blobs, ...again.blobs]
        .filter(({ status }) => status === 201)
        .map(({ path }) => path.split("digest=")[1]);
    expect(new Set(sent).size).toBe(sent.length);
    expect(sent).toHaveLength(12);
});

test("where mounts are refused, blobs are read back from the registry and not from the stream", async () => {
    const { content } = someImages();
    counted.proxy.detour = withoutMount;
    const { result } = await bring(content, tar(layout(content)));
    expect(result.failed).toEqual([]);
    expect(result.done).toEqual(content.images);
    expect(result.refusedMounts).toHaveLength(1);
});

describe("blobs of two repositories, where mounts are refused,", () => {
    function sharedImages() {
        const content = new MemoryImageSet();
        const shared = Array.from({ length: 20 }, (_, i) => content.blob(randomBytes(i === 0 ? 9 * MIB : 200_000)));
        content.image("quay.io/org/app:1", content.manifest([...shared, content.blob()]));
        content.image("quay.io/org/tool:1", content.manifest([...shared, content.blob()]));
        return content;
    }

    test("are read back with one request allowed at a time", async () => {
        counted.connect({ requests: 1 });
        counted.proxy.detour = withoutMount;
        const content = sharedImages();
        const { result } = await bring(content, tar(layout(content)));
        expect(result.failed).toEqual([]);
        expect(result.refusedMounts).toHaveLength(20);
    });

    test("are read back from a registry that puts up with ever fewer requests", async () => {
        let [gets, puts] = [0, 0];
        const levels = new Set<number>();
        counted.proxy.detour = (request) => {
            levels.add(counted.client.blobsAtOnce);
            // Each third upload or reading is one too many.
            if (isBlobPut(request) && ++puts % 3 === 0) return { status: 503 };
            if (isBlobGet(request) && ++gets % 3 === 0) return { status: 503 };
            return withoutMount(request);
        };
        const content = sharedImages();
        const { result } = await bring(content, tar(layout(content)));
        expect(result.failed).toEqual([]);
        expect(result.refusedMounts).toHaveLength(20);
        expect(Math.min(...levels)).toBe(1);
    });
});

test("a wrong byte in a blob and in a manifest fails their images alone, and nothing wrong is stored", async () => {
    const { content, first } = someImages();
    const large = content.blob(randomBytes(17 * MIB));
    content.image("quay.io/org/large:1", content.manifest([large]));
    const entries = layout(content).map(({ name, body }) => {
        const wrong = Buffer.from(body ?? "");
        if (name.endsWith(digestHex(large)) || name.endsWith(digestHex(first))) wrong[7] = (wrong[7] ?? 0) ^ 1;
        return { name, body: wrong };
    });
    const { result } = await bring(content, tar(entries));
    expect(result.failed.map(({ source }) => source).sort()).toEqual(["quay.io/org/app:1", "quay.io/org/large:1"]);
    for (const failed of result.failed)
        expect(problemText(failed)).toMatch(/^ARCHIVE_DIGEST_MISMATCH .*standard input/s);
    expect(() => stored(counted.registry, large)).toThrow();
});

test("what did not pass is not in the archive, by image", async () => {
    const { content, shared } = someImages();
    const { plan, result } = await bring(
        content,
        tar(
            layout(
                content,
                [...content.bytes.keys()].filter((digest) => digest !== shared),
            ),
        ),
    );
    for (const incomplete of [
        { ...result, done: {} },
        { ...result, failed: [] },
    ])
        expect(() => requireAllTold(plan, incomplete)).toThrow(/without a result for .*quay.io\/org\/app:/);
    expect(Object.keys(result.done)).toHaveLength(2);
    for (const failed of result.failed)
        expect(problemText(failed)).toMatch(/^ARCHIVE_BLOB_MISSING .*it is not in the archive/s);
});

test("an upload that breaks goes on from memory", async () => {
    const { content, shared } = someImages();
    let left = 2;
    counted.proxy.detour = (request) =>
        isBlobPut(request) && request.path.includes(encodeURIComponent(shared)) && left-- > 0
            ? { resetAfter: MIB }
            : undefined;
    const { result } = await bring(content, tar(layout(content)));
    expect(result.failed).toEqual([]);
    expect(left).toBeLessThanOrEqual(0);
    expect(result.repeatedBytes).toBeGreaterThan(0);
});

test("a blob larger than the memory that is read ahead passes through it; if its upload breaks late, it fails alone", async () => {
    const content = new MemoryImageSet();
    const large = content.blob(Buffer.alloc(140 * MIB, randomBytes(1021)));
    content.image("quay.io/org/large:1", content.manifest([large]));
    content.image("quay.io/org/app:1");
    let left = 1;
    counted.proxy.detour = (request) =>
        isBlobPut(request) && request.path.includes(encodeURIComponent(large)) && left-- > 0
            ? { resetAfter: 120 * MIB }
            : undefined;
    const bytes = tar(layout(content));
    const broken = await bring(content, bytes);
    expect(broken.result.failed.map(({ source }) => source)).toEqual(["quay.io/org/large:1"]);
    expect(problemText(broken.result.failed[0])).toMatch(/^ARCHIVE_STREAM_PASSED: .*run the same command again/s);
    const again = await bring(content, bytes);
    expect(again.result.done).toEqual(content.images);
    expect(again.blobs.map(({ bytes: sent }) => sent)).toEqual([140 * MIB]);
});

test("a registry that is gone ends the reading", async () => {
    const { content } = someImages();
    counted.proxy.detour = (request) => (request.method === "POST" ? { status: 503 } : undefined);
    const { set } = content;
    const plan = await planImport(counted.client, {
        images: set.images,
        set,
        base: parseMirrorBase(`${counted.proxy.host}/mirror`),
    });
    const result = await executeStream(counted.client, plan, {
        label: "standard input",
        entries: (signal) => streamEntries(endless(tar(layout(content), { end: false }), signal), "standard input"),
    });
    expect(result.failed).toHaveLength(4);
    expect(result.failed.map(problemText).join("\n")).toMatch(/NOT_TRIED/);
});

test("a run that is stopped ends after the blobs that are under way", async () => {
    const content = new MemoryImageSet();
    const app = content.manifest();
    const [signed, last] = [content.blob(), content.blob()];
    const signature = `quay.io/org/app:sha256-${digestHex(app)}.sig`;
    content.image("quay.io/org/app:1", app);
    content.image(signature, content.manifest([signed]));
    content.image("quay.io/org/tool:1", content.manifest([last]));
    const [begun, goOn] = [new Awaited<void>(), new Awaited<void>()];
    counted.proxy.detour = (request) => {
        if (!request.path.includes("/uploads/")) return undefined;
        if (request.path.includes("org/tool"))
            return {
                answer: async () => {
                    await begun.promise;
                    return { status: 202, headers: { location: "http://elsewhere.example/v2/" } };
                },
            };
        if (!request.path.includes(encodeURIComponent(signed))) return undefined;
        return {
            answer: async () => {
                begun.resolve();
                await goOn.promise;
                return { status: 201, headers: { location: "/v2/" } };
            },
        };
    };
    const { set } = content;
    const plan = await planImport(counted.client, {
        images: set.images,
        set,
        base: parseMirrorBase(`${counted.proxy.host}/mirror`),
    });
    const events: ImportEvent[] = [];
    const archive = {
        label: "standard input",
        entries: () => streamEntries(piped(tar(layout(content))), "standard input"),
    };
    const result = await executeStream(counted.client, plan, archive, {
        onEvent: (event) => {
            events.push(event);
            const isLast = event.event === "image" && event.state === "failed" && event.source === signature;
            if (isLast) void turns(20).then(() => goOn.resolve());
        },
    });
    expect(result.failed.map(({ source }) => source)).toContain(signature);
    expect(events.filter(({ event }) => event === "blob")).toContainEqual(expect.objectContaining({ digest: signed }));
    expect(events.at(-1)).toMatchObject({ event: "finished" });
});

/** Time for all that needs no answer. */
async function turns(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await new Promise(setImmediate);
}

/** A pipe whose writer never ends. */
async function* endless(bytes: Buffer, signal: AbortSignal): AsyncGenerator<Buffer> {
    yield bytes;
    await new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
}
