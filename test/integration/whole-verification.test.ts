import { randomBytes } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { executePlan, imageTask, planImport, verifyImages } from "../../lib/import";
import type { Digest } from "../../lib/oci/digest";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { countedRegistry } from "../support/counted-registry";
import { MemoryImageSet } from "../support/image-set";
import { problemText } from "../support/problems";

const RETRY = { seconds: 0, firstDelay: 1, longestDelay: 1 };
const counted = countedRegistry(RETRY, "the file");

const base = () => parseMirrorBase(`${counted.proxy.host}/mirror`);

async function bring(content: MemoryImageSet, suspects: string[] = []) {
    const request = { images: content.images, set: content.set, base: base(), suspects: new Set(suspects) };
    const plan = await planImport(counted.client, request);
    counted.proxy.forget();
    return { plan, result: await executePlan(counted.client, content, plan) };
}

const readAll = (content: MemoryImageSet) =>
    verifyImages(
        counted.client,
        Object.entries(content.images).map(([source, digest]) => ({
            ...imageTask(base(), source, digest),
            whole: true,
        })),
    );

const blobFile = (digest: Digest) =>
    counted.registry.storage("blobs", "sha256", digest.slice(7, 9), digest.slice(7), "data");

function flipped(bytes: Buffer): Buffer {
    const wrong = Buffer.from(bytes);
    wrong[wrong.length >> 1] = (wrong[wrong.length >> 1] ?? 0) ^ 1;
    return wrong;
}

test.each<[string, (bytes: Buffer) => Buffer, string]>([
    ["wrong", flipped, "has other bytes: they hash to"],
    ["short", (bytes) => bytes.subarray(0, bytes.length - 1), "has 99999 bytes instead of 100000"],
    ["long", (bytes) => Buffer.concat([bytes, Buffer.from("x")]), "has 100001 bytes instead of 100000"],
])(
    "bytes that are %s at the registry are found by blob and repository, and healed once their file is gone",
    async (name, damage, words) => {
        const content = new MemoryImageSet();
        const [bad, good] = [content.blob(randomBytes(100_000)), content.blob(randomBytes(80_000))];
        const source = `quay.io/${name}/bad:1`;
        content.image(source, content.manifest([good, bad]));
        content.image(`quay.io/${name}/good:1`, content.manifest([good]));
        await bring(content);
        expect((await readAll(content)).failures).toEqual([]);
        writeFileSync(blobFile(bad), damage(readFileSync(blobFile(bad))));
        const { failures, proofs } = await readAll(content);
        expect(failures.map((failure) => failure.source)).toEqual([source]);
        expect(problemText(failures[0])).toContain(`blob mirror/quay.io/${name}/bad@${bad}: it ${words}`);
        expect(problemText(failures[0])).toContain("delete its damaged file in the registry's storage, then run again");
        expect(proofs.map((proof) => proof.source)).toEqual([`quay.io/${name}/good:1`]);

        rmSync(dirname(blobFile(bad)), { recursive: true });
        const { plan, result } = await bring(content, [source]);
        expect(result.failed).toEqual([]);
        expect(counted.proxy.bytes).toBe(plan.bytes);
        expect(plan).toMatchObject({ uploads: 1, mounts: 0, bytes: 100_000 + (plan.push[0]?.root.size ?? NaN) });
        expect((await readAll(content)).failures).toEqual([]);
    },
);

test("distribution keeps a damaged file, also when its blob was deleted and is sent again: a person must", async () => {
    const content = new MemoryImageSet();
    const bad = content.blob(randomBytes(50_000));
    content.image("quay.io/kept/app:1", content.manifest([bad]));
    await bring(content);
    writeFileSync(blobFile(bad), flipped(readFileSync(blobFile(bad))));
    const url = `http://${counted.registry.host}/v2/mirror/quay.io/kept/app/blobs/${bad}`;
    expect((await fetch(url, { method: "DELETE" })).status).toBe(202);
    expect((await fetch(url, { method: "HEAD" })).status).toBe(404);
    const { result } = await bring(content, ["quay.io/kept/app:1"]);
    expect(result.sent.uploads).toBe(1);
    expect(problemText((await readAll(content)).failures[0])).toContain(`@${bad}: it has other bytes`);
});

test("a blob that images share is read once; what HEAD has and GET has not is found", async () => {
    const content = new MemoryImageSet();
    const shared = content.blob(randomBytes(300_000));
    for (const name of ["a", "b", "c"]) content.image(`quay.io/shared/${name}:1`, content.manifest([shared]));
    await bring(content);
    counted.proxy.forget();
    const { proofs, failures } = await readAll(content);
    expect(failures).toEqual([]);
    const reads = counted.proxy.requests.filter(({ method, path }) => method === "GET" && path.endsWith(shared));
    expect(reads).toHaveLength(1);
    const total = proofs.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    const held = [...content.bytes.values()].reduce((sum, { length }) => sum + length, 0);
    expect(total).toBe(held);
    const body = JSON.stringify({ errors: [{ code: "BLOB_UNKNOWN" }] });
    counted.proxy.detour = ({ method, path }) =>
        method === "GET" && path.endsWith(shared) ? { status: 404, body } : undefined;
    const lying = await readAll(content);
    counted.proxy.detour = () => undefined;
    expect(lying.failures).toHaveLength(3);
    expect(problemText(lying.failures[0])).toContain("it exists by HEAD, but cannot be read by GET");
});

test("a manifest that the registry cannot read hides neither the other damaged images nor the sound ones", async () => {
    const content = new MemoryImageSet();
    const bad = content.blob(randomBytes(40_000));
    content.image("quay.io/some/bad:1", content.manifest([bad]));
    const garbled = content.image("quay.io/some/garbled:1", content.manifest([content.blob(randomBytes(30_000))]));
    content.image("quay.io/some/good:1");
    await bring(content);
    writeFileSync(blobFile(garbled), "{");
    writeFileSync(blobFile(bad), flipped(readFileSync(blobFile(bad))));
    const { proofs, failures, unread } = await readAll(content);
    expect(unread).toMatchObject([{ source: "quay.io/some/garbled:1", problems: [{ status: 500 }] }]);
    expect(problemText(unread[0])).toContain(garbled);
    expect(failures.map(({ source }) => source)).toEqual(["quay.io/some/bad:1"]);
    expect(proofs.map(({ source }) => source)).toEqual(["quay.io/some/good:1"]);
});

test("a registry that can read nothing ends it, and so does a gateway that has lost its registry", async () => {
    const content = new MemoryImageSet();
    for (let i = 0; i < 20; i++) content.image(`quay.io/lost/image${i}:1`);
    await bring(content);
    counted.proxy.detour = ({ path }) => (path.includes("/manifests/") ? { status: 500, body: "" } : undefined);
    await expect(readAll(content)).rejects.toMatchObject({ status: 500 });
    counted.proxy.forget();
    counted.proxy.detour = () => ({ status: 502, body: "" });
    await expect(readAll(content)).rejects.toMatchObject({ status: 502 });
    counted.proxy.detour = () => undefined;
    expect(counted.proxy.requests.length).toBeLessThan(20);
});
