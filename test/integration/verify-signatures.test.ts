import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import type { Digest } from "../../lib/oci/digest";
import { parseManifest } from "../../lib/oci/manifest";
import { CommandSite } from "../support/command-site";
import { cosignPayload, putSignatures, signatureLayer } from "../support/signed-registry";
import { signingKey } from "../support/signing-key";
import { ACCOUNT } from "../support/site";

jest.setTimeout(120_000);

const KEY = signingKey();
const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
let site: CommandSite;
let client: RegistryClient;

beforeEach(async () => {
    site = await CommandSite.create("with-mapping");
    writeFileSync(join(site.folder, "team.pub"), KEY.publicKey);
    const ca = readFileSync(join(site.folder, "ca.crt"), "utf8");
    client = new RegistryClient({ endpoint: { host: site.registry.host, ca }, credentials: ACCOUNT, requests: 4 });
    expect(await site.run("import")).toMatchObject({ code: 0 });
});
afterEach(async () => {
    for (const form of site.secretForms()) expect(site.said).not.toContain(form);
    await client.close();
    await site.remove();
});

function requireSignatures(...scopes: string[]): void {
    const rootOfTrust = { policyType: "PublicKey", publicKey: { keyFile: "team.pub" } };
    site.configure({}, {}, { signatures: { team: { scopes, policy: { rootOfTrust } } } });
}

interface SignedImage {
    readonly source: string;
    readonly digest: Digest;
    readonly signed: boolean;
    readonly nodes: string;
    readonly refusals: readonly { readonly reason: string; readonly pulled: string; readonly platform?: string }[];
    readonly notLookedUp: readonly string[];
}

async function verified(): Promise<{ code: number | null; images: SignedImage[] }> {
    const { code, out } = await site.run("verify", "--signatures", "--json");
    const { signatures } = JSON.parse(out) as { signatures: { images: SignedImage[]; unread: unknown[] } };
    expect(signatures.unread).toEqual([]);
    return { code, images: signatures.images };
}

/** Signs what nodes run: an image for one platform, the children of an index. */
async function signRunnable({ source, digest }: SignedImage): Promise<void> {
    const name = source.split("@")[0]?.replace(/:[^/:]*$/, "") ?? "";
    const tag = /:([^/:@]+)$/.exec(source.split("@")[0] ?? "")?.[1] ?? "1";
    const repository = `mirror/${name}`;
    const root = await client.manifestGet(repository, digest);
    const runnable = root?.manifests.length === 0 ? [digest] : (root?.manifests ?? []).map((child) => child.digest);
    for (const one of runnable) {
        const layers = [signatureLayer(KEY, cosignPayload(one, `${name}:${tag}`))];
        await putSignatures(client, repository, `${one.replace(":", "-")}.sig`, layers);
    }
}

test("without policies each image is said to be signed or not, and nodes ask for nothing", async () => {
    const { code, images } = await verified();
    expect(code).toBe(0);
    expect(images).toHaveLength(6);
    expect(new Set(images.map(({ signed, nodes }) => `${signed} ${nodes}`))).toEqual(new Set(["false ask for none"]));
});

test("images without a signature are refused, with the reason; once all are signed, nodes accept them", async () => {
    requireSignatures("quay.io", "docker.io", "registry.redhat.io", "registry.access.redhat.com");
    const before = await verified();
    expect(before.code).toBe(1);
    expect(before.images.map(({ nodes }) => nodes)).toEqual(Array(6).fill("refuse"));
    expect(new Set(before.images.flatMap(({ refusals }) => refusals.map(({ reason }) => reason)))).toEqual(
        new Set(["it is not signed"]),
    );
    for (const image of before.images) await signRunnable(image);
    const after = await verified();
    expect(after.images.filter(({ nodes }) => nodes !== "accept")).toEqual([]);
    expect(after.code).toBe(0);
    const text = await site.run("verify", "--signatures");
    expect(text.out).toContain("signed by team; nodes accept it (policy team)\n");
    expect(text.out).toContain(
        "6 of 6 images signed where nodes look; nodes of 4.20 and later accept 6 by a policy, refuse 0, ask for no signature of 0\n",
    );
});

test("a signature that is only a referrer is named as one that nodes do not look up", async () => {
    requireSignatures("quay.io/team0");
    const [image] = (await verified()).images.filter(({ nodes }) => nodes === "refuse");
    if (image === undefined) throw new Error("no image is refused");
    const name = image.source.replace(/[@:][^/]*$/, "");
    const repository = `mirror/${name}`;
    const subject = await client.manifestGet(repository, image.digest);
    const bytes = Buffer.from(
        JSON.stringify({
            schemaVersion: 2,
            mediaType: "application/vnd.oci.image.index.v1+json",
            manifests: [
                {
                    mediaType: "application/vnd.oci.image.manifest.v1+json",
                    ...(await putSignatures(
                        client,
                        repository,
                        undefined,
                        [signatureLayer(KEY, cosignPayload(image.digest, name))],
                        {
                            artifactType: BUNDLE,
                            subject: {
                                mediaType: subject?.mediaType,
                                digest: image.digest,
                                size: subject?.bytes.length,
                            },
                        },
                    )),
                },
            ],
        }),
    );
    await client.manifestPut(repository, image.digest.replace(":", "-"), parseManifest(bytes));
    const text = await site.run("verify", "--signatures");
    expect(text.code).toBe(1);
    expect(text.out).toContain(`! ${image.source}: not signed; nodes of 4.20 and later refuse it\n`);
    expect(text.out).toContain(`    nodes do not look up its 1 signature by referrer (${BUNDLE})\n`);
});
