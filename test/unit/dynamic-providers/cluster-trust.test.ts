import type { ClusterTrustInputs } from "../../../dynamic-providers/cluster-trust/kind";
import { clusterTrustProvider } from "../../../dynamic-providers/cluster-trust/provider";
import { createProvider } from "../../../dynamic-providers/lifecycle/resource-provider";
import { UNKNOWN_VALUE } from "../../../dynamic-providers/lifecycle/unknown-value";
import { RegistryProcess as ProviderProcess } from "../../../dynamic-providers/registry/registry-process";
import { ClusterError } from "../../../lib/kubernetes/cluster-error";
import type { MirrorObject } from "../../../lib/openshift";
import { type ConfigMap, ROLLOUT_PATHS } from "../../../lib/openshift/rollout/rollout-objects";
import { caHash } from "../../../lib/openshift/trust/desired-trust";
import { setPullEntry } from "../../../lib/openshift/trust/pull-secret";
import { type ImageConfig, type Secret, TRUST_PATHS } from "../../../lib/openshift/trust/trusted-ca";
import { type TestAuthority, testAuthority } from "../../support/certificates";
import { base64 } from "../../support/kubeconfig";
import { ManualClock } from "../../support/manual-clock";
import { MemoryCluster } from "../../support/memory-cluster";
import { operationContext } from "../../support/operation-context";
import { RegistryProcess } from "../../support/registry-process";
import { controllerConfig, machineConfig, node, pool } from "../../support/rollout-objects";
import { CREDENTIALS, ROTATED, trustInputs } from "../../support/trust-cluster";

const SECRET = '{"auths": { "quay.io" : {"auth":"eDp5"} } }\n';
const KUBECONFIG = JSON.stringify({
    users: [{ name: "a", user: { token: "canary-token-1" } }],
    clusters: [],
    contexts: [],
});
const OLD_SET = { kind: "ImageDigestMirrorSet", metadata: { name: "idms-generic-0" } };
const { configMaps, images, secrets } = TRUST_PATHS;

let authority: TestAuthority;
let registry: RegistryProcess;
let cluster: MemoryCluster;
let clock: ManualClock;
let lines: string[];
let key: string;

beforeAll(async () => {
    authority = await testAuthority();
    registry = await RegistryProcess.start({ tls: await authority.issue() });
    key = registry.host.replace(":", "..");
});
afterAll(() => registry.stop());

beforeEach(() => {
    [cluster, clock, lines] = [new MemoryCluster(), new ManualClock(), []];
    cluster.put<ImageConfig>(images, {
        metadata: { name: "cluster" },
        spec: { additionalTrustedCA: { name: "user-cas" } },
    });
    cluster.put<ConfigMap>(configMaps, { metadata: { name: "user-cas" }, data: { "other.test": "other" } });
    putSecret(SECRET);
    syncNodes();
});

function putSecret(text: string) {
    const data = { ".dockerconfigjson": Buffer.from(text).toString("base64") };
    cluster.put<Secret>(secrets, { metadata: { name: "pull-secret" }, data });
}
const secretText = () =>
    Buffer.from(cluster.peek<Secret>(secrets, "pull-secret")?.data?.[".dockerconfigjson"] ?? "", "base64").toString();
const caData = () => cluster.peek<ConfigMap>(configMaps, "user-cas")?.data;

/** All nodes have what the ConfigMap and the pull secret say. */
function syncNodes() {
    const { resourceVersion = "" } = cluster.put(
        ROLLOUT_PATHS.controllerConfigs,
        controllerConfig("", caData()),
    ).metadata;
    cluster.put(ROLLOUT_PATHS.nodes, node("a", resourceVersion));
    const name = `rendered-worker-${caHash(secretText())}`;
    cluster.put(ROLLOUT_PATHS.pools, pool("worker", { wanted: name, has: name }));
    cluster.put(ROLLOUT_PATHS.machineConfigs, machineConfig(name, { "/var/lib/kubelet/config.json": secretText() }));
}

function context() {
    const own = new ProviderProcess({ followsConfiguration: false, connectCluster: async () => cluster, clock });
    return { ...operationContext(lines), process: own };
}

const inputs = (changes: Partial<ClusterTrustInputs> = {}) =>
    trustInputs({ host: registry.host, ca: authority.ca, kubeconfig: KUBECONFIG }, changes);

/** The nodes follow at the first look that finds them behind. */
async function create(changes: Partial<ClusterTrustInputs> = {}) {
    clock.onSleep = syncNodes;
    return (await clusterTrustProvider.create(inputs(changes), context())).outs;
}

test("state has neither the pull secret nor another account's entry", async () => {
    const { credentials, kubeconfig, ...rest } = await create();
    expect([credentials, kubeconfig]).toEqual([CREDENTIALS, KUBECONFIG]);
    const text = JSON.stringify(rest);
    for (const secret of ["eDp5", "canary", base64(`${CREDENTIALS.username}:${CREDENTIALS.password}`)])
        expect(text).not.toContain(secret);
    expect(Object.keys(clusterTrustProvider.secrets)).toEqual(
        expect.arrayContaining(["credentials", "kubeconfig", "connectionSecrets", "entryHash"]),
    );
});

test("a run that ends between CA and pull secret keeps the CA in state", async () => {
    cluster.beforeCall = (call) => {
        if (call === "patch secrets/pull-secret") throw new Error("interrupted");
    };
    const failure = await clusterTrustProvider.create(inputs(), context()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "PartialState", known: { configMap: "user-cas" }, reasons: ["interrupted"] });
    expect((failure as { known: { entryHash?: string } }).known.entryHash).toBeUndefined();
});

test("what fails at one of several clusters names it, also when a part was written", async () => {
    const west = { cluster: "west" };
    cluster.beforeCall = (call) => {
        if (call === "patch secrets/pull-secret") unreachable();
    };
    const failure: unknown = await clusterTrustProvider
        .create(inputs(west), context())
        .catch((error: unknown) => error);
    expect(failure).toMatchObject({ reasons: [expect.stringContaining("cluster west: ")] });
    cluster.beforeCall = unreachable;
    await expect(clusterTrustProvider.create(inputs(west), context())).rejects.toMatchObject({ thing: "cluster west" });
    await registry.kill();
    try {
        await expect(clusterTrustProvider.create(inputs(west), context())).rejects.toThrow(/cluster west/);
    } finally {
        await registry.restart();
    }
});

test("a pool that was degraded before is waited for: the new account may repair it", async () => {
    const degraded = { Degraded: "True", Updated: "False" };
    cluster.put(ROLLOUT_PATHS.pools, pool("worker", { wanted: "rendered-worker-2", conditions: degraded }));
    await create();
    expect(clock.sleeps).toBe(1);
});

test("mirror rules of others that need the account which is replaced are a warning, those of our base are none", async () => {
    const preview = async () => {
        lines = [];
        await clusterTrustProvider.describeChanges?.({}, inputs({ adopt: true }), context());
        return lines.join("\n");
    };
    const put = (...mirrors: string[]) =>
        cluster.put<MirrorObject>(
            { apiVersion: "config.openshift.io/v1", resource: "imagedigestmirrorsets" },
            { ...OLD_SET, spec: { imageDigestMirrors: [{ source: "quay.io/org", mirrors }] } },
        );
    put(`${registry.host}/org`);
    expect(await preview()).not.toContain("idms-generic-0");
    putSecret(setPullEntry(SECRET, registry.host, '{"auth":"eDp6"}'));
    expect(await preview()).toContain(
        `ImageDigestMirrorSet idms-generic-0 redirect to ${registry.host}/org, which nodes pull with the account that is replaced`,
    );
    put(`${registry.host}/mirror/quay.io/org`, "other.test/org");
    expect(await preview()).not.toContain("idms-generic-0");
});

/** A pool with a node that failed for a reason of its own. */
const degradeWorker = () =>
    cluster.put(ROLLOUT_PATHS.pools, pool("worker", { conditions: { Degraded: "True", Updated: "False" } }));

test("a pool that was degraded before an update which writes nothing new is waited for as well", async () => {
    const outs = await create();
    degradeWorker();
    const before = clock.sleeps;
    await clusterTrustProvider.update(outs, inputs(), context());
    expect(clock.sleeps - before).toBe(1);
});

test("a pool that was degraded before a removal is waited for", async () => {
    const outs = await create();
    degradeWorker();
    const before = clock.sleeps;
    await clusterTrustProvider.remove(outs, context());
    expect(clock.sleeps - before).toBe(1);
    expect(secretText()).toBe(SECRET);
});

test("another registry host is a replacement: nodes pull from the former one until their rules are replaced", async () => {
    const outs = await create();
    const { registry: former } = inputs();
    const moved = inputs({ registry: { ...former, mirrorBase: "other.test/mirror" } });
    expect(clusterTrustProvider.compare(outs, moved)).toEqual({ changes: true, replaces: ["registry"] });
    const path = inputs({ registry: { ...former, mirrorBase: `${registry.host}/other` } });
    expect(clusterTrustProvider.compare(outs, path)).toEqual({ changes: false });
    const { ca: _, ...publicRegistry } = former;
    expect(clusterTrustProvider.compare(outs, inputs({ registry: publicRegistry }))).toEqual({ changes: true });
});

test.each([
    ["nothing", {}, false],
    ["the version", { version: "4.18" }, false],
    ["how long nodes are waited for", { minutes: 90 }, false],
    ["the kubeconfig", { kubeconfig: "{}" }, true],
    ["the account", { credentials: ROTATED }, true],
])("a change of %s", async (_name, changes, isChange) => {
    const outs = await create();
    expect(clusterTrustProvider.compare(outs, inputs(changes))).toEqual({ changes: isChange });
});

const unreachable = () => {
    throw new ClusterError("connect ECONNREFUSED", {
        code: "CLUSTER_UNREACHABLE",
        server: "https://api.test:6443",
        fix: "check the network",
    });
};

test("a refresh without the cluster warns in one line, and state stays", async () => {
    const outs = await create();
    cluster.beforeCall = unreachable;
    expect((await clusterTrustProvider.read(outs, context())).outs).toEqual(outs);
    expect(lines).toEqual([
        "cluster could not be read, its state stays as it is: CLUSTER_UNREACHABLE at https://api.test:6443: " +
            "connect ECONNREFUSED; check the network",
    ]);
});

test("an update without the cluster is an error", async () => {
    cluster.beforeCall = unreachable;
    await expect(create()).rejects.toMatchObject({ code: "CLUSTER_UNREACHABLE" });
});

const preview = (olds: object, changes: object = {}) =>
    clusterTrustProvider.describeChanges?.(olds, { ...inputs(), ...changes }, context());

describe("a puller that gets a new secret in place", () => {
    const pause = () =>
        cluster.put(ROLLOUT_PATHS.pools, pool("worker", { paused: true, conditions: { Updated: "False" } }));
    /** A preview after the check of the puller's account, whose new secret is not known. */
    const previewed = (olds: object, changes: object = {}, mirrorBase = inputs().registry.mirrorBase) => {
        const own = context();
        own.process.pullerRenewals.add(mirrorBase);
        const news = { ...inputs(), credentials: UNKNOWN_VALUE as never, ...changes };
        return clusterTrustProvider.describeChanges?.(olds, news, own);
    };
    const consequence =
        "its nodes would not get the puller's new secret, and the one that they have ends with this `up`";

    test("does not get it while a cluster could not be given it", async () => {
        await previewed(inputs());
        pause();
        await expect(previewed(inputs(), { cluster: "west" })).rejects.toMatchObject({
            code: "ROLLOUT_FAILED",
            thing: "cluster west",
            problem: `pool worker is paused: its nodes keep their configuration; ${consequence}`,
            fix: expect.stringMatching(/^resume it with: oc patch .*; or leave the cluster out of the `up`/) as string,
        });
        cluster.beforeCall = unreachable;
        await expect(previewed(inputs())).rejects.toMatchObject({
            code: "CLUSTER_UNREACHABLE",
            place: { cluster: "https://api.test:6443" },
            problem: `connect ECONNREFUSED; ${consequence}`,
            fix: expect.stringMatching(/^check the network; or leave the cluster out of the `up`/) as string,
        });
    });

    test("gets it where the cluster has no secret that ends, and where it has got it already", async () => {
        for (const fault of [pause, () => (cluster.beforeCall = unreachable)]) {
            fault();
            await previewed({});
            await previewed(inputs(), { credentials: ROTATED });
            await previewed(inputs(), {}, "other.test/mirror");
            await preview(inputs(), { credentials: UNKNOWN_VALUE });
        }
    });
});

test("a preview says what is added where, and what nodes do", async () => {
    await preview({});
    expect(lines).toEqual([
        expect.stringMatching(
            new RegExp(
                `^cluster: CA ${key}: added to ConfigMap openshift-config/user-cas, which Image/cluster names; no effect on nodes\\n` +
                    " *\\+ CN=Test CA, expires on [0-9-]{10}, SHA-256 [0-9A-F:]{95}$",
            ),
        ),
        `cluster: account for ${registry.host}: added to the global pull secret; nodes get new files, without a drain (worker: 3 nodes)`,
    ]);
    expect(cluster.calls.some((call) => /^(patch|create|remove)/.test(call))).toBe(false);
});

test("a preview of nothing new says nothing; that of a rotation says so", async () => {
    await create();
    await preview(inputs());
    expect(lines).toEqual([]);
    await preview(inputs(), { credentials: ROTATED, cluster: "west" });
    expect(lines).toEqual([
        expect.stringContaining(`cluster west: account for ${registry.host}: replaced in the global pull`),
    ]);
});

test("a preview without the cluster says so in one line", async () => {
    cluster.beforeCall = unreachable;
    await preview({});
    expect(lines).toEqual([
        expect.stringMatching(
            /^cluster could not be read, compared with the last applied state: .*; check the network$/,
        ),
    ]);
});

test("what could not be read is explained with the keys of the cluster", async () => {
    cluster.beforeCall = () => {
        throw new ClusterError("the API has no images", {
            code: "CLUSTER_KIND_MISSING",
            server: "https://api.test:6443",
            fix: "check cluster.version",
        });
    };
    await preview({}, { cluster: "west" });
    expect(lines).toEqual([
        expect.stringMatching(/^cluster west could not be read, .*; check site\.clusters\.west\.version$/),
    ]);
});

test("a preview with a kubeconfig that is still to be created logs nothing", async () => {
    await preview({}, { kubeconfig: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" });
    expect([lines, cluster.calls]).toEqual([[], []]);
});

test("a preview with an account that is still to be created", async () => {
    await preview({}, { credentials: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" });
    expect(lines).toContainEqual(
        expect.stringContaining(`account for ${registry.host}: set in the global pull secret`),
    );
});

test("a preview fails for what the update would fail for", async () => {
    putSecret(setPullEntry(SECRET, registry.host, "{}"));
    await expect(preview({})).rejects.toMatchObject({ code: "TRUST_EXISTS" });
    await preview({}, { adopt: true });
});

test("a certificate that nodes would refuse stops before anything is written", async () => {
    const other = await testAuthority("Other CA");
    const { registry: trusted } = inputs();
    await expect(create({ registry: { ...trusted, ca: other.ca } })).rejects.toMatchObject({ code: "TLS" });
    const expired = await testAuthority("Old CA", { daysLeft: -1 });
    await expect(create({ registry: { ...trusted, ca: expired.ca } })).rejects.toThrow(
        /site\.registry\.ca: it expired on/,
    );
    await expect(create({ registry: { ...trusted, ca: "no PEM" } })).rejects.toThrow(/it has no certificate/);
    expect(cluster.calls).toEqual([]);
});

test("no error shows a secret, whatever the API quotes", async () => {
    const provider = createProvider(() => clusterTrustProvider, context().process);
    cluster.beforeCall = () => {
        const basic = base64(`${CREDENTIALS.username}:${CREDENTIALS.password}`);
        throw new Error(`denied: canary-token-1, ${basic}, ${CREDENTIALS.password}`);
    };
    const error: unknown = await provider.create(inputs()).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain("denied");
    expect(String(error)).not.toMatch(/canary|cHVsbGVy/);
});
