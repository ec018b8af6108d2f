import type {
    RegistryDeploymentInputs,
    RegistryDeploymentOutputs,
} from "../../dynamic-providers/registry-deployment/kind";
import { registryDeploymentProvider as provider } from "../../dynamic-providers/registry-deployment/provider";
import { PartialState } from "../../dynamic-providers/lifecycle/resource-provider";
import { type RegistryContext, RegistryProcess } from "../../dynamic-providers/registry/registry-process";
import { OWNER_ANNOTATION } from "../../lib/openshift";
import { type ApiServer, startApiServer } from "../support/api-server";
import type { NamedObject } from "../support/cluster/api-client";
import { ManualClock } from "../support/manual-clock";
import { operationContext } from "../support/operation-context";

jest.setTimeout(300_000);

/** No controller runs: the objects are there, and no pod ever is. */
let server: ApiServer;
let namespaces = 0;

beforeAll(async () => {
    server = await startApiServer();
});
afterAll(() => server.stop());

const OWNER = "project/stack";
const KINDS = {
    ConfigMap: ["v1", "registry-config"],
    NetworkPolicy: ["networking.k8s.io/v1", "registry"],
    PersistentVolumeClaim: ["v1", "registry-storage"],
    Secret: ["v1", "registry-accounts"],
    Service: ["v1", "registry-push"],
    StatefulSet: ["apps/v1", "registry"],
} as const;

function named(kind: keyof typeof KINDS, namespace: string): NamedObject {
    const [apiVersion, name] = KINDS[kind];
    return { apiVersion, kind, metadata: { name, namespace } };
}

function inputsOf(changes: Partial<RegistryDeploymentInputs> = {}): RegistryDeploymentInputs {
    const port = 30_600 + 2 * ++namespaces;
    return {
        selfUrn: "urn",
        ...{ cluster: "", kubeconfig: server.kubeconfig, owner: OWNER, namespace: `registry-${namespaces}` },
        registry: {
            ...{ type: "distribution", mirrorBase: `localhost:${port}/mirror`, pushHost: `localhost:${port + 1}` },
            retrySeconds: 0,
        },
        ...{ image: `bastion.example/distribution@sha256:${"0".repeat(64)}`, expose: "nodePort", deleteContent: false },
        ...{ storage: { bytes: 2 ** 30 }, chain: "CHAIN", key: "KEY", runAsUser: 1000 },
        ...changes,
    };
}

function context(lines: string[] = [], clock = new ManualClock()): RegistryContext {
    return { ...operationContext(lines), process: new RegistryProcess({ followsConfiguration: false, clock }) };
}

/** What is known of a registry that was written to the cluster, and whose pod never started. */
async function written(inputs: RegistryDeploymentInputs): Promise<RegistryDeploymentOutputs> {
    const failure: unknown = await provider.create(inputs, context()).catch((error: unknown) => error);
    if (!(failure instanceof PartialState)) throw failure;
    expect(failure.reasons[0]).toMatch(/^ROLLOUT_TIMEOUT.*after 10 minutes still waiting for the pod of the registry/);
    return failure.known as RegistryDeploymentOutputs;
}

async function existing(namespace: string): Promise<string[]> {
    const kinds = Object.keys(KINDS) as (keyof typeof KINDS)[];
    const found = await Promise.all(kinds.map((kind) => server.admin.get(named(kind, namespace))));
    return kinds.filter((_, index) => found[index] !== undefined);
}

test("the namespace enforces PodSecurity restricted, and takes the pod; another write of the same changes nothing", async () => {
    const inputs = inputsOf();
    const state = await written(inputs);
    const { admin } = server;
    const { namespace } = inputs;
    const set = await admin.get(named("StatefulSet", namespace));
    const { template } = set?.spec as { template: { spec: object } };
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "registry-0", namespace }, spec: template.spec };
    await admin.create(pod);
    await admin.remove(pod);
    const onHost = { ...pod, spec: { ...template.spec, hostNetwork: true } };
    await expect(admin.create(onHost)).rejects.toThrow(/violates PodSecurity "restricted/);

    const generation = set?.metadata.generation;
    const versions = async () =>
        Promise.all(
            (Object.keys(KINDS) as (keyof typeof KINDS)[]).map(
                async (kind) => (await admin.get(named(kind, namespace)))?.metadata.resourceVersion,
            ),
        );
    const before = await versions();
    await expect(provider.update(state, inputs, context())).rejects.toThrow(PartialState);
    expect(await versions()).toEqual(before);
    const image = inputs.image.replace("distribution", "other");
    await expect(provider.update(state, { ...inputs, image }, context())).rejects.toThrow(PartialState);
    expect((await admin.get(named("StatefulSet", namespace)))?.metadata.generation).toBe((generation ?? 0) + 1);
});

/** A clock during whose sleeps the node says this of every pod that checks an image. */
function nodeThatSays(namespace: string, state: object): ManualClock {
    const clock = new ManualClock();
    const container = { name: "image", image: "image", imageID: "", ready: false, restartCount: 0, state };
    clock.onSleep = async () => {
        for (const pod of await checks(namespace))
            await server.admin.patch(pod, { status: { phase: "Pending", containerStatuses: [container] } }, "/status");
    };
    return clock;
}

async function checks(namespace: string): Promise<NamedObject[]> {
    const pods = await server.admin.list<NamedObject>({ apiVersion: "v1", kind: "Pod" }, namespace);
    return pods.flatMap((pod) =>
        pod.metadata.name.startsWith("registry-image-check-") ? [{ ...pod, apiVersion: "v1", kind: "Pod" }] : [],
    );
}

test("another image comes to the node first: one that it cannot run changes nothing, and the registry runs on", async () => {
    const inputs = inputsOf();
    const state = await written(inputs);
    const { namespace } = inputs;
    const { admin } = server;
    const set = await admin.get(named("StatefulSet", namespace));
    const { template } = set?.spec as { template: { spec: object } };
    const metadata = { name: "registry-0", namespace };
    await admin.create({
        apiVersion: "v1",
        kind: "Pod",
        metadata,
        spec: { ...template.spec, nodeName: "worker-1" },
    } as NamedObject);
    const image = inputs.image.replace("distribution", "other");
    const change = (said: object) =>
        provider.update(state, { ...inputs, image }, context([], nodeThatSays(namespace, said)));

    const waiting = { reason: "ImagePullBackOff", message: "bastion.example: no such host" };
    await expect(change({ waiting })).rejects.toMatchObject({
        code: "ROLLOUT_FAILED",
        message: expect.stringContaining(
            `the node worker-1, which runs the registry, cannot run ${image}: ImagePullBackOff: bastion.example: no such host`,
        ) as string,
    });
    const generation = async () => (await admin.get(named("StatefulSet", namespace)))?.metadata.generation;
    expect(await generation()).toBe(set?.metadata.generation);
    expect(await checks(namespace)).toEqual([]);

    await expect(change({ terminated: { exitCode: 0, reason: "Completed" } })).rejects.toThrow(PartialState);
    expect(await generation()).toBe((set?.metadata.generation ?? 0) + 1);
    expect(await checks(namespace)).toEqual([]);
});

test("a refresh names what is missing or changed by hand without its value, and looks at nothing in the registry then", async () => {
    const inputs = inputsOf();
    const state = await written(inputs);
    const { namespace } = inputs;
    const { admin } = server;
    await admin.remove(named("Service", namespace));
    await admin.patch(named("Secret", namespace), { data: { htpasswd: Buffer.from("intruder:x").toString("base64") } });
    const lines: string[] = [];
    const own = context(lines);
    const { outs } = await provider.read(state, own);
    expect(outs.differences).toEqual([
        "it was not completed",
        "Secret registry-accounts: its data",
        "Service registry-push: it does not exist",
        `it waits for the pod of the registry in ${namespace}`,
    ]);
    expect(lines.join()).not.toContain("intruder");
    expect([...own.process.brokenRegistries]).toEqual([inputs.registry.mirrorBase]);
    expect(provider.compare(outs, inputs)).toMatchObject({ changes: true });
    await expect(provider.update(outs, inputs, context())).rejects.toThrow(PartialState);
    // That its objects are there again tells nothing of its accounts, and of uploads.
    expect((await provider.read(state, context())).outs.differences).toEqual([
        "it was not completed",
        `it waits for the pod of the registry in ${namespace}`,
    ]);
});

test("objects of others are refused, all at once, before anything is written; a namespace of others is used and stays", async () => {
    const inputs = inputsOf({ deleteContent: true });
    const { namespace } = inputs;
    const { admin } = server;
    await admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    const config = named("ConfigMap", namespace);
    await admin.create(config);
    const service = { ...named("Service", namespace), spec: { ports: [{ port: 80 }] } };
    const annotations = { [OWNER_ANNOTATION]: "project/other" };
    await admin.create({ ...service, metadata: { ...service.metadata, annotations } } as NamedObject);
    await expect(provider.create(inputs, context())).rejects.toThrow(
        "these objects exist, and are not of this stack: ConfigMap registry-config (not of this program), " +
            "Service registry-push (of the stack project/other)",
    );
    expect(await existing(namespace)).toEqual(["ConfigMap", "Service"]);
    await admin.remove(config);
    await admin.remove(service);
    const state = await written(inputs);
    await provider.remove(state, context());
    const left = await admin.get({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    expect(left?.metadata.labels).not.toHaveProperty(["pod-security.kubernetes.io/enforce"]);
    expect(Reflect.get(left?.metadata ?? {}, "deletionTimestamp")).toBeUndefined();
});

test("a removal keeps the volume and its namespace, which the next deployment takes into use; deleteContent removes both", async () => {
    const inputs = inputsOf();
    const { namespace } = inputs;
    const { admin } = server;
    const first = await written(inputs);
    const volume = (await admin.get(named("PersistentVolumeClaim", namespace)))?.metadata.uid;
    const lines: string[] = [];
    await provider.remove(first, context(lines));
    expect(await existing(namespace)).toEqual(["PersistentVolumeClaim"]);
    expect(lines.join()).toContain(`the volume with the content, and the namespace ${namespace} that it is in, stay`);
    const second = await written({ ...inputs, deleteContent: true });
    expect((await admin.get(named("PersistentVolumeClaim", namespace)))?.metadata.uid).toBe(volume);
    await provider.remove(second, context());
    const place = await admin.get({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    const claim = await admin.get(named("PersistentVolumeClaim", namespace));
    // Without controllers, what is deleted stays until its finalizers are gone.
    for (const object of [place, claim].filter((one) => one !== undefined))
        expect(Reflect.get(object.metadata, "deletionTimestamp")).toBeDefined();
});

test.each([
    [{ storage: { bytes: 2 ** 29 } }, /storage\.size: a volume does not shrink, from .* to .*; write .* or more/],
    [
        { storage: { bytes: 2 ** 30, storageClass: "fast" } },
        /storage\.storageClass: a volume keeps its storage class; leave it out again/,
    ],
    [
        { namespace: "elsewhere" },
        /namespace: the content is in registry-\d+, and would stay there; write registry-\d+ again/,
    ],
    [
        { cluster: "east" },
        /name: the content is in another cluster, and would stay there; name that of site\.cluster again/,
    ],
])("what would lose the content, or leave it behind, is refused in the preview: %j", async (changes, message) => {
    const inputs = inputsOf();
    const refused = provider.describeChanges?.(inputs, { ...inputs, ...changes }, context());
    await expect(refused).rejects.toThrow(message);
    const grown = { ...inputs, storage: { bytes: 2 ** 31 } };
    await expect(provider.describeChanges?.(inputs, grown, context())).resolves.toBeUndefined();
});

test("one that clusters may pull from keeps its address; one that was never set up to the end takes another", async () => {
    const inputs = inputsOf();
    const state = await written(inputs);
    const moved = { ...inputs, registry: { ...inputs.registry, mirrorBase: "localhost:30599/mirror" } };
    const message =
        /would not answer at localhost:\d+ any more, from which clusters pull until they have the rules for/;
    const previewed = (olds: RegistryDeploymentOutputs, news: RegistryDeploymentInputs) => () =>
        provider.describeUpdate?.(olds, news, context());
    expect(previewed(state, moved)).not.toThrow();
    const wasSetUp = { ...state, wasSetUp: true };
    // State of earlier versions does not say so.
    for (const olds of [wasSetUp, { ...state, wasSetUp: undefined }]) {
        expect(previewed(olds, moved)).toThrow(message);
        await expect(provider.update(olds, moved, context())).rejects.toThrow(message);
        expect(previewed(olds, { ...moved, expose: "route" })).toThrow(message);
        expect(previewed(olds, inputs)).not.toThrow();
    }
    const { mirrorBase } = inputs.registry;
    const other = { ...inputs.registry, mirrorBase: mirrorBase.replace("/mirror", "/other") };
    const failure: unknown = await provider
        .update(wasSetUp, { ...inputs, registry: other, rotate: "1" }, context())
        .catch((error: unknown) => error);
    if (!(failure instanceof PartialState)) throw failure;
    // The one that clusters have.
    expect(failure.known).toMatchObject({ registry: { mirrorBase } });
    expect(previewed(failure.known as RegistryDeploymentOutputs, moved)).toThrow(message);
});

test("a volume that the cluster does not let grow keeps its size in the state: the former one may be written again", async () => {
    const inputs = inputsOf();
    const state = await written(inputs);
    await server.admin.patch(
        named("PersistentVolumeClaim", inputs.namespace),
        { status: { phase: "Bound" } },
        "/status",
    );
    const grown = { ...inputs, storage: { bytes: 2 ** 31 } };
    const failure: unknown = await provider.update(state, grown, context()).catch((error: unknown) => error);
    if (!(failure instanceof PartialState)) throw failure;
    expect(failure.reasons[0]).toMatch(/^CLUSTER_FORBIDDEN.*must support resize; the account has the right/);
    const known = failure.known as RegistryDeploymentOutputs;
    await expect(provider.describeChanges?.(known, inputs, context())).resolves.toBeUndefined();
    expect(provider.compare(known, inputs)).toEqual({ changes: true });
});
