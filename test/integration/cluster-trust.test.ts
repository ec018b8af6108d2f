import { clusterTrustProvider } from "../../dynamic-providers/cluster-trust/provider";
import { RegistryProcess as ProviderProcess } from "../../dynamic-providers/registry/registry-process";
import { pullEntry, removePullEntry, setPullEntry } from "../../lib/openshift/trust/pull-secret";
import type { NamedObject } from "../support/cluster/api-client";
import { mirrorPair } from "../support/lab-rules";
import { PULL_SECRET } from "../support/openshift-cluster";
import { CREDENTIALS, IMAGE, ROTATED, TrustCluster, caConfigMap, connectOnce } from "../support/trust-cluster";

const pool = (name: string) => ({
    apiVersion: "machineconfiguration.openshift.io/v1",
    kind: "MachineConfigPool",
    metadata: { name },
});

let cluster: TrustCluster;

beforeAll(async () => {
    cluster = await TrustCluster.start({ master: 3, worker: 2, infra: 1, empty: 0 });
});
afterAll(() => cluster.stop());

beforeEach(async () => {
    await cluster.server.admin.patch(pool("worker"), { spec: { paused: false } });
    await cluster.reset();
});

const added = (text: string, credentials = CREDENTIALS) =>
    setPullEntry(text, cluster.registry.host, pullEntry(credentials));

/** The real client, after something that happens before each of its writes. */
function beforeWrites(before: (call: string) => Promise<void>): void {
    cluster.connect = async (options) => {
        const client = await connectOnce(options);
        const create = client.create.bind(client);
        const patch = client.patch.bind(client);
        client.create = async (path, object) => {
            await before(`create ${path.resource}/${object.metadata.name}`);
            return create(path, object);
        };
        client.patch = async (path, name, change) => {
            await before(`patch ${path.resource}/${name}`);
            return patch(path, name, change);
        };
        return client;
    };
}

/** Every node has the entry in the configuration that it is at, and the CA. */
async function expectNodesToHave(entry: string): Promise<void> {
    const { admin } = cluster.server;
    const config = {
        apiVersion: "machineconfiguration.openshift.io/v1",
        kind: "ControllerConfig",
        metadata: { name: "machine-config-controller" },
    };
    const { resourceVersion } = (await admin.get(config))?.metadata ?? {};
    for (const { metadata } of await admin.list({ apiVersion: "v1", kind: "Node" })) {
        const at = (name: string) => metadata.annotations?.[`machineconfiguration.openshift.io/${name}`] ?? "";
        expect(at("lastSyncedControllerConfigResourceVersion")).toBe(resourceVersion);
        const rendered = { ...config, kind: "MachineConfig", metadata: { name: at("currentConfig") } };
        const text = JSON.stringify((await admin.get(rendered))?.spec);
        const source = [...text.matchAll(/base64,([A-Za-z0-9+/=]+)/g)].map(([, data = ""]) =>
            Buffer.from(data, "base64").toString(),
        );
        expect(source.join()).toContain(entry);
    }
}

test("adds both with the least rights, every node has them, and both go again: every other byte stays", async () => {
    const outs = await cluster.create();
    expect(await cluster.certificates()).toEqual({ [cluster.caKey]: cluster.authority.ca });
    expect(await cluster.trustedMap()).toEqual({ name: "registry-cas" });
    expect(await cluster.pullSecret()).toBe(added(PULL_SECRET));
    await expectNodesToHave(pullEntry(CREDENTIALS));

    const before = cluster.clock.sleeps;
    const again = await cluster.update(outs);
    expect(cluster.clock.sleeps).toBe(before);

    await cluster.remove(again);
    expect(await cluster.pullSecret()).toBe(PULL_SECRET);
    expect([await cluster.certificates(), await cluster.trustedMap()]).toEqual([undefined, undefined]);
});

test("a ConfigMap of others keeps what is theirs", async () => {
    await cluster.server.admin.create({
        ...caConfigMap("user-cas"),
        data: { "other.test..5000": "other" },
        binaryData: { bin: "AAE=" },
    } as NamedObject);
    await cluster.server.admin.patch(IMAGE, { spec: { additionalTrustedCA: { name: "user-cas" } } });
    await cluster.controllers.settle();
    const outs = await cluster.create();
    expect(await cluster.certificates("user-cas")).toEqual({
        "other.test..5000": "other",
        [cluster.caKey]: cluster.authority.ca,
    });
    await cluster.remove(outs);
    expect(await cluster.server.admin.get(caConfigMap("user-cas"))).toMatchObject({
        data: { "other.test..5000": "other" },
        binaryData: { bin: "AAE=" },
    });
    expect(await cluster.trustedMap()).toEqual({ name: "user-cas" });
});

test("writers in between: the API's conflict is met with a new read, and both changes stay", async () => {
    const late = setPullEntry(PULL_SECRET, "late.test", '{"auth":"bGF0ZQ=="}');
    const labels = { metadata: { labels: { late: "yes" } } };
    const conflicts: string[] = [];
    beforeWrites(async (call) => {
        if (conflicts.includes(call)) return;
        conflicts.push(call);
        const { admin } = cluster.server;
        if (call === "create configmaps/registry-cas")
            await admin.create({ ...caConfigMap("registry-cas"), data: {} } as NamedObject);
        if (call === "patch configmaps/registry-cas") await admin.patch(caConfigMap("registry-cas"), labels);
        if (call === "patch images/cluster") await admin.patch(IMAGE, labels);
        if (call === "patch secrets/pull-secret") await cluster.putPullSecret(late);
    });
    const outs = await cluster.create();
    expect(conflicts).toHaveLength(4);
    const rejected = cluster.server.requests().filter(({ status, user }) => status === 409 && user.endsWith(":trust"));
    expect(rejected).toHaveLength(4);
    expect(await cluster.pullSecret()).toBe(added(late));
    expect(await cluster.server.admin.get(caConfigMap("registry-cas"))).toMatchObject({
        metadata: { labels: { late: "yes" } },
        data: { [cluster.caKey]: cluster.authority.ca },
    });
    await cluster.remove(outs);
    expect(await cluster.pullSecret()).toBe(late);
});

test.each(["patch images/cluster", "patch secrets/pull-secret"])(
    "a run that is killed at `%s` is continued, without a state",
    async (at) => {
        beforeWrites(async (call) => {
            if (call === at) throw new Error("killed");
        });
        await expect(cluster.create()).rejects.toThrow("killed");
        cluster.connect = connectOnce;
        const outs = await cluster.create();
        await expectNodesToHave(pullEntry(CREDENTIALS));
        await cluster.remove(outs);
        expect([await cluster.pullSecret(), await cluster.trustedMap(), await cluster.certificates()]).toEqual([
            PULL_SECRET,
            undefined,
            undefined,
        ]);
    },
);

test("a rotated account is on every node before the run ends; other entries keep their bytes", async () => {
    const outs = await cluster.create();
    const rotated = await cluster.update(outs, { credentials: ROTATED });
    await expectNodesToHave(pullEntry(ROTATED));
    const text = await cluster.pullSecret();
    expect(text).not.toContain(pullEntry(CREDENTIALS));
    expect(removePullEntry(text, cluster.registry.host)).toBe(PULL_SECRET);
    await cluster.remove(rotated);
    expect(await cluster.pullSecret()).toBe(PULL_SECRET);
});

test("a refresh finds a changed entry, and the next update repairs it", async () => {
    const outs = await cluster.create();
    await cluster.putPullSecret(PULL_SECRET);
    const { outs: found } = await clusterTrustProvider.read(outs, cluster.context());
    expect(found.differences).toEqual([`the account for ${cluster.registry.host} is gone from the global pull secret`]);
    expect(cluster.lines.at(-1)).toContain("the next `npm run up` repairs it");
    expect(clusterTrustProvider.compare(found, cluster.inputs())).toEqual({ changes: true });
    const repaired = await cluster.update(found);
    expect(await cluster.pullSecret()).toBe(added(PULL_SECRET));
    expect(clusterTrustProvider.compare(repaired, cluster.inputs())).toEqual({ changes: false });
});

test("a slow node is waited for", async () => {
    cluster.controllers.script = { slowNodes: { "worker-1": 12 } };
    await cluster.create();
    expect(cluster.clock.sleeps).toBeGreaterThan(12);
    await expectNodesToHave(pullEntry(CREDENTIALS));
});

test("a node that degrades ends the wait; state has what was written, and the next run continues", async () => {
    cluster.controllers.script = { degradedNodes: { "worker-0": "disk full" } };
    const failure: unknown = await cluster.create().catch((error: unknown) => error);
    expect(failure).toMatchObject({
        name: "PartialState",
        reasons: [
            expect.stringMatching(/pool worker is degraded \(Degraded; NodeDegraded: Node worker-0: disk full\)/),
        ],
        known: {
            configMap: "registry-cas",
            caHash: expect.any(String) as string,
            entryHash: expect.any(String) as string,
        },
    });
    cluster.controllers.script = {};
    // The pool still is degraded: only now does its node recover.
    await cluster.controllers.settle();
    const outs = await cluster.update({
        ...cluster.inputs(),
        differences: [],
        ...(failure as { known: object }).known,
    });
    await expectNodesToHave(pullEntry(CREDENTIALS));
    await cluster.remove(outs);
    expect(await cluster.pullSecret()).toBe(PULL_SECRET);
});

test("while a new account has not reached every node, state has the former one", async () => {
    const outs = await cluster.create();
    cluster.controllers.script = { degradedNodes: { "worker-0": "disk full" } };
    const failure: unknown = await cluster.update(outs, { credentials: ROTATED }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "PartialState", known: { credentials: CREDENTIALS } });
    expect(await cluster.pullSecret()).toContain(pullEntry(ROTATED));
    cluster.controllers.script = {};
    await cluster.controllers.settle();
    const known = { ...outs, ...(failure as { known: object }).known };
    expect(clusterTrustProvider.compare(known, cluster.inputs({ credentials: ROTATED }))).toEqual({ changes: true });
    const repaired = await cluster.update(known, { credentials: ROTATED });
    expect(repaired.credentials).toEqual(ROTATED);
    await expectNodesToHave(pullEntry(ROTATED));
    await cluster.remove(repaired);
});

test("a removal waits as long as today's configuration says, although state has another limit", async () => {
    const rules = mirrorPair(["quay.io"], "AllowContactingSource", `${cluster.registry.host}/mirror`);
    for (const rule of rules) await cluster.server.admin.apply(rule, { force: true });
    const outs = { ...(await cluster.create()), minutes: 90 };
    await cluster.controllers.settle();
    cluster.controllers.script = { slowNodes: { "worker-1": 500 } };
    for (const rule of rules) await cluster.server.admin.remove(rule);
    const { clock, connect } = cluster;
    const process = new ProviderProcess({ followsConfiguration: true, clock, connectCluster: connect });
    const site = { cluster: { rollout: { minutes: 5 } } };
    process.configure((key) => (key === "registry-passthrough:site" ? JSON.stringify(site) : undefined));
    const start = clock.now();
    await expect(clusterTrustProvider.remove(outs, { ...cluster.context(), process })).rejects.toMatchObject({
        code: "ROLLOUT_TIMEOUT",
    });
    expect(clock.now() - start).toBe(5 * 60_000);
    cluster.controllers.script = {};
    await cluster.remove(outs);
});

test("a paused pool refuses before the pull secret is written", async () => {
    await cluster.server.admin.patch(pool("worker"), { spec: { paused: true } });
    await expect(cluster.create()).rejects.toThrow("pool worker is paused");
    expect(await cluster.pullSecret()).toBe(PULL_SECRET);
});

test("an API server that restarts in between is waited for", async () => {
    let isKilled = false;
    cluster.clock.onSleep = async (sleeps) => {
        if (sleeps === 1) {
            await cluster.server.kill();
            isKilled = true;
        } else if (isKilled) {
            await cluster.server.restart();
            isKilled = false;
        } else await cluster.controllers.pass();
    };
    await cluster.create();
    await expectNodesToHave(pullEntry(CREDENTIALS));
});
