import { formatReason } from "../../../lib/errors/format";
import { verifyImages } from "../../../lib/import";
import { LookupCache } from "../../../lib/import/verify/lookup-cache";
import { TreeChecker } from "../../../lib/import/verify/tree-checker";
import type { Digest } from "../../../lib/oci/digest";
import { parseManifest } from "../../../lib/oci/manifest";
import type { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { MemoryImageSet } from "../../support/image-set";

const REPOSITORY = "mirror/quay.io/org/app";

/**
 * A registry that has what the set has, apart from `lost`, and `more` bytes at the end of blobs; what it is asked over a
 * line is the integration tests' matter.
 */
function memoryRegistry(content: MemoryImageSet, lost: ReadonlySet<Digest> = new Set(), more = 0) {
    const asked: Digest[] = [];
    const bytes = (digest: Digest) => {
        asked.push(digest);
        return Promise.resolve(lost.has(digest) ? undefined : content.bytes.get(digest));
    };
    const client = {
        manifestHead: (_: string, tag: string) => Promise.resolve(content.images[`quay.io/org/app:${tag}`]),
        willRead: () => undefined,
        manifestGet: async (_: string, digest: Digest) => {
            const found = await bytes(digest);
            return found && parseManifest(found);
        },
        blobHead: async (_: string, digest: Digest) => {
            const found = await bytes(digest);
            return found && found.length + more;
        },
    } as unknown as RegistryClient;
    return { client, asked };
}

const checkTree = (client: RegistryClient, root: Digest) =>
    new TreeChecker(client, new LookupCache()).check(REPOSITORY, root);

test("what indexes share is asked for once, counts once, and is wrong once", async () => {
    const content = new MemoryImageSet();
    const layer = content.blob();
    const lost = content.blob();
    const [one, two] = [content.manifest([layer, lost]), content.manifest([layer, lost])];
    const gone = content.manifest([layer]);
    // From level to level there are twice as many ways to the bottom.
    let level = [content.index([one, two, gone]), content.index([gone, two, one])];
    for (let height = 1; height < 20; height++) level = [content.index(level), content.index([...level].reverse())];
    const root = content.index(level);
    const { client, asked } = memoryRegistry(content, new Set([lost, gone]));
    const { manifests, blobs, missing, problems } = await checkTree(client, root);
    expect(manifests.size).toBe(2 * 20 + 1 + 2);
    expect([...blobs.keys()]).toHaveLength(4);
    expect([...missing]).toEqual([gone]);
    expect([...problems]).toMatchObject([[lost, { code: "BLOB_UNKNOWN", thing: `blob ${REPOSITORY}@${lost}` }]]);
    expect(new Set(asked).size).toBe(asked.length);
    const [failure] = (await verifyImages(client, [{ source: "app", repository: REPOSITORY, digest: root }])).failures;
    expect(failure?.problems.map(formatReason)).toEqual([
        `manifest ${REPOSITORY}@${gone}: it is missing`,
        `blob ${REPOSITORY}@${lost}: it is missing`,
    ]);
});

test("what one image leaves out is still missed in another one, and where it is no child", async () => {
    const content = new MemoryImageSet();
    const child = content.manifest();
    const images = [
        ["sparse", content.index([content.manifest()], [child])],
        ["whole", content.index([child])],
        ["itself", child],
    ] as const;
    const { client } = memoryRegistry(content, new Set([child]));
    const checks = images.map(([source, digest]) => ({ source, repository: REPOSITORY, digest }));
    const failing = async (...absent: string[]) => {
        const { failures } = await verifyImages(client, checks, { absent: new Set(absent) });
        return failures.map(({ source }) => source);
    };
    expect(await failing()).toEqual(["sparse", "whole", "itself"]);
    expect(await failing(`sparse ${child}`)).toEqual(["whole", "itself"]);
    // As state of before has it.
    expect(await failing(child)).toEqual(["itself"]);
});

test("a child that is there is looked at, also if it may be absent", async () => {
    const content = new MemoryImageSet();
    const layer = content.blob();
    const child = content.manifest([layer]);
    const digest = content.index([content.manifest()], [child]);
    const { client } = memoryRegistry(content, new Set([layer]));
    const checks = [{ source: "app", repository: REPOSITORY, digest }];
    const { failures } = await verifyImages(client, checks, { absent: new Set([child]) });
    expect(failures.flatMap(({ problems }) => problems.map(formatReason))).toEqual([
        `blob ${REPOSITORY}@${layer}: it is missing`,
    ]);
});

test.each([1, -1])("a blob of %d bytes more than its manifest says is damaged", async (more) => {
    const content = new MemoryImageSet();
    const layer = content.blob(Buffer.from("layer"));
    const { client } = memoryRegistry(content, new Set(), more);
    const { problems } = await checkTree(client, content.manifest([layer]));
    expect(problems.size).toBe(2);
    expect(problems.get(layer)).toMatchObject({
        code: "SIZE_MISMATCH",
        thing: `blob ${REPOSITORY}@${layer}`,
        problem: `it has ${5 + more} bytes instead of 5`,
        fix: "delete its damaged file in the registry's storage, then run again",
    });
});
