import { join } from "node:path";
import type { SiteReport } from "../../cli/report/site-report";
import { OWNER_ANNOTATION } from "../../lib/openshift";
import { MIRROR_SETS, TestCluster, createClusterSite, stopSite, writeKubeconfig } from "../support/cluster-site";
import { base64, readToken } from "../support/kubeconfig";
import { PULL_SECRET } from "../support/openshift-cluster";
import { ACCOUNT, FIXTURES, type TestSite } from "../support/site";
import { readPullSecret } from "../support/trust-cluster";

jest.setTimeout(900_000);

const VERSION = "4.16.20";
const CONFIG = "config.openshift.io/v1";
const { digest: DIGESTS, tag: TAGS } = MIRROR_SETS;
const IMAGE = { apiVersion: CONFIG, kind: "Image", metadata: { name: "cluster" } };
const TRUSTED = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "registry-cas", namespace: "openshift-config" },
};
const WORKERS = {
    apiVersion: "machineconfiguration.openshift.io/v1",
    kind: "MachineConfigPool",
    metadata: { name: "worker" },
};
const OPENSHIFT_CONFIG = "/api/v1/namespaces/openshift-config";
const CONFIG_API = "/apis/config.openshift.io/v1";
const DIGESTS_PATH = `${CONFIG_API}/imagedigestmirrorsets/passthrough-test-digest`;
const TAGS_PATH = `${CONFIG_API}/imagetagmirrorsets/passthrough-test-tag`;
const ALLOWED = { digest: ["AllowContactingSource"], tag: ["AllowContactingSource"] };
const FORBIDDEN = { digest: ["NeverContactSource"], tag: ["NeverContactSource"] };

let clusters: TestCluster[];
let site: TestSite | undefined;

beforeEach(() => {
    [clusters, site] = [[], undefined];
});
afterEach(() => stopSite(...clusters, site));

async function startSite(): Promise<TestSite> {
    site = await createClusterSite(join(FIXTURES, "with-mapping"));
    return site;
}

async function startCluster(): Promise<TestCluster> {
    const cluster = await TestCluster.start("4.16", VERSION);
    clusters.push(cluster);
    return cluster;
}

/** The different policies that the cluster's pair of mirror objects has. */
async function policies(cluster: TestCluster): Promise<Record<"digest" | "tag", string[]>> {
    const { digest, tag } = await cluster.policies();
    return { digest: [...new Set(Object.values(digest))], tag: [...new Set(Object.values(tag))] };
}

/** CA and account as they are in the cluster. */
async function trust({ server }: TestCluster): Promise<object> {
    return {
        named: (await server.admin.get(IMAGE))?.spec?.["additionalTrustedCA"],
        certificates: (await server.admin.get(TRUSTED))?.data,
        pullSecret: await readPullSecret(server),
    };
}

/** What `trust` is with the registry's CA and account. */
function added({ registry, authority }: TestSite): object {
    const auth = base64(`${ACCOUNT.username}:${ACCOUNT.password}`);
    const entry = `,\n  "${registry.host}":{"auth":"${auth}"}`;
    return {
        named: { name: "registry-cas" },
        certificates: { [registry.host.replace(":", "..")]: `${authority.ca}\n` },
        pullSecret: PULL_SECRET.replace('\n}, "credsStore"', `${entry}\n}, "credsStore"`),
    };
}

test("a cluster gets CA, account and rules in this order, never in a second step, and loses them only if that is allowed", async () => {
    const [site, cluster] = await Promise.all([startSite(), startCluster()]);
    const { stack } = site;
    const kubeconfig = await cluster.limitedKubeconfig();
    const kubeconfigFile = writeKubeconfig(site, kubeconfig);
    // The release is not in the archive.
    const coverage = { accept: ["quay.io/openshift-release-dev/**"] };
    const keys = { version: VERSION, contactSource: "never", coverage, apply: { kubeconfigFile } };
    stack.configure(site.document({ cluster: keys }));
    let seen = 0;
    /** What was written since the last call. An object that the plugin has created gets another field manager first. */
    const written = () => {
        const writes = cluster.written().slice(seen);
        seen += writes.length;
        return [...new Set(writes)];
    };

    const preview = await stack.preview();
    expect(preview).toMatchObject({ code: 0 });
    expect(preview.text).toContain(
        "added to the global pull secret; nodes get new files, without a drain (master: 3 nodes, worker: 2 nodes)",
    );
    expect(preview.text).toContain(
        "mirror rules: nodes drain and reload CRI-O, one after the other (master: 3 nodes, worker: 2 nodes)",
    );
    expect(preview.text).toContain("contactSource: never takes effect with a later `up`");
    expect(preview.text).toContain(
        "waits for at most 60 minutes until every node has the rules; pools take them at the same time: " +
            "master (3 nodes, 1 at a time), worker (2 nodes, 1 at a time)",
    );
    expect(written()).toEqual([]);

    const first = await stack.up("--skip-preview");
    expect(first).toMatchObject({ code: 0 });
    expect(first.text).toMatch(
        /run `npm run up` again now that every node has the rules: it forbids the upstream of .*quay\.io/,
    );
    // Nobody waits for the controllers here: the run has.
    expect(await cluster.nodePolicies("quay.io")).toEqual(Array(5).fill("allowed"));
    const writes = written();
    expect(writes.slice(0, 3)).toEqual([
        `create ${OPENSHIFT_CONFIG}/configmaps`,
        `patch ${CONFIG_API}/images/cluster`,
        `patch ${OPENSHIFT_CONFIG}/secrets/pull-secret`,
    ]);
    const early = JSON.parse((await stack.passthrough("report", "--json")).out) as SiteReport;
    expect(early.problems.map(({ problem }) => problem)).toEqual([
        expect.stringMatching(/^upstreams that it should not contact are still allowed: .*quay\.io/),
    ]);
    expect(writes.slice(3).sort()).toEqual([`patch ${DIGESTS_PATH}`, `patch ${TAGS_PATH}`]);
    expect(await policies(cluster)).toEqual(ALLOWED);
    expect(await trust(cluster)).toEqual(added(site));
    for (const object of [DIGESTS, TAGS]) {
        expect((await cluster.server.admin.get(object))?.metadata.annotations).toMatchObject({
            [OWNER_ANNOTATION]: "registry-passthrough/test",
        });
    }

    await cluster.settled();
    await forbidDigests(cluster);
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(written()).toEqual([`patch ${DIGESTS_PATH}`]);
    expect(await policies(cluster)).toEqual(ALLOWED);

    await pauseWorkers(cluster, true);
    const paused = await stack.up("--skip-preview");
    expect(paused.code).not.toBe(0);
    const unproven = await stack.passthrough("report", "--json");
    expect(unproven.code).toBe(1);
    expect((JSON.parse(unproven.out) as SiteReport).problems).toContainEqual(
        expect.objectContaining({ problem: expect.stringMatching(/^its last up has failed/) as string }),
    );
    expect(paused.text).toMatch(/cluster-rollout[^]*error: ROLLOUT_FAILED[^]*pool worker is paused/);
    expect(written().sort()).toEqual([`patch ${DIGESTS_PATH}`, `patch ${TAGS_PATH}`]);
    expect(await policies(cluster)).toEqual(FORBIDDEN);
    await pauseWorkers(cluster, false);
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(written()).toEqual([]);
    expect(await cluster.nodePolicies("quay.io")).toEqual(Array(5).fill("forbidden"));
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });
    const report = await stack.passthrough("report", "--json");
    expect(report).toMatchObject({ code: 0 });
    expect((JSON.parse(report.out) as SiteReport).clusters).toMatchObject([
        {
            ...{ isApplied: true, version: VERSION, validation: { status: "proven", account: ACCOUNT.username } },
            rules: Array(3).fill({ upstream: "forbidden" }),
            rollout: {
                pools: [
                    { pool: "master", nodes: 3 },
                    { pool: "worker", nodes: 2 },
                ],
                behind: [],
            },
        },
    ]);

    // Unreachable: a preview and a nightly check go by what was applied last.
    await cluster.kill();
    const blind = await stack.preview("--expect-no-changes");
    expect(blind).toMatchObject({ code: 0 });
    expect(blind.text).toContain("compared with the last applied state");
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
    await cluster.restart();

    const refused = await stack.destroy("--skip-preview");
    expect(refused.code).not.toBe(0);
    expect(refused.text).toContain("CLUSTER_REMOVAL_REFUSED");
    stack.configure(site.document({ cluster: { ...keys, allowRemoval: true } }));
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(written()).toEqual([]);
    expect(await policies(cluster)).toEqual(FORBIDDEN);
    expect(await trust(cluster)).toEqual(added(site));

    expect(await stack.destroy("--skip-preview")).toMatchObject({ code: 0 });
    const removals = written();
    expect(removals.slice(0, 2).sort()).toEqual([`delete ${DIGESTS_PATH}`, `delete ${TAGS_PATH}`]);
    expect(removals.slice(2)).toEqual([
        `patch ${OPENSHIFT_CONFIG}/secrets/pull-secret`,
        `patch ${OPENSHIFT_CONFIG}/configmaps/registry-cas`,
        `patch ${CONFIG_API}/images/cluster`,
        `delete ${OPENSHIFT_CONFIG}/configmaps/registry-cas`,
    ]);
    for (const object of [DIGESTS, TAGS]) expect(await cluster.server.admin.get(object)).toBeUndefined();
    expect(await trust(cluster)).toEqual({ pullSecret: PULL_SECRET });

    const token = readToken(kubeconfig);
    expect(stack.printed).not.toContain(token);
    expect(await stack.state()).not.toContain(token);
});

async function pauseWorkers({ server }: TestCluster, paused: boolean): Promise<void> {
    await server.admin.patch(WORKERS, { spec: { paused } });
}

/** What a process leaves that dies between the two writes. */
async function forbidDigests({ server }: TestCluster): Promise<void> {
    const digest = await server.admin.get(DIGESTS);
    const entries = (digest?.spec?.["imageDigestMirrors"] ?? []) as object[];
    const imageDigestMirrors = entries.map((entry) => ({ ...entry, mirrorSourcePolicy: "NeverContactSource" }));
    await server.admin.patch(DIGESTS, { spec: { imageDigestMirrors } });
}

test("of two clusters one is down: the other gets everything, and the next up the rest; a deleted object is drift, and comes back", async () => {
    const [site, east, west] = await Promise.all([startSite(), startCluster(), startCluster()]);
    const { stack } = site;
    await west.kill();
    const { cluster: _, ...document } = site.document() as Record<string, unknown>;
    const named = { version: VERSION, apply: {} };
    stack.configure({ ...document, clusters: { east: named, west: named } });
    await stack.setConfig("kubeconfig-east", east.server.kubeconfig, true);
    await stack.setConfig("kubeconfig-west", west.server.kubeconfig, true);

    const withoutWest = ["--exclude", "**::cluster-west-access", "--exclude-dependents"];
    expect(await stack.up("--skip-preview", ...withoutWest)).toMatchObject({ code: 0 });
    expect(await policies(east)).toEqual(ALLOWED);
    const up = await stack.up("--skip-preview");
    expect(up.code).not.toBe(0);
    expect(up.text).toMatch(/cluster-west-access[^]*error: CLUSTER_UNREACHABLE at /);

    await west.restart();
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await policies(west)).toEqual(ALLOWED);

    await west.kill();
    await east.server.admin.remove(DIGESTS);
    expect(await stack.up("--skip-preview", ...withoutWest)).toMatchObject({ code: 0 });
    expect(await policies(east)).toEqual(ALLOWED);
    // Nothing changes for the cluster that is down.
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    await west.restart();
    expect(await policies(west)).toEqual(ALLOWED);

    await east.server.admin.remove(DIGESTS);
    await east.settled();
    const check = await stack.passthrough("check");
    expect(check).toMatchObject({ code: 7, out: expect.stringMatching(/cluster-east-digest-rules +delete/) as string });
    expect(check.out).toMatch(/cluster-east-rollout +update/);
    expect(check.out).toContain("the nodes of pool worker lack the rules of ");
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await policies(east)).toEqual(ALLOWED);
    expect(await east.nodePolicies("quay.io")).toEqual(Array(5).fill("allowed"));
    expect(await stack.passthrough("check")).toMatchObject({ code: 0 });
});
