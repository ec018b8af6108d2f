import { clusterTrustProvider } from "../../dynamic-providers/cluster-trust/provider";
import type { ClusterTrustOutputs } from "../../dynamic-providers/cluster-trust/kind";
import { RegistryProcess as ProviderProcess } from "../../dynamic-providers/registry/registry-process";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import { connectCluster } from "../../lib/kubernetes/connect";
import { pullEntry, removePullEntry, setPullEntry } from "../../lib/openshift/trust/pull-secret";
import { type ApiServer, startApiServer } from "../support/api-server";
import { type TestAuthority, testAuthority } from "../support/certificates";
import type { NamedObject } from "../support/cluster/api-client";
import { MachineConfigControllers } from "../support/machine-config-controllers";
import { ManualClock } from "../support/manual-clock";
import { PULL_SECRET, createCluster } from "../support/openshift-cluster";
import { operationContext } from "../support/operation-context";
import { RegistryProcess } from "../support/registry-process";
import { TRUST_RULES } from "../support/trust-rules";

const VERSION = "4.16.20";
const CREDENTIALS = { username: "puller", password: "canary-password-1" };
const ROTATED = { username: "puller", password: "canary-password-2" };
const IMAGE = { apiVersion: "config.openshift.io/v1", kind: "Image", metadata: { name: "cluster" } };
const SECRET = { apiVersion: "v1", kind: "Secret", metadata: { name: "pull-secret", namespace: "openshift-config" } };
const configMap = (name: string) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "openshift-config" },
});
const pool = (name: string) => ({
    apiVersion: "machineconfiguration.openshift.io/v1",
    kind: "MachineConfigPool",
    metadata: { name },
});

let server: ApiServer;
let kubeconfig: string;
let authority: TestAuthority;
let registry: RegistryProcess;
let controllers: MachineConfigControllers;
let clock: ManualClock;
let lines: string[];
/** Called before each write of the provider. */
let beforeWrite: (call: string) => Promise<void>;

beforeAll(async () => {
    authority = await testAuthority();
    registry = await RegistryProcess.start({ tls: await authority.issue() });
    server = await startApiServer({ crds: "4.16" });
    await createCluster(server.admin, { version: VERSION, nodes: { master: 3, worker: 2, infra: 1, empty: 0 } });
    kubeconfig = await server.kubeconfigFor("trust", TRUST_RULES);
    controllers = new MachineConfigControllers(server.admin, VERSION);
});
afterAll(async () => {
    await server.stop();
    await registry.stop();
});

beforeEach(async () => {
    [clock, lines, beforeWrite] = [new ManualClock(), [], async () => undefined];
    clock.onSleep = async () => void (await controllers.pass());
    controllers.script = {};
    await server.admin.patch(pool("worker"), { spec: { paused: false } });
    await server.admin.patch(IMAGE, { spec: { additionalTrustedCA: null } });
    for (const name of ["registry-cas", "user-cas"]) await server.admin.remove(configMap(name));
    await putSecret(PULL_SECRET);
    await controllers.settle();
});

const base64 = (text: string) => Buffer.from(text, "utf8").toString("base64");
const putSecret = (text: string) => server.admin.patch(SECRET, { data: { ".dockerconfigjson": base64(text) } });
const secretText = async () =>
    Buffer.from((await server.admin.get(SECRET))?.data?.[".dockerconfigjson"] ?? "", "base64").toString("utf8");
const caData = async (name: string) => (await server.admin.get(configMap(name)))?.data;
const namedMap = async () => (await server.admin.get(IMAGE))?.spec?.["additionalTrustedCA"];
const caKey = () => registry.host.replace(":", "..");

/** The real client; a test may do something before it writes. */
async function connect(options: Parameters<typeof connectCluster>[0]): Promise<ClusterClient> {
    const client = await connectCluster({
        ...options,
        limits: { retry: { seconds: 0, firstDelay: 1, longestDelay: 1 } },
    });
    const create = client.create.bind(client);
    const patch = client.patch.bind(client);
    client.create = async (path, object) => {
        await beforeWrite(`create ${path.resource}/${object.metadata.name}`);
        return create(path, object);
    };
    client.patch = async (path, name, change) => {
        await beforeWrite(`patch ${path.resource}/${name}`);
        return patch(path, name, change);
    };
    return client;
}

function context() {
    const process = new ProviderProcess({ followsConfiguration: false, connectCluster: connect, clock });
    return { ...operationContext(lines), process };
}

const inputs = (changes: object = {}) => ({
    selfUrn: "urn",
    registry: {
        type: "distribution" as const,
        mirrorBase: `${registry.host}/mirror`,
        ca: authority.ca,
        retrySeconds: 0,
    },
    credentials: CREDENTIALS,
    account: "puller" as const,
    cluster: "",
    kubeconfig,
    version: VERSION,
    ...changes,
});

const create = async () => (await clusterTrustProvider.create(inputs(), context())).outs;
const update = (olds: object, changes: object = {}) =>
    clusterTrustProvider.update(olds as ClusterTrustOutputs, inputs(changes), context());

/** Every node has the entry in the configuration that it is at, and the CA. */
async function expectNodesToHave(entry: string): Promise<void> {
    const config = {
        apiVersion: "machineconfiguration.openshift.io/v1",
        kind: "ControllerConfig",
        metadata: { name: "machine-config-controller" },
    };
    const { resourceVersion } = (await server.admin.get(config))?.metadata ?? {};
    for (const { metadata } of await server.admin.list({ apiVersion: "v1", kind: "Node" })) {
        const at = (name: string) => metadata.annotations?.[`machineconfiguration.openshift.io/${name}`] ?? "";
        expect(at("lastSyncedControllerConfigResourceVersion")).toBe(resourceVersion);
        const rendered = { ...config, kind: "MachineConfig", metadata: { name: at("currentConfig") } };
        const text = JSON.stringify((await server.admin.get(rendered))?.spec);
        const source = [...text.matchAll(/base64,([A-Za-z0-9+/=]+)/g)].map(([, data = ""]) =>
            Buffer.from(data, "base64").toString(),
        );
        expect(source.join()).toContain(entry);
    }
}

test("adds both with the least rights, every node has them, and both go again: every other byte stays", async () => {
    const outs = await create();
    expect(await caData("registry-cas")).toEqual({ [caKey()]: authority.ca });
    expect(await namedMap()).toEqual({ name: "registry-cas" });
    expect(await secretText()).toBe(setPullEntry(PULL_SECRET, registry.host, pullEntry(CREDENTIALS)));
    await expectNodesToHave(pullEntry(CREDENTIALS));

    const before = clock.sleeps;
    const again = await update(outs);
    expect(clock.sleeps).toBe(before);

    await clusterTrustProvider.remove(again, context());
    expect(await secretText()).toBe(PULL_SECRET);
    expect([await caData("registry-cas"), await namedMap()]).toEqual([undefined, undefined]);
});

test("a ConfigMap of others keeps what is theirs", async () => {
    await server.admin.create({
        ...configMap("user-cas"),
        data: { "other.test..5000": "other" },
        binaryData: { bin: "AAE=" },
    } as NamedObject);
    await server.admin.patch(IMAGE, { spec: { additionalTrustedCA: { name: "user-cas" } } });
    await controllers.settle();
    const outs = await create();
    expect(await caData("user-cas")).toEqual({ "other.test..5000": "other", [caKey()]: authority.ca });
    await clusterTrustProvider.remove(outs, context());
    expect(await server.admin.get(configMap("user-cas"))).toMatchObject({
        data: { "other.test..5000": "other" },
        binaryData: { bin: "AAE=" },
    });
    expect(await namedMap()).toEqual({ name: "user-cas" });
});

test("writers in between: the API's conflict is met with a new read, and both changes stay", async () => {
    const late = setPullEntry(PULL_SECRET, "late.test", '{"auth":"bGF0ZQ=="}');
    const conflicts: string[] = [];
    beforeWrite = async (call) => {
        if (conflicts.includes(call)) return;
        conflicts.push(call);
        if (call === "create configmaps/registry-cas")
            await server.admin.create({ ...configMap("registry-cas"), data: {} } as NamedObject);
        if (call === "patch configmaps/registry-cas")
            await server.admin.patch(configMap("registry-cas"), { metadata: { labels: { late: "yes" } } });
        if (call === "patch images/cluster") await server.admin.patch(IMAGE, { metadata: { labels: { late: "yes" } } });
        if (call === "patch secrets/pull-secret") await putSecret(late);
    };
    const outs = await create();
    expect(conflicts).toHaveLength(4);
    expect(server.requests().filter(({ status, user }) => status === 409 && user.endsWith(":trust"))).toHaveLength(4);
    expect(await secretText()).toBe(setPullEntry(late, registry.host, pullEntry(CREDENTIALS)));
    expect(await server.admin.get(configMap("registry-cas"))).toMatchObject({
        metadata: { labels: { late: "yes" } },
        data: { [caKey()]: authority.ca },
    });
    await clusterTrustProvider.remove(outs, context());
    expect(await secretText()).toBe(late);
});

test.each(["patch images/cluster", "patch secrets/pull-secret"])(
    "a run that is killed at `%s` is continued, without a state",
    async (at) => {
        beforeWrite = async (call) => {
            if (call === at) throw new Error("killed");
        };
        await expect(create()).rejects.toThrow("killed");
        beforeWrite = async () => undefined;
        const outs = await create();
        await expectNodesToHave(pullEntry(CREDENTIALS));
        await clusterTrustProvider.remove(outs, context());
        expect([await secretText(), await namedMap(), await caData("registry-cas")]).toEqual([
            PULL_SECRET,
            undefined,
            undefined,
        ]);
    },
);

test("a rotated account is on every node before the run ends; other entries keep their bytes", async () => {
    const outs = await create();
    const rotated = await update(outs, { credentials: ROTATED });
    await expectNodesToHave(pullEntry(ROTATED));
    const text = await secretText();
    expect(text).not.toContain(pullEntry(CREDENTIALS));
    expect(removePullEntry(text, registry.host)).toBe(PULL_SECRET);
    await clusterTrustProvider.remove(rotated, context());
    expect(await secretText()).toBe(PULL_SECRET);
});

test("a refresh finds a changed entry, and the next update repairs it", async () => {
    const outs = await create();
    await putSecret(PULL_SECRET);
    const { outs: found } = await clusterTrustProvider.read(outs, context());
    expect(found.differences).toEqual([`the account for ${registry.host} is gone from the global pull secret`]);
    await update(found);
    expect(await secretText()).toBe(setPullEntry(PULL_SECRET, registry.host, pullEntry(CREDENTIALS)));
});

test("a slow node is waited for", async () => {
    controllers.script = { slowNodes: { "worker-1": 12 } };
    await create();
    expect(clock.sleeps).toBeGreaterThan(12);
    await expectNodesToHave(pullEntry(CREDENTIALS));
});

test("a node that degrades ends the wait; state has what was written, and the next run continues", async () => {
    controllers.script = { degradedNodes: { "worker-0": "disk full" } };
    const failure: unknown = await create().catch((error: unknown) => error);
    expect(failure).toMatchObject({
        name: "PartialState",
        reasons: [
            expect.stringMatching(/pool worker is degraded \(Degraded; NodeDegraded: Node worker-0: disk full\)/),
        ],
    });
    controllers.script = {};
    // The pool still is degraded: only now does its node recover.
    await controllers.settle();
    const outs = await update({ ...inputs(), ...(failure as { known: object }).known });
    await expectNodesToHave(pullEntry(CREDENTIALS));
    await clusterTrustProvider.remove(outs, context());
    expect(await secretText()).toBe(PULL_SECRET);
});

test("a paused pool refuses before the pull secret is written", async () => {
    await server.admin.patch(pool("worker"), { spec: { paused: true } });
    await expect(create()).rejects.toThrow("pool worker is paused");
    expect(await secretText()).toBe(PULL_SECRET);
});

test("an API server that restarts in between is waited for", async () => {
    let isKilled = false;
    clock.onSleep = async (sleeps) => {
        if (sleeps === 1) {
            await server.kill();
            isKilled = true;
        } else if (isKilled) {
            await server.restart();
            isKilled = false;
        } else await controllers.pass();
    };
    await create();
    await expectNodesToHave(pullEntry(CREDENTIALS));
});
