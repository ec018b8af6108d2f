import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { executePlan, imageTask, needsArchive, planImport, verifyImages } from "../../lib/import";
import { computeDigest } from "../../lib/oci/digest";
import { RegistryError } from "../../lib/errors/errors";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { MemoryImageSet } from "../support/image-set";
import { RegistryProcess, stored } from "../support/registry-process";
import { problemText } from "../support/problems";

const RETRY = { seconds: 0, firstDelay: 1, longestDelay: 1 };
let registry: RegistryProcess;
let client: RegistryClient;

beforeEach(async () => {
    registry = await RegistryProcess.start();
    client = new RegistryClient({ endpoint: { host: registry.host, plainHttp: true }, retry: RETRY });
});

afterEach(async () => {
    await client.close();
    await registry.stop();
});

const base = () => parseMirrorBase(`${registry.host}/mirror`);

async function bring(content: MemoryImageSet, images = content.images, suspects: string[] = []) {
    const request = { images, set: content.set, base: base(), suspects: new Set(suspects) };
    const plan = await planImport(client, request);
    return { plan, result: await executePlan(client, content, plan) };
}

function checks(content: MemoryImageSet) {
    return Object.entries(content.images).map(([source, digest]) => ({
        ...imageTask(base(), source, digest),
        whole: true,
    }));
}

test("an import brings manifests byte for byte, indexes with all children, tags, and a tag for what has none", async () => {
    const content = new MemoryImageSet();
    content.image("quay.io/org/app:1");
    content.image("quay.io/org/multi:2", content.index([content.manifest(), content.manifest()]));
    const lone = content.image(`docker.io/library/lone@${content.manifest()}`, [...content.bytes.keys()].at(-1));
    const { plan, result } = await bring(content);
    expect(result.failed).toEqual([]);
    expect(result.done).toEqual(content.images);
    expect(result.sent.bytes).toBe(plan.bytes);
    for (const [digest, bytes] of content.bytes) expect(stored(registry, digest).equals(bytes)).toBe(true);
    const proven = await verifyImages(client, checks(content));
    expect(proven.failures).toEqual([]);
    expect(proven.proofs).toHaveLength(3);
    expect(await client.manifestHead("mirror/docker.io/library/lone", `digest-${lone.slice(7)}`)).toBe(lone);
});

test("a blob that two repositories share is sent once and mounted into the other", async () => {
    const content = new MemoryImageSet();
    const shared = content.blob(randomBytes(300_000));
    content.image("quay.io/one/app:1", content.manifest([shared]));
    content.image("registry.redhat.io/two/app:1", content.manifest([shared]));
    const { plan, result } = await bring(content);
    expect(result.failed).toEqual([]);
    expect(result.sent).toEqual({ bytes: plan.bytes, uploads: 3, mounts: 1 });
    const mounts = registry.writes().filter(({ path }) => path.includes("mount="));
    expect(mounts).toHaveLength(1);
    expect(mounts[0]?.status).toBe(201);
});

test("a second import sends nothing, and asks once per image", async () => {
    const content = new MemoryImageSet();
    for (let i = 0; i < 5; i++) content.image(`quay.io/org/app${i}:1`);
    await bring(content);
    registry.forget();
    const { plan, result } = await bring(content);
    expect(plan).toMatchObject({ bytes: 0, push: [], uploads: 0, mounts: 0 });
    expect(result.done).toEqual(content.images);
    expect(registry.accesses().map(({ method }) => method)).toEqual(Array(5).fill("HEAD"));
});

test("an import of new content asks for each manifest and blob of a repository with one HEAD, and for tags with GET", async () => {
    const content = new MemoryImageSet();
    const shared = content.blob();
    for (let i = 0; i < 5; i++) content.image(`quay.io/org/app${i}:1`, content.manifest([shared, content.blob()]));
    await bring(content);
    const asked = (method: string) => registry.accesses().flatMap((one) => (one.method === method ? one.path : []));
    const heads = asked("HEAD").filter((path) => path.includes("sha256:"));
    expect(heads).toHaveLength(5 * (1 + 3));
    expect(new Set(heads).size).toBe(heads.length);
    // The first tag alone is asked for twice.
    expect([asked("GET").length, asked("HEAD").length - heads.length]).toEqual([5, 1]);
});

test("only what is missing is sent again: a manifest, a tag, a blob of a suspect image", async () => {
    const content = new MemoryImageSet();
    const layer = content.blob();
    const index = content.image("quay.io/org/multi:1", content.index([content.manifest(), content.manifest([layer])]));
    await bring(content);
    const child = content.set.manifests[index]?.manifests?.[0] ?? "";
    await fetch(`http://${registry.host}/v2/mirror/quay.io/org/multi/manifests/${child}`, { method: "DELETE" });
    const blob = registry.storage("blobs", "sha256", layer.slice(7, 9), layer.slice(7));
    rmSync(blob, { recursive: true });
    registry.forget();
    const { result } = await bring(content, content.images, ["quay.io/org/multi:1"]);
    expect(result.failed).toEqual([]);
    const puts = registry.writes().filter(({ method }) => method === "PUT");
    expect(puts.map(({ path }) => path.replace(/uploads\/.*$/, "uploads"))).toEqual([
        "/v2/mirror/quay.io/org/multi/blobs/uploads",
        `/v2/mirror/quay.io/org/multi/manifests/${child}`,
        // The tag has the right digest already: registries with immutable tags would refuse it.
        `/v2/mirror/quay.io/org/multi/manifests/${index}`,
    ]);
    expect((await verifyImages(client, checks(content))).failures).toEqual([]);
});

test("a tag that somebody moved is named, and moved back without sending anything else", async () => {
    const content = new MemoryImageSet();
    content.image("quay.io/org/app:1");
    content.image("quay.io/org/app:2");
    await bring(content);
    const repository = "mirror/quay.io/org/app";
    const other = await client.manifestGet(repository, "2");
    if (other !== undefined) await client.manifestPut(repository, "1", other);
    const { failures } = await verifyImages(client, checks(content));
    expect(failures.map(({ source }) => source)).toEqual(["quay.io/org/app:1"]);
    expect(problemText(failures[0])).toContain(`tag ${repository}:1: it points to ${other?.digest ?? ""}, not to`);
    registry.forget();
    const { plan } = await bring(content);
    expect(plan.push.map(({ task, movedFrom }) => [task.tag, movedFrom])).toEqual([["1", other?.digest]]);
    expect(registry.writes().map(({ method, path }) => `${method} ${path}`)).toEqual([
        `PUT /v2/${repository}/manifests/1`,
    ]);
});

test("a signature is put after the image it speaks about", async () => {
    const content = new MemoryImageSet();
    const digest = content.image("quay.io/org/app:1", content.manifest([content.blob(randomBytes(200_000))]));
    content.image(`quay.io/org/app:sha256-${digest.slice(7)}.sig`);
    await bring(content);
    const tags = registry.writes().filter(({ path }) => path.includes("/manifests/"));
    expect(tags.map(({ path }) => path.split("/").at(-1))).toEqual(["1", `sha256-${digest.slice(7)}.sig`]);
});

test("a blob whose bytes are wrong fails its image by place, stores nothing wrong, and leaves the others alone", async () => {
    const content = new MemoryImageSet();
    const bad = content.blob(randomBytes(200_000));
    content.image("quay.io/org/bad:1", content.manifest([bad]));
    content.image("quay.io/org/good:1");
    const truth = content.bytes.get(bad) ?? Buffer.alloc(0);
    const flipped = Buffer.from(truth);
    flipped[150_000] = (flipped[150_000] ?? 0) ^ 1;
    content.bytes.set(bad, flipped);
    const { result } = await bring(content);
    expect(Object.keys(result.done)).toEqual(["quay.io/org/good:1"]);
    expect(result.failed).toHaveLength(1);
    expect(problemText(result.failed[0])).toContain(`archive memory, entry ${bad}, offset 0: the bytes are not ${bad}`);
    expect(problemText(result.failed[0])).toContain("copy the archive again");
    expect(() => stored(registry, bad)).toThrow();
    content.bytes.set(bad, truth);
    expect((await bring(content)).result.done).toEqual(content.images);
});

test("what an earlier archive brought is mounted from where it is, or its absence is named with the cure", async () => {
    const first = new MemoryImageSet();
    const base_ = first.blob();
    first.image("quay.io/org/app:1", first.manifest([base_]));
    const second = new MemoryImageSet();
    second.blob(first.bytes.get(base_));
    second.image("quay.io/org/next:1", second.manifest([base_]));
    second.earlier.blobs = { [base_]: { size: 2000, from: ["quay.io/org/app"] } };
    second.leaveOut(base_);
    const tooEarly = await bring(second);
    expect(tooEarly.result.done).toEqual({});
    expect(tooEarly.result.failed).toEqual([
        {
            source: "quay.io/org/next:1",
            problems: [
                {
                    code: "EARLIER_CONTENT_MISSING",
                    thing: `blob ${base_}`,
                    place: { registry: registry.host },
                    problem: "it is not at the registry and not in this archive",
                    fix: "import the earlier archive first",
                },
            ],
        },
    ]);
    await bring(first);
    const { result } = await bring(second);
    expect(result.failed).toEqual([]);
    expect(result.sent.mounts).toBe(1);
});

test("an image that is blocked takes no blob away from those that can", async () => {
    const content = new MemoryImageSet();
    const shared = content.blob(randomBytes(5000));
    const gone = content.blob(randomBytes(90_000));
    content.image("quay.io/org/app:1-lost", content.manifest([shared, gone]));
    content.image("quay.io/org/app:2-kept", content.manifest([shared]));
    content.leaveOut(gone);
    content.earlier.blobs = { [gone]: { size: 90_000, from: [] } };
    const { result } = await bring(content);
    expect(result.failed.map(({ source }) => source)).toEqual(["quay.io/org/app:1-lost"]);
    expect(Object.keys(result.done)).toEqual(["quay.io/org/app:2-kept"]);
});

test("a tag for what is at the registry already is put without the archive", async () => {
    const content = new MemoryImageSet();
    const digest = content.image("quay.io/org/app:1");
    await bring(content);
    const images = { [`quay.io/org/app@${digest}`]: digest, "quay.io/org/app:stable": digest };
    const plan = await planImport(client, { images, set: content.set, base: base() });
    expect(needsArchive(plan)).toBe(false);
    const { done, failed } = await executePlan(client, new MemoryImageSet(), plan);
    expect({ done, failed }).toEqual({ done: images, failed: [] });
});

test("a blob that one repository refuses still reaches the others, with its own bytes", async () => {
    const content = new MemoryImageSet();
    const shared = content.blob(randomBytes(50_000));
    content.image("quay.io/a/one:1", content.manifest([shared, content.blob(randomBytes(60_000))]));
    content.image("quay.io/b/two:1", content.manifest([shared]));
    const { uploads } = client;
    const start = uploads.start.bind(uploads);
    jest.spyOn(uploads, "start").mockImplementation((repository, ...rest) =>
        repository.includes("/a/")
            ? Promise.reject(new RegistryError("denied", { registry: "here", code: "DENIED", status: 403 }))
            : start(repository, ...rest),
    );
    const plan = await planImport(client, { images: content.images, set: content.set, base: base() });
    const { done, failed } = await executePlan(client, content, plan);
    expect(failed.map(({ source }) => source)).toEqual(["quay.io/a/one:1"]);
    expect(Object.keys(done)).toEqual(["quay.io/b/two:1"]);
});

test("two tags of one broken image are healed or fail together", async () => {
    const content = new MemoryImageSet();
    const layer = content.blob(randomBytes(50_000));
    const index = content.index([content.manifest([layer])]);
    content.image("quay.io/org/x:1", index);
    content.image("quay.io/org/x:2", index);
    await bring(content);
    rmSync(registry.storage("blobs", "sha256", layer.slice(7, 9), layer.slice(7)), { recursive: true });
    const truth = content.bytes.get(layer) ?? Buffer.alloc(0);
    content.bytes.set(layer, Buffer.from(truth).fill(7, 100, 200));
    const suspects = Object.keys(content.images);
    expect((await bring(content, content.images, suspects)).result.done).toEqual({});
    content.bytes.set(layer, truth);
    expect((await bring(content, content.images, suspects)).result.done).toEqual(content.images);
});

test("what a sparse index leaves out is still missed as an image of its own", async () => {
    const content = new MemoryImageSet();
    const child = content.manifest();
    content.image(`quay.io/org/app@${child}`, child);
    const absent = new Set([child]);
    const { failures } = await verifyImages(client, checks(content), { absent });
    expect(failures.map(({ source }) => source)).toEqual([`quay.io/org/app@${child}`]);
});

test("verification names what the registry definitely lacks, and is no verdict when it cannot be asked", async () => {
    const content = new MemoryImageSet();
    const layer = content.blob();
    content.image("quay.io/org/app:1", content.manifest([layer]));
    content.image("quay.io/org/other:1");
    await bring(content);
    rmSync(registry.storage("blobs", "sha256", layer.slice(7, 9), layer.slice(7)), { recursive: true });
    const { failures } = await verifyImages(client, checks(content));
    expect(failures).toMatchObject([
        {
            source: "quay.io/org/app:1",
            problems: [
                { code: "BLOB_UNKNOWN", thing: `blob mirror/quay.io/org/app@${layer}`, problem: "it is missing" },
            ],
        },
    ]);
    await registry.kill();
    await expect(verifyImages(client, checks(content))).rejects.toMatchObject({ code: "NETWORK" });
});

test("an index that leaves out platforms is refused by a strict registry, with the setting that lets it in", async () => {
    const content = new MemoryImageSet();
    content.image("quay.io/org/sparse:1", content.index([content.manifest()], [computeDigest("another platform")]));
    content.image("quay.io/org/app:1");
    const { result } = await bring(content);
    expect(Object.keys(result.done)).toEqual(["quay.io/org/app:1"]);
    expect(result.failed.map(({ source }) => source)).toEqual(["quay.io/org/sparse:1"]);
    expect(problemText(result.failed[0])).toMatch(
        /leaves out platforms.*accepts no sparse index; let the registry accept them \(distribution 3: validation\.manifests/,
    );
});
