import { type ImageTask, executePlan, imageTask, planImport, removeImages } from "../../lib/import";
import { parseManifest } from "../../lib/oci/manifest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../lib/oci/media-types";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { MemoryImageSet } from "../support/image-set";
import { RegistryProcess } from "../support/registry-process";
import { problemText } from "../support/problems";

const RETRY = { seconds: 0, firstDelay: 1, longestDelay: 1 };
const REPOSITORY = "mirror/quay.io/org/app";
let registry: RegistryProcess;
let client: RegistryClient;

async function start(deletes: boolean): Promise<void> {
    registry = await RegistryProcess.start({ deletes });
    client = new RegistryClient({ endpoint: { host: registry.host, plainHttp: true }, retry: RETRY });
}

afterEach(async () => {
    await client.close();
    await registry.stop();
});

async function bring(content: MemoryImageSet): Promise<void> {
    const base = parseMirrorBase(`${registry.host}/mirror`);
    const plan = await planImport(client, { images: content.images, set: content.set, base });
    expect((await executePlan(client, content, plan)).failed).toEqual([]);
}

function task(content: MemoryImageSet, source: string, digest = content.images[source] ?? ""): ImageTask {
    return imageTask(parseMirrorBase(`${registry.host}/mirror`), source, digest);
}

const there = async (digest: string) => (await client.manifestHead(REPOSITORY, digest)) !== undefined;

test("an image goes with its tag, its children and its signature, and nothing else does", async () => {
    await start(true);
    const content = new MemoryImageSet();
    const [child, shared] = [content.manifest(), content.manifest()];
    const index = content.image("quay.io/org/app:1", content.index([child, shared]));
    const signature = content.image(`quay.io/org/app:sha256-${index.slice(7)}.sig`);
    const other = content.image("quay.io/org/app:2", content.index([shared]));
    await bring(content);
    const going = [task(content, "quay.io/org/app:1"), task(content, `quay.io/org/app:sha256-${index.slice(7)}.sig`)];
    registry.forget();
    expect(await removeImages(client, going, [])).toEqual({ removed: [going[1], going[0]], kept: [], failed: [] });
    expect(registry.writes().map(({ method, path }) => `${method} ${path.split("/").at(-1) ?? ""}`)).toEqual([
        `DELETE ${signature}`,
        `DELETE ${index}`,
        `DELETE ${child}`,
    ]);
    expect(await client.tagList(REPOSITORY)).toEqual(["2"]);
    expect([await there(index), await there(child), await there(shared), await there(other)]).toEqual([
        false,
        false,
        true,
        true,
    ]);
    expect(await removeImages(client, going, [])).toMatchObject({ kept: [], failed: [] });
});

test("what another tag, an index, a signature of others or another set needs stays, and who needs it is said", async () => {
    await start(true);
    const content = new MemoryImageSet();
    const tagged = content.image("quay.io/org/app:tagged");
    content.image("quay.io/org/app:alias", tagged);
    const child = content.image("quay.io/org/app:child");
    content.image("quay.io/org/app:index", content.index([child]));
    const signed = content.image("quay.io/org/app:signed");
    content.image(`quay.io/org/app:sha256-${signed.slice(7)}.sig`);
    const wanted = content.image("quay.io/org/app:wanted");
    await bring(content);
    const going = ["tagged", "child", "signed", "wanted"].map((tag) => task(content, `quay.io/org/app:${tag}`));
    const stay = [task(content, `quay.io/org/app@${wanted}`, wanted)];
    const { removed, kept, failed } = await removeImages(client, going, stay);
    expect({ removed, failed }).toEqual({ removed: [], failed: [] });
    expect(kept).toEqual([
        { source: "quay.io/org/app:tagged", reason: "alias still points to it; only its tag tagged is removed" },
        { source: "quay.io/org/app:child", reason: "index still points to it; only its tag child is removed" },
        {
            source: "quay.io/org/app:signed",
            reason: `sha256-${signed.slice(7)}.sig still points to it; only its tag signed is removed`,
        },
        {
            source: "quay.io/org/app:wanted",
            reason: "a referrer or another set still needs it; only its tag wanted is removed",
        },
    ]);
    for (const digest of [tagged, child, signed, wanted]) expect(await there(digest)).toBe(true);
    expect((await client.tagList(REPOSITORY))?.sort()).toEqual(["alias", "index", `sha256-${signed.slice(7)}.sig`]);
});

test("a tag that was moved is not ours; the image it had before goes", async () => {
    await start(true);
    const content = new MemoryImageSet();
    const before = content.image("quay.io/org/app:1");
    await bring(content);
    const going = task(content, "quay.io/org/app:1", before);
    const after = content.image("quay.io/org/app:1");
    await bring(content);
    expect(await removeImages(client, [going], [])).toMatchObject({ removed: [going], kept: [] });
    expect([await there(before), await there(after)]).toEqual([false, true]);
    expect(await client.manifestHead(REPOSITORY, "1")).toBe(after);
});

test("the subject of a manifest that stays is kept", async () => {
    await start(true);
    const content = new MemoryImageSet();
    const subject = content.image("quay.io/org/app:1");
    await bring(content);
    const config = content.set.manifests[subject]?.blobs?.[0] ?? "";
    const size = content.bytes.get(config)?.length ?? 0;
    const about = {
        schemaVersion: 2,
        mediaType: MEDIA_TYPE_OCI_MANIFEST,
        config: { mediaType: "application/vnd.oci.empty.v1+json", digest: config, size },
        layers: [],
        subject: { mediaType: MEDIA_TYPE_OCI_MANIFEST, digest: subject, size: content.bytes.get(subject)?.length ?? 0 },
    };
    await client.manifestPut(REPOSITORY, "attestation", parseManifest(Buffer.from(JSON.stringify(about))));
    const { kept } = await removeImages(client, [task(content, "quay.io/org/app:1")], []);
    expect(kept.map(({ reason }) => reason)).toEqual(["attestation still points to it; only its tag 1 is removed"]);
    expect(await there(subject)).toBe(true);
});

test("a registry that does not delete is reported with the fix, and everything remains", async () => {
    await start(false);
    const content = new MemoryImageSet();
    const digest = content.image("quay.io/org/app:1");
    await bring(content);
    expect(await removeImages(client, [task(content, "quay.io/org/app:1")], [])).toEqual({
        removed: [],
        kept: [],
        failed: [
            {
                source: "quay.io/org/app:1",
                problems: [
                    {
                        code: "UNSUPPORTED",
                        status: 405,
                        place: { registry: registry.host },
                        operation: `DELETE ${REPOSITORY}/manifests/${digest}`,
                        problem: "The operation is unsupported",
                        fix:
                            "turn deletion on in the registry (distribution: storage.delete.enabled: true), or set " +
                            "site.onRemove: keep",
                    },
                ],
            },
        ],
    });
    expect(await there(digest)).toBe(true);
});

test("a registry that cannot be asked loses nothing", async () => {
    await start(true);
    const content = new MemoryImageSet();
    content.image("quay.io/org/app:1");
    await bring(content);
    await registry.kill();
    const { removed, failed } = await removeImages(client, [task(content, "quay.io/org/app:1")], []);
    expect(removed).toEqual([]);
    expect(problemText(failed[0])).toMatch(/^NETWORK at \S+: GET \S+: no connection/);
});
