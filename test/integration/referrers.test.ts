import { randomBytes } from "node:crypto";
import type { Digest } from "../../lib/oci/digest";
import { computeDigest } from "../../lib/oci/digest";
import { parseManifest } from "../../lib/oci/manifest";
import { MEDIA_TYPE_OCI_INDEX, MEDIA_TYPE_OCI_MANIFEST } from "../../lib/oci/media-types";
import { isManifestPut, registryError } from "../support/faults/fault";
import { FaultSite } from "../support/faults/fault-site";
import { MemoryImageSet } from "../support/image-set";
import { problemText } from "../support/problems";

/* distribution 3.1.2 has no referrers API, so clients keep the tag `sha256-<hex>` (distribution-spec). */

const REPOSITORY = "mirror/quay.io/org/app";
const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
let site: FaultSite;
let content: MemoryImageSet;
let image: Digest;
let signature: Digest;

beforeAll(async () => {
    site = await FaultSite.start();
});
afterAll(() => site.stop());
beforeEach(() => {
    site.clear();
    content = new MemoryImageSet(randomBytes);
    // Larger than what is about it, and so still on its way when that is pushed.
    image = content.image("quay.io/org/app:1", content.manifest([content.blob(randomBytes(400_000))]));
    signature = addReferrer(image);
});

/** A referrer without a tag upstream. */
function addReferrer(subject: Digest): Digest {
    const digest = content.manifest([content.blob(randomBytes(100))], {
        artifactType: BUNDLE,
        annotations: { "dev.sigstore.bundle.content": "dsse-envelope" },
        subject: { mediaType: MEDIA_TYPE_OCI_MANIFEST, digest: subject, size: content.size(subject) ?? 0 },
    });
    content.image(`quay.io/org/app@${digest}`, digest);
    return digest;
}

const tagOf = (digest: Digest) => digest.replace(":", "-");

async function listed(subject: Digest): Promise<{ bytes: string; digests: string[] }> {
    const client = site.client();
    const index = await client.manifestGet(REPOSITORY, tagOf(subject)).finally(() => client.close());
    return {
        bytes: index?.bytes.toString("utf8") ?? "",
        digests: (index?.manifests ?? []).map(({ digest }) => digest),
    };
}

async function isImported(): Promise<void> {
    const { error, result } = await site.bring(content);
    expect(error).toBeUndefined();
    expect(result?.failed.map(problemText)).toEqual([]);
}

test("a referrer is listed under its subject's tag, with its type and annotations, and the proof says so", async () => {
    await isImported();
    expect(JSON.parse((await listed(image)).bytes)).toEqual({
        schemaVersion: 2,
        mediaType: MEDIA_TYPE_OCI_INDEX,
        manifests: [
            {
                mediaType: MEDIA_TYPE_OCI_MANIFEST,
                digest: signature,
                size: content.size(signature),
                artifactType: BUNDLE,
                annotations: { "dev.sigstore.bundle.content": "dsse-envelope" },
            },
        ],
    });
    const { proofs, failures } = await site.verify(content);
    expect(failures).toEqual([]);
    expect(proofs.map(({ subject }) => subject)).toEqual([undefined, image]);
});

test("what others have listed stays as it is, and is listed once however often the import runs", async () => {
    const others = {
        schemaVersion: 2,
        mediaType: MEDIA_TYPE_OCI_INDEX,
        manifests: [
            { mediaType: MEDIA_TYPE_OCI_MANIFEST, digest: computeDigest(Buffer.from("x")), size: 1, data: "eA==" },
        ],
        annotations: { of: "others" },
    };
    const client = site.client();
    // distribution checks that children are there unless they are said to be elsewhere.
    const about = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE_OCI_INDEX, manifests: [] }));
    const child = parseManifest(about);
    await client.manifestPut(REPOSITORY, child.digest, child);
    const known = {
        ...others,
        manifests: [{ mediaType: MEDIA_TYPE_OCI_INDEX, digest: child.digest, size: about.length, urls: ["https://x"] }],
    };
    await client.manifestPut(REPOSITORY, tagOf(image), parseManifest(Buffer.from(JSON.stringify(known))));
    await client.close();
    await isImported();
    await site.bring(content, { suspects: Object.keys(content.images) });
    const index = JSON.parse((await listed(image)).bytes) as typeof known;
    expect(index).toMatchObject({ annotations: { of: "others" } });
    expect(index.manifests[0]).toEqual(known.manifests[0]);
    expect((await listed(image)).digests).toEqual([child.digest, signature]);
});

test("several referrers of one image, and one of a referrer: none overwrites another, each follows its subject", async () => {
    const sbom = addReferrer(image);
    const ofSbom = addReferrer(sbom);
    await isImported();
    expect(new Set((await listed(image)).digests)).toEqual(new Set([signature, sbom]));
    expect((await listed(sbom)).digests).toEqual([ofSbom]);
    const puts = site.proxy.passed.filter(isManifestPut).map(({ url }) => url);
    const place = (digest: Digest, tag = `digest-${digest.slice("sha256:".length)}`) =>
        puts.findIndex((url) => url.includes(tag) || url.endsWith(digest));
    expect(place(image, "/manifests/1")).toBeLessThan(place(sbom));
    expect(place(sbom)).toBeLessThan(place(ofSbom));
});

test("a registry that refuses a referrer whose subject is not there gets the subject first", async () => {
    let hasSubject = false;
    site.proxy.script = (asked) => {
        if (!isManifestPut(asked)) return undefined;
        if (asked.url.endsWith("/manifests/1")) hasSubject = true;
        return hasSubject ? undefined : registryError(404, "NOT_FOUND", `artifact ${image} not found`);
    };
    await isImported();
});

test("a registry that lists referrers itself (OCI-Subject) gets no tag", async () => {
    site.proxy.script = (asked) =>
        isManifestPut(asked) ? { kind: "add-header", name: "OCI-Subject", value: image } : undefined;
    await isImported();
    expect(await listed(image)).toEqual({ bytes: "", digests: [] });
});

test("a referrer that no verifier finds is not proven, and the next import lists it", async () => {
    await isImported();
    const client = site.client();
    await client.manifestDelete(REPOSITORY, tagOf(image));
    const source = `quay.io/org/app@${signature}`;
    const { failures } = await site.verify(content);
    expect(failures.map((failure) => failure.source)).toEqual([source]);
    expect(problemText(failures[0])).toContain(
        `REFERRER_UNLISTED at ${site.proxy.host}: referrer ${REPOSITORY}@${signature}: it is about ${image}`,
    );
    await site.bring(content, { suspects: [source] });
    await client.close();
    expect((await listed(image)).digests).toEqual([signature]);
    expect((await site.verify(content)).failures).toEqual([]);
});

test("blobs that an instance does not know yet are waited for; if it never does, the reason is given", async () => {
    let rejections = 2;
    const unknown = registryError(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry");
    site.proxy.script = (asked) => (isManifestPut(asked) && rejections-- > 0 ? unknown : undefined);
    await isImported();
    expect(rejections).toBeLessThan(0);
    site.clear();
    site.proxy.script = (asked) => (isManifestPut(asked) ? unknown : undefined);
    const { result } = await site.bring(content, { retry: { seconds: 0.2, firstDelay: 1, longestDelay: 20 } });
    expect(problemText(result?.failed[0])).toMatch(
        /^MANIFEST_BLOB_UNKNOWN \(400\) at .*: the registry has every blob of the image, and rejects the image as if it had not; .*share their storage and their cache/,
    );
});
