import { randomBytes } from "node:crypto";
import { type ImageTask, imageTask, removeImages } from "../../lib/import";
import { ReferrerTags } from "../../lib/import/referrer-tags";
import { parseManifest } from "../../lib/oci/manifest";
import { MEDIA_TYPE_OCI_INDEX, MEDIA_TYPE_OCI_MANIFEST } from "../../lib/oci/media-types";
import type { Digest } from "../../lib/oci/digest";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { type Asked, isManifestPut } from "../support/faults/fault";
import { FaultProxy } from "../support/faults/fault-proxy";
import { executePlan, planImport } from "../../lib/import";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { testAuthority } from "../support/certificates";
import { MemoryImageSet } from "../support/image-set";
import { RegistryProcess } from "../support/registry-process";
import { problemText } from "../support/problems";

/* distribution 3.1.2 has no referrers API: the lists are the clients' own (distribution-spec, "Referrers Tag Schema"). */

const REPOSITORY = "mirror/quay.io/org/app";
let registry: RegistryProcess;
let proxy: FaultProxy;
let client: RegistryClient;
/** Past the proxy. */
let direct: RegistryClient;
let content: MemoryImageSet;
let image: Digest;
let signature: Digest;

beforeEach(async () => {
    const authority = await testAuthority();
    registry = await RegistryProcess.start({ deletes: true });
    proxy = await FaultProxy.start(registry.port, await authority.issue());
    const retry = { seconds: 0, firstDelay: 1, longestDelay: 1 };
    client = new RegistryClient({ endpoint: { host: proxy.host, ca: authority.ca }, retry });
    direct = new RegistryClient({ endpoint: { host: registry.host, plainHttp: true }, retry });
    content = new MemoryImageSet(randomBytes);
    image = content.image("quay.io/org/app:1");
    signature = addReferrer(image);
    const base = parseMirrorBase(`${proxy.host}/mirror`);
    const plan = await planImport(client, { images: content.images, set: content.set, base });
    expect((await executePlan(client, content, plan)).failed).toEqual([]);
});

afterEach(async () => {
    await Promise.all([client.close(), direct.close()]);
    await proxy.stop();
    await registry.stop();
});

function addReferrer(subject: Digest): Digest {
    const digest = content.manifest([content.blob(randomBytes(100))], {
        artifactType: "application/vnd.dev.sigstore.bundle.v0.3+json",
        subject: { mediaType: MEDIA_TYPE_OCI_MANIFEST, digest: subject, size: content.size(subject) ?? 0 },
    });
    content.image(`quay.io/org/app@${digest}`, digest);
    return digest;
}

const tagOf = (digest: Digest) => digest.replace(":", "-");
const task = (source: string): ImageTask =>
    imageTask(parseMirrorBase(`${proxy.host}/mirror`), source, content.images[source] ?? "");
const taskOf = (digest: Digest) => task(`quay.io/org/app@${digest}`);
const isThere = async (digest: Digest) => (await direct.manifestHead(REPOSITORY, digest)) !== undefined;

async function listed(): Promise<Digest[] | undefined> {
    return (await direct.manifestGet(REPOSITORY, tagOf(image)))?.manifests.map(({ digest }) => digest);
}

/** A signature that somebody else pushes and lists, with an annotation of their own. */
async function pushOthers(): Promise<Digest> {
    const other = new MemoryImageSet(randomBytes);
    const config = randomBytes(50);
    const digest = other.blob(config);
    const begun = await direct.uploads.start(REPOSITORY, digest);
    if (!begun.mounted)
        await direct.uploads.put(REPOSITORY, digest, begun.location, config.length, async function* () {
            yield await Promise.resolve(config);
        });
    const manifest = parseManifest(
        Buffer.from(
            JSON.stringify({
                schemaVersion: 2,
                mediaType: MEDIA_TYPE_OCI_MANIFEST,
                config: { mediaType: "application/vnd.oci.empty.v1+json", digest, size: config.length },
                layers: [],
                annotations: { of: "others" },
                subject: { mediaType: MEDIA_TYPE_OCI_MANIFEST, digest: image, size: content.size(image) ?? 0 },
            }),
        ),
    );
    await direct.manifestPut(REPOSITORY, manifest.digest, manifest);
    await new ReferrerTags(direct).list(REPOSITORY, manifest);
    return manifest.digest;
}

test("a referrer that is removed is taken off the list; a list without entries goes, and the image stays", async () => {
    expect(await listed()).toEqual([signature]);
    const { removed, failed } = await removeImages(client, [taskOf(signature)], [task("quay.io/org/app:1")]);
    expect(failed).toEqual([]);
    expect(removed).toEqual([taskOf(signature)]);
    expect([await isThere(image), await isThere(signature)]).toEqual([true, false]);
    expect(await direct.tagList(REPOSITORY)).toEqual(["1"]);
});

test("an image goes with its referrers and their list", async () => {
    const going = [task("quay.io/org/app:1"), taskOf(signature)];
    const { removed, kept, failed } = await removeImages(client, going, []);
    expect({ kept, failed }).toEqual({ kept: [], failed: [] });
    expect(removed).toHaveLength(2);
    expect([await isThere(image), await isThere(signature)]).toEqual([false, false]);
    expect((await direct.tagList(REPOSITORY)) ?? []).toEqual([]);
});

test("what others have listed stays as it is, and so does the image that it is about", async () => {
    const others = await pushOthers();
    const before = JSON.parse((await direct.manifestGet(REPOSITORY, tagOf(image)))?.bytes.toString() ?? "") as {
        manifests: { digest: string }[];
    };
    const { removed, kept } = await removeImages(client, [task("quay.io/org/app:1"), taskOf(signature)], []);
    expect(removed).toEqual([taskOf(signature)]);
    expect(kept.map(({ source }) => source)).toEqual(["quay.io/org/app:1"]);
    expect([await isThere(image), await isThere(signature), await isThere(others)]).toEqual([true, false, true]);
    const after: unknown = JSON.parse((await direct.manifestGet(REPOSITORY, tagOf(image)))?.bytes.toString() ?? "");
    expect(after).toEqual({ ...before, manifests: before.manifests.filter(({ digest }) => digest === others) });
});

test("an image stays, with its list, while its referrer is wanted", async () => {
    const { removed } = await removeImages(client, [task("quay.io/org/app:1")], [taskOf(signature)]);
    expect(removed).toEqual([]);
    expect([await isThere(image), await listed()]).toEqual([true, [signature]]);
});

/** Replaces the list, as another writer who read it before this one changed it, before each of these requests. */
function overwrite(times: number, isMet: (asked: Asked) => boolean, list: () => Promise<unknown>): void {
    let left = times;
    proxy.way = async (asked) => {
        if (left > 0 && asked.url.endsWith(`/manifests/${tagOf(image)}`) && isMet(asked)) {
            left--;
            await list();
        }
    };
}

async function putList(...entries: Digest[]): Promise<void> {
    const manifests = entries.map((digest) => ({ mediaType: MEDIA_TYPE_OCI_MANIFEST, digest, size: 1 }));
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPE_OCI_INDEX, manifests };
    const put = () => direct.manifestPut(REPOSITORY, tagOf(image), parseManifest(Buffer.from(JSON.stringify(index))));
    await put();
}

test("of two writers none keeps an entry that was removed, or loses one that was added", async () => {
    const others = await pushOthers();
    const manifest = await direct.manifestGet(REPOSITORY, signature);
    let puts = 0;
    const afterPut = (asked: Asked) => {
        if (isManifestPut(asked)) puts++;
        return asked.method === "GET" && puts === 1;
    };
    overwrite(1, afterPut, () => putList(others));
    await putList(others);
    if (manifest !== undefined) await new ReferrerTags(client).list(REPOSITORY, manifest);
    expect(await listed()).toEqual([others, signature]);
    puts = 0;
    overwrite(1, afterPut, () => putList(others, signature));
    await new ReferrerTags(client).unlist(REPOSITORY, tagOf(image), signature);
    expect(await listed()).toEqual([others]);
});

test("a list that is replaced again and again is reported, and the referrer is removed by the next run", async () => {
    const others = await pushOthers();
    overwrite(
        Infinity,
        ({ method }) => method === "GET",
        () => putList(others, signature),
    );
    // What was deleted cannot be listed: distribution checks the children of an index.
    const unlist = new ReferrerTags(client).unlist(REPOSITORY, tagOf(image), signature);
    const error: unknown = await unlist.catch((caught: unknown) => caught);
    expect(String(error)).toContain(
        "it was replaced 6 times while it was changed; find out what else writes referrers",
    );
    proxy.clear();
    const { failed } = await removeImages(client, [taskOf(signature)], [task("quay.io/org/app:1")]);
    expect(failed.map(problemText)).toEqual([]);
    expect(await listed()).toEqual([others]);
});
