import { type RegistryQuestions, planImport } from "../../../lib/import";
import type { Digest } from "../../../lib/oci/digest";
import { RegistryError } from "../../../lib/errors/errors";
import { parseManifest } from "../../../lib/oci/manifest";
import { parseMirrorBase } from "../../../lib/mirror/mirror-reference";
import { MemoryImageSet } from "../../support/image-set";
import { problemText } from "../../support/problems";

const BASE = parseMirrorBase("registry.example/mirror");
const A = "mirror/quay.io/org/a";
const B = "mirror/quay.io/org/b";

/** A registry that answers what it is told to have; what a real one answers is the integration tests' matter. */
class Registry implements RegistryQuestions {
    willRead(): void {}

    readonly asked: string[] = [];
    private readonly held = new Map<string, { digest: Digest; bytes: Buffer; size: number }>();

    constructor(private readonly content: MemoryImageSet) {}

    has(repository: string, digests: readonly Digest[], tag?: string): this {
        for (const digest of digests) {
            const bytes = this.content.bytes.get(digest) ?? Buffer.alloc(0);
            for (const name of [digest, ...(tag === undefined ? [] : [tag])]) {
                this.held.set(`${repository} ${name}`, { digest, bytes, size: bytes.length });
            }
        }
        return this;
    }

    /** It has less of this one than it should. */
    cuts(repository: string, digest: Digest): this {
        this.held.set(`${repository} ${digest}`, { digest, bytes: Buffer.from("{"), size: 1 });
        return this;
    }

    manifestHead(repository: string, reference: string): Promise<Digest | undefined> {
        return Promise.resolve(this.find("manifest", repository, reference)?.digest);
    }

    manifestGet(repository: string, reference: string) {
        const found = this.find("bytes", repository, reference);
        if (found?.bytes.length !== 1) return Promise.resolve(found && parseManifest(found.bytes));
        const facts = { registry: "here", operation: `GET ${reference}`, status: 200 };
        const problem = "the registry sent another one instead";
        return Promise.reject(new RegistryError(problem, { ...facts, code: "DIGEST_MISMATCH" }));
    }

    blobHead(repository: string, digest: Digest): Promise<number | undefined> {
        return Promise.resolve(this.find("blob", repository, digest)?.size);
    }

    private find(what: string, repository: string, reference: string) {
        this.asked.push(`${what} ${repository} ${reference}`);
        return this.held.get(`${repository} ${reference}`);
    }
}

const plan = (content: MemoryImageSet, registry: Registry, suspects: readonly string[] = []) =>
    planImport(registry, { images: content.images, set: content.set, base: BASE, suspects: new Set(suspects) });

function oneImage() {
    const content = new MemoryImageSet();
    const layer = content.blob();
    const manifest = content.manifest([layer]);
    const [config = ""] = (content.set.manifests[manifest]?.blobs ?? []).filter((blob) => blob !== layer);
    content.image("quay.io/org/a:1", manifest);
    return { content, layer, config, manifest, registry: new Registry(content) };
}

test("an image whose tag is right costs one question", async () => {
    const { content, manifest, registry } = oneImage();
    const { present, push } = await plan(content, registry.has(A, [manifest], "1"));
    expect([present.length, push.length]).toEqual([1, 0]);
    expect(registry.asked).toEqual([`manifest ${A} 1`]);
});

test("of a manifest that is there no blob is asked for: the registry would not have taken it", async () => {
    const { content, manifest, registry } = oneImage();
    const { push, bytes } = await plan(content, registry.has(A, [manifest]));
    expect(push[0]).toMatchObject({ rootIsThere: true, blobs: [], needs: [], manifests: [] });
    expect(bytes).toBe(content.size(manifest));
    expect(registry.asked).toEqual([`manifest ${A} 1`, `manifest ${A} ${manifest}`]);
});

test("a tag that points to another image moves, and what it pointed to is said", async () => {
    const { content, layer, config, registry } = oneImage();
    const other = content.manifest();
    const { push } = await plan(content, registry.has(A, [layer, config]).has(A, [other], "1"));
    expect(push[0]).toMatchObject({ movedFrom: other, blobs: [], rootIsThere: false });
});

test("an image that was found broken is looked at to the last blob, and a blob that is too short is sent", async () => {
    const { content, layer, config, manifest, registry } = oneImage();
    registry.has(A, [manifest], "1").has(A, [config, layer]).cuts(A, layer);
    expect((await plan(content, registry)).push).toEqual([]);
    const { push, uploads } = await plan(content, registry, ["quay.io/org/a:1"]);
    expect(push[0]?.needs).toEqual([layer]);
    expect(push[0]?.blobs).toEqual([{ repository: A, digest: layer, size: content.size(layer) }]);
    expect(uploads).toBe(1);
});

test("a blob that HEAD gives another length of is not present, and is sent", async () => {
    const { content, layer, config, registry } = oneImage();
    const { push } = await plan(content, registry.has(A, [config, layer]).cuts(A, layer));
    expect(push[0]?.blobs).toEqual([{ repository: A, digest: layer, size: content.size(layer) }]);
});

test("only what the archive can send may be assumed to be absent", async () => {
    const { content, registry } = oneImage();
    const asked: (string | undefined)[] = [];
    const heads = {
        blobHead: (_: string, __: string, absence?: string) => Promise.resolve(void asked.push(absence)),
        manifestHead: (_: string, __: string, absence?: string) => Promise.resolve(void asked.push(absence)),
    };
    await plan(content, Object.assign(registry, heads));
    // The tag, the manifest, config and layer.
    expect(asked).toEqual(["confirmed", "assumed", "assumed", "assumed"]);
    asked.length = 0;
    const earlier = { images: { "quay.io/org/old:1": `sha256:${"0".repeat(64)}` }, manifests: {}, blobs: {} };
    await planImport(registry, { images: {}, set: { ...content.set, earlier }, base: BASE });
    expect(asked).toEqual(["confirmed"]);
});

test("where a tag was absent the next one is expected to be, until one is there", async () => {
    const { content, manifest, registry } = oneImage();
    const digest = content.set.images["quay.io/org/a:1"] as Digest;
    const images = Object.fromEntries([1, 2, 3, 4, 5].map((tag) => [`quay.io/org/a:${tag}`, digest]));
    registry.has(A, [manifest], "3");
    const asked: string[] = [];
    const manifestHead = (repository: string, reference: string, absence?: string) => {
        if (!reference.startsWith("sha256:")) asked.push(`${reference} ${absence}`);
        return Registry.prototype.manifestHead.call(registry, repository, reference);
    };
    await planImport(Object.assign(registry, { manifestHead }), { images, set: content.set, base: BASE });
    expect(asked).toEqual(["1 confirmed", "2 expected", "3 expected", "4 expected", "5 expected"]);
});

test("an image that was found broken and is complete under its tag is present: its tag is not put again", async () => {
    const { content, layer, config, manifest, registry } = oneImage();
    registry.has(A, [manifest], "1").has(A, [config, layer]);
    const { present, push, bytes } = await plan(content, registry, ["quay.io/org/a:1"]);
    expect([present.length, push, bytes]).toEqual([1, [], 0]);
});

test("the root of an image whose tag is right goes by its digest, that of any other by its tag", async () => {
    const { content, layer, config, manifest, registry } = oneImage();
    const broken = registry.has(A, [manifest], "1").has(A, [config]);
    expect((await plan(content, broken, ["quay.io/org/a:1"])).push[0]).toMatchObject({
        rootReference: manifest,
        rootIsThere: true,
        needs: [layer],
    });
    const untagged = new Registry(content).has(A, [manifest, config, layer]);
    expect((await plan(content, untagged, ["quay.io/org/a:1"])).push[0]).toMatchObject({ rootReference: "1" });
});

test("a sparse index is blocked by the plan where the registry takes none, unless its other children are there", async () => {
    const content = new MemoryImageSet();
    const other = content.manifest();
    const own = new MemoryImageSet();
    const index = own.image("quay.io/org/a:1", own.index([own.manifest()], [other]));
    own.bytes.set(other, content.bytes.get(other) ?? Buffer.alloc(0));
    const ask = (registry: Registry, refusesSparseIndexes: boolean) =>
        planImport(registry, { images: own.images, set: own.set, base: BASE, refusesSparseIndexes });
    expect((await ask(new Registry(own), false)).problems).toEqual([]);
    const { problems, push } = await ask(new Registry(own), true);
    expect(push).toEqual([]);
    expect(problemText(problems[0])).toContain(
        `index ${index}: the index leaves out 1 platform, and the registry accepts no sparse index`,
    );
    expect((await ask(new Registry(own).has(A, [other]), true)).problems).toEqual([]);
});

test("a suspect's manifest that is there with other bytes is a problem, not something to put again", async () => {
    const { content, layer, config, manifest, registry } = oneImage();
    registry.has(A, [manifest], "1").has(A, [config, layer]).cuts(A, manifest);
    const { push, problems } = await plan(content, registry, ["quay.io/org/a:1"]);
    expect(push).toEqual([]);
    expect(problemText(problems[0])).toContain("the registry sent another one instead");
});

test("a blob is sent once, mounted by the next repository, and neither by a second image of the first one", async () => {
    const content = new MemoryImageSet();
    const layer = content.blob();
    for (const name of ["a:1", "a:2", "b:1"]) content.image(`quay.io/org/${name}`, content.manifest([layer]));
    const { push, uploads, mounts } = await plan(content, new Registry(content));
    const tasks = push.flatMap(({ blobs }) => blobs).filter(({ digest }) => digest === layer);
    const size = content.size(layer);
    expect(tasks).toEqual([
        { repository: A, digest: layer, size },
        { repository: B, digest: layer, size, mountFrom: A },
    ]);
    expect(push.every(({ needs }) => needs.includes(layer))).toBe(true);
    expect([uploads, mounts]).toEqual([1 + 3, 1]);
});

test("a blob that one repository has is mounted from there", async () => {
    const content = new MemoryImageSet();
    const layer = content.blob();
    for (const name of ["a:1", "b:1"]) content.image(`quay.io/org/${name}`, content.manifest([layer]));
    const { push } = await plan(content, new Registry(content).has(B, [layer]));
    const tasks = push.flatMap(({ blobs }) => blobs).filter(({ digest }) => digest === layer);
    expect(tasks).toEqual([{ repository: A, digest: layer, size: content.size(layer), mountFrom: B }]);
});

test("the images with most to send come first", async () => {
    const content = new MemoryImageSet();
    for (const [name, bytes] of Object.entries({ a: 10, b: 3000, c: 500 })) {
        content.image(`quay.io/org/${name}:1`, content.manifest([content.blob(Buffer.alloc(bytes, name))]));
    }
    const { push } = await plan(content, new Registry(content));
    expect(push.map(({ task }) => task.source)).toEqual(["b", "c", "a"].map((name) => `quay.io/org/${name}:1`));
});

const EARLIER = {
    code: "EARLIER_CONTENT_MISSING",
    problem: "it is not at the registry and not in this archive",
    fix: "import the earlier archive first",
};

test("what an earlier archive brought is sought where it was brought to, and is a problem if it is not there", async () => {
    const { content, layer, config, manifest } = oneImage();
    const relied = content.manifest();
    content.leaveOut(layer);
    content.earlier.blobs = { [layer]: { size: 2000, from: ["quay.io/org/none", "quay.io/org/b"] } };
    content.earlier.images = { "quay.io/org/c:1": relied };
    const lost = await plan(content, new Registry(content).has(A, [config]));
    expect(lost.problems).toMatchObject([
        { source: "quay.io/org/c:1", problems: [{ thing: `manifest ${relied}`, ...EARLIER }] },
        { source: "quay.io/org/a:1", problems: [{ thing: `blob ${layer}`, ...EARLIER }] },
    ]);
    const there = new Registry(content).has(A, [config]).has(B, [layer]).has("mirror/quay.io/org/c", [relied]);
    const { problems, push } = await plan(content, there);
    expect(problems).toEqual([]);
    expect(push[0]?.blobs).toEqual([{ repository: A, digest: layer, size: 2000, mountFrom: B }]);
    expect(push[0]?.root.digest).toBe(manifest);
});

test("a child that an earlier archive brought elsewhere is copied with its blobs, those alone that are not there", async () => {
    const content = new MemoryImageSet();
    const [one, two] = [content.blob(), content.blob()];
    const child = content.manifest([one, two]);
    const [config = ""] = (content.set.manifests[child]?.blobs ?? []).filter((blob) => blob !== one && blob !== two);
    const own = new MemoryImageSet();
    const index = own.index([own.manifest([]), child]);
    own.image("quay.io/org/a:1", index);
    own.earlier.manifests = { [child]: { size: content.size(child) ?? 0, from: ["quay.io/org/b"] } };
    for (const digest of [one, two, config, child]) own.bytes.set(digest, content.bytes.get(digest) ?? Buffer.alloc(0));
    const registry = () => new Registry(own).has(B, [child, one, two, config]).has(A, [two]);
    const [image] = (await plan(own, registry())).push;
    expect(image?.copies).toEqual([{ digest: child, size: content.size(child), from: B }]);
    const mounts = (image?.blobs ?? []).filter(({ mountFrom }) => mountFrom !== undefined);
    expect(mounts.map(({ digest, mountFrom, size }) => [digest, mountFrom, size])).toEqual(
        expect.arrayContaining([config, one].map((digest) => [digest, B, content.size(digest)])),
    );
    expect(mounts).toHaveLength(2);
    const [again] = (await plan(own, registry().has(A, [child]))).push;
    expect(again?.copies).toEqual([]);
    const { problems } = await plan(own, new Registry(own));
    expect(problems[0]?.problems).toContainEqual(expect.objectContaining({ thing: `manifest ${child}`, ...EARLIER }));
});

test("an image that an earlier archive brought, with a new tag, is put under it if it is there", async () => {
    const content = new MemoryImageSet();
    const brought = content.manifest();
    const images = { "quay.io/org/a:2": brought };
    const own = new MemoryImageSet();
    own.earlier.images = images;
    own.bytes.set(brought, content.bytes.get(brought) ?? Buffer.alloc(0));
    const ask = (registry: Registry) => planImport(registry, { images, set: own.set, base: BASE });
    const { push, bytes } = await ask(new Registry(own).has(A, [brought]));
    expect(push[0]).toMatchObject({ rootIsThere: true, blobs: [], manifests: [] });
    expect(bytes).toBe(content.size(brought));
    const { problems } = await ask(new Registry(own));
    expect(problems.map(({ source }) => source)).toEqual(["quay.io/org/a:2"]);
    expect((await ask(new Registry(own).has(A, [brought], "2"))).present).toHaveLength(1);
});
