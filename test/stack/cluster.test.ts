import { readFileSync } from "node:fs";
import { join } from "node:path";
import { OWNER_ANNOTATION } from "../../lib/openshift";
import { TestCluster, createClusterSite, writeKubeconfig } from "../support/cluster-site";
import { PULL_SECRET } from "../support/openshift-cluster";
import { roleRules } from "../support/role-rules";
import { FIXTURES, type TestSite } from "../support/site";

jest.setTimeout(600_000);

const VERSION = "4.16.20";
const CONFIG = "config.openshift.io/v1";
const DIGESTS = { apiVersion: CONFIG, kind: "ImageDigestMirrorSet", metadata: { name: "passthrough-test-digest" } };
const TAGS = { apiVersion: CONFIG, kind: "ImageTagMirrorSet", metadata: { name: "passthrough-test-tag" } };
const SECRET = { apiVersion: "v1", kind: "Secret", metadata: { name: "pull-secret", namespace: "openshift-config" } };
const TRUSTED = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "registry-cas", namespace: "openshift-config" },
};

let clusters: TestCluster[];
let site: TestSite;

beforeEach(async () => {
    clusters = [];
    site = await createClusterSite(join(FIXTURES, "with-mapping"));
});
afterEach(async () => {
    for (const cluster of clusters) await cluster.stop();
    await site.remove();
});

async function startCluster(): Promise<TestCluster> {
    const cluster = await TestCluster.start("4.16", VERSION);
    clusters.push(cluster);
    return cluster;
}

/** An account with the roles that `passthrough render` writes for what these stacks do, and no more. */
function limitedKubeconfig({ server }: TestCluster): Promise<string> {
    return server.kubeconfigFor("registry-passthrough", roleRules(["preview", "rules", "trust", "coverage"], VERSION));
}

/** The policies that the cluster's pair of mirror objects has. */
async function policies({ server }: TestCluster): Promise<Record<"digest" | "tag", string[]>> {
    const read = async (object: typeof DIGESTS, list: string) => {
        const entries = ((await server.admin.get(object))?.spec?.[list] ?? []) as { mirrorSourcePolicy: string }[];
        return [...new Set(entries.map(({ mirrorSourcePolicy }) => mirrorSourcePolicy))];
    };
    return { digest: await read(DIGESTS, "imageDigestMirrors"), tag: await read(TAGS, "imageTagMirrors") };
}

const pullSecret = async ({ server }: TestCluster) =>
    Buffer.from((await server.admin.get(SECRET))?.data?.[".dockerconfigjson"] ?? "", "base64").toString("utf8");

test("a cluster gets CA, account and rules in this order, never in a second step, and loses them only if that is allowed", async () => {
    const cluster = await startCluster();
    const { server } = cluster;
    const keys = {
        version: VERSION,
        contactSource: "never",
        // The release is not in the archive.
        coverage: { accept: ["quay.io/openshift-release-dev/**"] },
        apply: { kubeconfigFile: writeKubeconfig(site, await limitedKubeconfig(cluster)) },
    };
    site.stack.configure(site.document({ cluster: keys }));

    const preview = await site.stack.preview();
    expect(preview).toMatchObject({ code: 0 });
    expect(preview.text).toContain(
        "added to the global pull secret; nodes get new files, without a drain (master: 3 nodes, worker: 2 nodes)",
    );
    expect(preview.text).toContain(
        "mirror rules: nodes drain and reload CRI-O, one after the other (master: 3 nodes, worker: 2 nodes)",
    );
    expect(preview.text).toContain("contactSource: never takes effect with a later `up`");
    expect(await server.admin.get(DIGESTS)).toBeUndefined();

    expect(await site.stack.up()).toMatchObject({ code: 0 });
    expect(await policies(cluster)).toEqual({ digest: ["AllowContactingSource"], tag: ["AllowContactingSource"] });
    expect((await server.admin.get(DIGESTS))?.metadata["annotations"]).toMatchObject({
        [OWNER_ANNOTATION]: "registry-passthrough/test",
    });
    const added = await pullSecret(cluster);
    expect(added).toContain(`"${site.registry.host}"`);
    expect((await server.admin.get(TRUSTED))?.data).toEqual({
        [site.registry.host.replace(":", "..")]: site.authority.ca,
    });
    const writes = server.requests().filter(({ verb }) => ["create", "patch", "update"].includes(verb));
    expect(writes.length).toBeGreaterThan(0);

    await cluster.settled();
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    expect(await policies(cluster)).toEqual({ digest: ["NeverContactSource"], tag: ["NeverContactSource"] });
    expect(await site.stack.up("--expect-no-changes")).toMatchObject({ code: 0 });

    // Unreachable: a preview and a nightly check go by what was applied last.
    await server.kill();
    const blind = await site.stack.preview("--expect-no-changes");
    expect(blind).toMatchObject({ code: 0 });
    expect(blind.text).toContain("compared with the last applied state");
    expect(await site.stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
    await server.restart();

    const refused = await site.stack.destroy();
    expect(refused.code).not.toBe(0);
    expect(refused.text).toContain("CLUSTER_REMOVAL_REFUSED");
    expect(await policies(cluster)).toEqual({ digest: ["NeverContactSource"], tag: ["NeverContactSource"] });
    site.stack.configure(site.document({ cluster: { ...keys, allowRemoval: true } }));
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    expect(await site.stack.destroy()).toMatchObject({ code: 0 });
    expect(await server.admin.get(DIGESTS)).toBeUndefined();
    expect(await pullSecret(cluster)).toBe(PULL_SECRET);

    const token = /token: (\S+)/.exec(readFileSync(keys.apply.kubeconfigFile, "utf8"))?.[1] ?? "no token";
    expect(site.stack.printed).not.toContain(token);
    expect(await site.stack.state()).not.toContain(token);
});

test("of two clusters one is down: the other gets everything, and the next up brings the rest", async () => {
    const [east, west] = [await startCluster(), await startCluster()];
    await west.server.kill();
    const named = { east: { version: VERSION, apply: {} }, west: { version: VERSION, apply: {} } };
    const { cluster: _, ...document } = site.document() as Record<string, unknown>;
    site.stack.configure({ ...document, clusters: named });
    await site.stack.setConfig("registry-passthrough:kubeconfig-east", east.server.kubeconfig, true);
    await site.stack.setConfig("registry-passthrough:kubeconfig-west", west.server.kubeconfig, true);

    const up = await site.stack.up("--continue-on-error");
    expect(up.code).not.toBe(0);
    expect(up.text).toMatch(/cluster-west-access[^]*error: CLUSTER_UNREACHABLE at /);
    expect(await policies(east)).toEqual({ digest: ["AllowContactingSource"], tag: ["AllowContactingSource"] });

    await west.server.restart();
    expect(await site.stack.up("--continue-on-error")).toMatchObject({ code: 0 });
    expect(await policies(west)).toEqual(await policies(east));
});

test("a half of the pair that was forbidden alone is allowed by the next up, and the pair forbidden by the one after", async () => {
    const cluster = await startCluster();
    const keys = {
        version: VERSION,
        contactSource: "never",
        // The release is not in the archive.
        coverage: { accept: ["quay.io/openshift-release-dev/**"] },
        apply: { kubeconfigFile: writeKubeconfig(site, cluster.server.kubeconfig) },
    };
    site.stack.configure(site.document({ cluster: keys }));
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    await cluster.settled();
    // What a process leaves that dies between the two writes.
    const digest = await cluster.server.admin.get(DIGESTS);
    const entries = (digest?.spec?.["imageDigestMirrors"] ?? []) as object[];
    const never = entries.map((entry) => ({ ...entry, mirrorSourcePolicy: "NeverContactSource" }));
    await cluster.server.admin.patch(DIGESTS, { spec: { imageDigestMirrors: never } });

    expect(await site.stack.up()).toMatchObject({ code: 0 });
    expect(await policies(cluster)).toEqual({ digest: ["AllowContactingSource"], tag: ["AllowContactingSource"] });
    await cluster.settled();
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    expect(await policies(cluster)).toEqual({ digest: ["NeverContactSource"], tag: ["NeverContactSource"] });
});
