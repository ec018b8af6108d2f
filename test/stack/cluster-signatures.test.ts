import { join } from "node:path";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { digestHex } from "../../lib/oci/digest";
import { TestCluster, createClusterSite, stopSite, writeKubeconfig } from "../support/cluster-site";
import { cosignPayload, putSignatures, signatureLayer } from "../support/signed-registry";
import { signingKey } from "../support/signing-key";
import { ACCOUNT, FIXTURES, type TestSite } from "../support/site";

jest.setTimeout(900_000);

const VERSION = "4.20.3";
const TEAM = "quay.io/team0";
const KEY = signingKey();
const POLICY = {
    apiVersion: "config.openshift.io/v1",
    kind: "ClusterImagePolicy",
    metadata: { name: "team0" },
};
const POLICIES_PATH = "/apis/config.openshift.io/v1/clusterimagepolicies";

let cluster: TestCluster | undefined;
let site: TestSite | undefined;

beforeEach(() => {
    [cluster, site] = [undefined, undefined];
});
afterEach(() => stopSite(cluster, site));

/** Signs what nodes run of an image in the mirror, under its upstream name. */
async function sign({ registry, authority }: TestSite, name: string, tag: string): Promise<void> {
    const endpoint = { host: registry.host, ca: authority.ca };
    const client = new RegistryClient({ endpoint, credentials: ACCOUNT, requests: 4 });
    try {
        const repository = `mirror/${name}`;
        const root = await client.manifestGet(repository, tag);
        if (root === undefined) throw new Error(`the mirror has no ${name}:${tag}`);
        const runnable = root.manifests.length === 0 ? [root] : root.manifests;
        for (const { digest } of runnable) {
            const layers = [signatureLayer(KEY, cosignPayload(digest, name))];
            await putSignatures(client, repository, `sha256-${digestHex(digest)}.sig`, layers);
        }
    } finally {
        await client.close();
    }
}

test("a policy comes last, only when the mirror has the signatures, and goes again with its key", async () => {
    [site, cluster] = await Promise.all([
        createClusterSite(join(FIXTURES, "with-mapping")),
        TestCluster.start("4.20", VERSION),
    ]);
    const { stack } = site;
    const kubeconfigFile = writeKubeconfig(site, await cluster.limitedKubeconfig("signature-policies"));
    const keyData = Buffer.from(KEY.publicKey).toString("base64");
    const policy = {
        rootOfTrust: { policyType: "PublicKey", publicKey: { keyData } },
        signedIdentity: { matchPolicy: "MatchRepository" },
    };
    // The release is not in the archive.
    const keys = { version: VERSION, contactSource: "allow", apply: { kubeconfigFile }, coverage: { check: false } };
    const document = (more: object) => ({
        ...site?.document({ cluster: { ...keys, ...more } }),
        signatures: { team0: { scopes: [TEAM], policy } },
    });
    stack.configure(document({ signaturePolicies: true }));

    const refused = await stack.up("--skip-preview");
    expect(refused.code).not.toBe(0);
    expect(refused.text).toContain("nodes of 4.20 and later will refuse 1 of 1 image:");
    expect(refused.text).toContain("nodes of 4.20 and later refuse 1 of 1 image in the mirror");
    expect(refused.text).toMatch(
        /cluster-signatures[^]*error: IMAGES_UNSIGNED[^]*quay\.io\/team0\/app0:v1: policy team0/,
    );
    // Everything else is there.
    expect(await cluster.nodePolicies("quay.io")).toEqual(Array(5).fill("allowed"));
    expect(await cluster.server.admin.get(POLICY)).toBeUndefined();

    await sign(site, `${TEAM}/app0`, "v1");
    const preview = await stack.preview();
    expect(preview).toMatchObject({ code: 0 });
    expect(preview.text).toMatch(/signature policies: team0, written last, .*nodes reload CRI-O, .* without a drain/);
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(cluster.written().at(-1)).toBe(`create ${POLICIES_PATH}`);
    expect((await cluster.server.admin.get(POLICY))?.spec).toMatchObject({ scopes: [TEAM], policy });
    const again = await stack.up("--skip-preview", "--expect-no-changes");
    expect(again.code === 0 ? "" : again.text).toBe("");

    await cluster.server.admin.remove(POLICY);
    const check = await stack.passthrough("check");
    expect(check).toMatchObject({ code: 7 });
    expect(check.out).toContain("ClusterImagePolicy team0 does not exist any more");
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await cluster.server.admin.get(POLICY)).toBeDefined();

    stack.configure(document({}));
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(cluster.written().at(-1)).toBe(`delete ${POLICIES_PATH}/team0`);
    expect(await cluster.server.admin.get(POLICY)).toBeUndefined();
});
