import { randomBytes } from "node:crypto";
import { executePlan, imageTask, planImport, removeImages, verifyImages } from "../../lib/import";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../lib/oci/media-types";
import { RegistryClient, type RegistryClientOptions } from "../../lib/distribution/client/registry-client";
import { checkBeforeFirstImport } from "../../lib/passthrough/doctor/before-first-import";
import { registryAdmin } from "../../lib/registries";
import { MemoryImageSet } from "../support/image-set";
import { startCrane } from "../support/other-registries/crane";
import { startOlareg } from "../support/other-registries/olareg";
import type { RegistryTarget } from "../support/other-registries/target";
import { TARGETS } from "../support/other-registries/targets";

/* Registries of others, with what a stack does to one of the type `distribution`: docs/registries.md has the results. */

const RETRY = { seconds: 0, firstDelay: 1, longestDelay: 1 };
const CHUNK = 1024 * 1024;
/** Bytes of a blob that two repositories have. */
const SHARED = 300_000;

describe.each(TARGETS)("%s", (_name, start) => {
    let target: RegistryTarget;
    let client: RegistryClient;
    const clients: RegistryClient[] = [];

    const connect = (options: Partial<RegistryClientOptions> = {}) => {
        const made = new RegistryClient({
            endpoint: target.endpoint,
            credentials: target.account,
            retry: RETRY,
            ...options,
        });
        clients.push(made);
        return made;
    };

    beforeAll(async () => {
        target = await start();
        client = connect();
    });
    afterAll(async () => {
        await Promise.all(clients.map((made) => made.close()));
        await target.stop();
    });

    const base = () => parseMirrorBase(target.mirrorBase);
    const task = (content: MemoryImageSet, source: string) => imageTask(base(), source, content.images[source] ?? "");
    const tasks = (content: MemoryImageSet) => Object.keys(content.images).map((source) => task(content, source));

    async function bring(content: MemoryImageSet, suspects: readonly string[] = [], through = client) {
        const request = { images: content.images, set: content.set, base: base(), suspects: new Set(suspects) };
        const plan = await planImport(through, request);
        return { plan, result: await executePlan(through, content, plan) };
    }

    const verify = (content: MemoryImageSet) =>
        verifyImages(
            client,
            tasks(content).map((check) => ({ ...check, whole: true })),
        );

    test("the account is checked, and a wrong password is named", async () => {
        const admin = registryAdmin("distribution");
        const account = { endpoint: target.endpoint, credentials: target.account, retrySeconds: 0 };
        expect(await admin.check(account, "mirror")).toEqual({ notes: [] });
        const wrong = { username: target.account.username, password: "wrong" };
        const refused = { fix: expect.stringContaining("registryPassword") as string };
        await expect(admin.check({ ...account, credentials: wrong }, "mirror")).rejects.toMatchObject(refused);
        await expect(bring(someImages("password"), [], connect({ credentials: wrong }))).rejects.toMatchObject(refused);
    });

    test("images land with their digests and tags, and a second import has nothing to do", async () => {
        const content = someImages("import");
        const first = await bring(content);
        expect(first.result.failed).toEqual([]);
        const refusedMounts = first.result.refusedMounts.length;
        expect(first.result.sent).toEqual({
            bytes: first.plan.bytes + refusedMounts * SHARED,
            uploads: first.plan.uploads + refusedMounts,
            mounts: first.plan.mounts - refusedMounts,
        });
        const { proofs, failures, unread } = await verify(content);
        expect({ proofs: proofs.length, failures, unread }).toEqual({ proofs: 3, failures: [], unread: [] });
        const { plan } = await bring(content);
        expect(plan).toMatchObject({ push: [], problems: [], bytes: 0 });
    });

    test("large blobs are sent at once, or in pieces", async () => {
        const content = new MemoryImageSet();
        content.image("quay.io/large/app:1", content.manifest([content.blob(randomBytes(24 * CHUNK))]));
        expect((await bring(content)).result.failed).toEqual([]);
        content.image("quay.io/large/pieces:1", content.manifest([content.blob(randomBytes(3 * CHUNK + 1))]));
        expect((await bring(content, [], connect({ maxBody: CHUNK }))).result.failed).toEqual([]);
        expect((await verify(content)).failures).toEqual([]);
    });

    test("a manifest, a tag or a blob that somebody deleted is found and sent again", async () => {
        const content = new MemoryImageSet();
        const layer = content.blob();
        const child = content.manifest();
        content.image("quay.io/heal/multi:1", content.index([child, content.manifest([layer])]));
        content.image("quay.io/heal/untagged:1");
        await bring(content);
        const { repository } = task(content, "quay.io/heal/multi:1");
        await client.manifestDelete(repository, child);
        await client.blobDelete(repository, layer);
        await client.manifestDelete(task(content, "quay.io/heal/untagged:1").repository, "1");
        const { failures, unread } = await verify(content);
        expect(unread).toEqual([]);
        expect(failures.map(({ source }) => source).sort()).toEqual(Object.keys(content.images).sort());
        expect(JSON.stringify(failures)).toContain(layer);
        const suspects = failures.map(({ source }) => source);
        expect((await bring(content, suspects)).result.failed).toEqual([]);
        expect((await verify(content)).failures).toEqual([]);
    });

    test("what is about an image is found, and goes with it", async () => {
        const content = new MemoryImageSet();
        const app = content.image("quay.io/about/app:1");
        const subject = { mediaType: MEDIA_TYPE_OCI_MANIFEST, digest: app, size: content.size(app) ?? 0 };
        const about = content.image("quay.io/about/app:sbom", content.manifest([content.blob()], { subject }));
        expect((await bring(content)).result.failed).toEqual([]);
        expect((await verify(content)).failures).toEqual([]);
        const { removed, kept, failed } = await removeImages(client, tasks(content), []);
        expect({ removed: removed.length, kept, failed }).toEqual({ removed: 2, kept: [], failed: [] });
        const { repository } = task(content, "quay.io/about/app:1");
        for (const gone of [app, about, "1", "sbom"])
            expect(await client.manifestHead(repository, gone)).toBeUndefined();
    });

    test("an image is removed with its tag and its children, and others stay", async () => {
        const content = new MemoryImageSet();
        const shared = content.manifest();
        const own = content.manifest();
        const going = content.image("quay.io/remove/app:going", content.index([own, shared]));
        content.image("quay.io/remove/app:staying", content.index([shared]));
        await bring(content);
        const leaving = task(content, "quay.io/remove/app:going");
        expect(await removeImages(client, [leaving], [])).toEqual({ removed: [leaving], kept: [], failed: [] });
        for (const gone of [going, own, "going"]) {
            expect(await client.manifestHead(leaving.repository, gone)).toBeUndefined();
        }
        delete content.images["quay.io/remove/app:going"];
        expect((await verify(content)).failures).toEqual([]);
        expect(await client.tagList(leaving.repository)).toEqual(["staying"]);
    });

    test("a repository that nobody has pushed to is made by the first push", async () => {
        const content = new MemoryImageSet();
        content.image("quay.io/first/push:1");
        const plan = await planImport(client, { images: content.images, set: content.set, base: base() });
        expect(await checkBeforeFirstImport(client, plan, "distribution")).toEqual([]);
        expect((await executePlan(client, content, plan)).failed).toEqual([]);
    });
});

/** A client of one registry, whose connections and process end with the test. */
async function at<T>(target: RegistryTarget, use: (client: RegistryClient) => Promise<T>): Promise<T> {
    const client = new RegistryClient({ endpoint: target.endpoint, credentials: target.account, retry: RETRY });
    try {
        return await use(client);
    } finally {
        await client.close();
        await target.stop();
    }
}

test("crane links no pages of tags: all are listed nevertheless", async () => {
    const target = await startCrane();
    await at(target, async (client) => {
        const content = new MemoryImageSet();
        const names = Array.from({ length: 1_003 }, (_, index) => `v${String(index).padStart(4, "0")}`);
        const image = content.manifest();
        for (const name of names) content.image(`quay.io/many/tags:${name}`, image);
        const base = parseMirrorBase(target.mirrorBase);
        const plan = await planImport(client, { images: content.images, set: content.set, base });
        expect((await executePlan(client, content, plan)).failed).toEqual([]);
        expect((await client.tagList("mirror/quay.io/many/tags"))?.sort()).toEqual(names);
    });
});

test("olareg has lost the bytes of a manifest: it is found, and sent again", async () => {
    const target = await startOlareg("basic");
    await at(target, async (client) => {
        const content = new MemoryImageSet();
        const digest = content.image("quay.io/lost/app:1");
        const base = parseMirrorBase(target.mirrorBase);
        const request = { images: content.images, set: content.set, base, suspects: new Set(["quay.io/lost/app:1"]) };
        const bring = async () => executePlan(client, content, await planImport(client, request));
        await bring();
        const check = imageTask(base, "quay.io/lost/app:1", digest);
        target.lose(check.repository, digest);
        expect(await verifyImages(client, [check])).toMatchObject({ unread: [], failures: [{ source: check.source }] });
        expect((await bring()).failed).toEqual([]);
        expect(await verifyImages(client, [check])).toMatchObject({ failures: [], proofs: [{ source: check.source }] });
    });
});

test("olareg deletes nothing unless it is told to: a removal fails, and the image stays", async () => {
    const target = await startOlareg("basic", false);
    await at(target, async (client) => {
        const content = new MemoryImageSet();
        const digest = content.image("quay.io/keep/app:1");
        const base = parseMirrorBase(target.mirrorBase);
        const plan = await planImport(client, { images: content.images, set: content.set, base });
        expect((await executePlan(client, content, plan)).failed).toEqual([]);
        const leaving = imageTask(base, "quay.io/keep/app:1", digest);
        const { removed, failed } = await removeImages(client, [leaving], []);
        expect({ removed, problems: failed.flatMap(({ problems }) => problems) }).toMatchObject({
            removed: [],
            problems: [{ code: "UNSUPPORTED" }],
        });
        expect(await client.manifestHead(leaving.repository, "1")).toBe(digest);
    });
});

function someImages(folder: string): MemoryImageSet {
    const content = new MemoryImageSet();
    const shared = content.blob(randomBytes(SHARED));
    content.image(`quay.io/${folder}/app:1`, content.manifest([shared, content.blob(Buffer.alloc(0))]));
    content.image(`quay.io/${folder}/multi:2`, content.index([content.manifest([shared]), content.manifest()]));
    content.image(`registry.redhat.io/${folder}/lone@${content.manifest()}`, [...content.bytes.keys()].at(-1));
    return content;
}
