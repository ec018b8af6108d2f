import { randomBytes } from "node:crypto";
import { describeArchive, openArchive } from "../../lib/archives";
import { executePlan, planImport } from "../../lib/import";
import type { BlobSource, ImageSet } from "../../lib/mirror/image-set";
import { type Digest, computeDigest } from "../../lib/oci/digest";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { makeFolder, ocMirrorEntries, tar, testImage } from "../support/archives";
import type { Detour, Passed } from "../support/counting-proxy";
import { countedRegistry } from "../support/counted-registry";
import { MemoryImageSet } from "../support/image-set";
import { RegistryStorage } from "../support/faults/registry-storage";
import { stored } from "../support/registry-process";

jest.setTimeout(120_000);

const RETRY = { seconds: 30, firstDelay: 50, longestDelay: 200 };
const MIB = 1024 * 1024;
const SIZE = 66 * MIB;
const counted = countedRegistry(RETRY);

const isUpload = ({ method, path }: Passed, digest: Digest) =>
    method === "PUT" && path.includes(encodeURIComponent(digest));

/** Imports an image with one large layer on whose way `detour` lies. @returns bytes of each try to send it */
async function bring(size: number, detour: (request: Passed, layer: Digest) => Detour | undefined) {
    const content = new MemoryImageSet();
    const bytes = Buffer.alloc(size, randomBytes(1021));
    const layer = content.blob(bytes);
    content.image("quay.io/org/app:1", content.manifest([layer]));
    return carry(content, content.set, bytes, detour);
}

async function carry(
    content: BlobSource,
    set: ImageSet,
    bytes: Buffer,
    detour: (request: Passed, layer: Digest) => Detour | undefined,
) {
    const layer = computeDigest(bytes);
    const base = parseMirrorBase(`${counted.proxy.host}/mirror`);
    const plan = await planImport(counted.client, { images: set.images, set, base });
    counted.proxy.detour = (request) => detour(request, layer);
    const result = await executePlan(counted.client, content, plan);
    expect(result.failed).toEqual([]);
    expect(result.sent).toEqual(result.planned);
    expect(stored(counted.registry, layer).equals(bytes)).toBe(true);
    const tries = counted.proxy.requests.filter((request) => isUpload(request, layer)).map((request) => request.bytes);
    return { tries, repeatedBytes: result.repeatedBytes };
}

/** Cuts the first tries to send the layer off, each after so many bytes. */
function cutting(...after: number[]) {
    const left = [...after];
    return (request: Passed, layer: Digest): Detour | undefined => {
        const resetAfter = isUpload(request, layer) ? left.shift() : undefined;
        return resetAfter === undefined ? undefined : { resetAfter };
    };
}

test("a large blob goes on where it was cut off, twice, and its digest is still proven", async () => {
    const { tries } = await bring(SIZE, cutting(30 * MIB, 20 * MIB));
    expect(tries).toHaveLength(3);
    // What the registry has got of a cut transfer is less than what was sent; more than the first is both of them.
    expect(tries[2]).toBeLessThan(SIZE - 30 * MIB);
    expect(tries[2]).toBeGreaterThan(0);
});

test("the rest of a large blob comes from its place in the archive, in the midst of others", async () => {
    const bytes = Buffer.alloc(SIZE, randomBytes(1021));
    const image = testImage("large", { layers: [randomBytes(5000), bytes, randomBytes(7000)] });
    const tags = [{ repository: "org/app", tag: "1", image }];
    const entries = ocMirrorEntries({ tags, imageSet: ["quay.io/org/app:1"] });
    const folder = await makeFolder([["mirror_000001.tar", tar(entries)]]);
    const archive = await openArchive(folder.path);
    try {
        const { lock } = await describeArchive(archive, []);
        const { tries } = await carry(archive.source, lock, bytes, cutting(30 * MIB));
        expect(tries).toHaveLength(2);
        expect(tries[1]).toBeLessThan(SIZE);
    } finally {
        await archive.close();
        await folder.remove();
    }
});

test("a registry that does not know how far it was gets all of it again", async () => {
    const cut = cutting(30 * MIB);
    const { tries, repeatedBytes } = await bring(SIZE, (request, layer) =>
        request.method === "GET" && request.path.includes("/uploads/") ? { status: 404 } : cut(request, layer),
    );
    expect(tries.slice(1)).toEqual([SIZE]);
    expect(repeatedBytes).toBeGreaterThan(20 * MIB);
});

test("a registry that is wrong about how far it was refuses, and gets all of it again", async () => {
    const cut = cutting(30 * MIB);
    let place = "";
    const { tries } = await bring(SIZE, (request, layer) => {
        if (isUpload(request, layer) && place === "") place = request.path.replace(/&?digest=[^&]*/, "");
        if (request.method !== "GET" || !request.path.includes("/uploads/")) return cut(request, layer);
        return { status: 204, headers: { location: place, range: `0-${20 * MIB - 1}` } };
    });
    expect(tries.at(-1)).toBe(SIZE);
});

test("a registry behind which whole bodies are collected first gets the rest in chunks", async () => {
    const isFirst = cutting(30 * MIB);
    // nginx, proxy_request_buffering: nothing of a body that breaks was passed on.
    const { tries, repeatedBytes } = await bring(SIZE, (request, layer) => {
        if (request.method !== "GET" || !request.path.includes("/uploads/")) return isFirst(request, layer);
        return { status: 204, headers: { location: request.path, range: "0-0" } };
    });
    expect(tries.slice(1)).toEqual([0]);
    expect(repeatedBytes).toBeGreaterThan(20 * MIB);
    const chunks = counted.proxy.requests.filter(({ method }) => method === "PATCH").map(({ bytes }) => bytes);
    expect(chunks).toEqual([...Array<number>(8).fill(8 * MIB), 2 * MIB]);
});

test("a blob of 16 MiB or less begins anew at once", async () => {
    const { tries } = await bring(8 * MIB, cutting(5 * MIB));
    expect(tries.slice(1)).toEqual([8 * MIB]);
});

test("nothing stays at the registry of a transfer that was cut off and begun anew", async () => {
    await bring(8 * MIB, cutting(5 * MIB, 3 * MIB));
    expect(new RegistryStorage(counted.registry.storage()).openUploadBytes()).toBe(0);
});
