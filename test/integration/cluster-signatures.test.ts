import type {
    ClusterSignaturesInputs,
    ClusterSignaturesOutputs,
} from "../../dynamic-providers/cluster-signatures/kind";
import { clusterSignaturesProvider as provider } from "../../dynamic-providers/cluster-signatures/provider";
import { PartialState } from "../../dynamic-providers/lifecycle/resource-provider";
import { type RegistryContext, RegistryProcess } from "../../dynamic-providers/registry/registry-process";
import type { Digest } from "../../lib/oci/digest";
import { OWNER_ANNOTATION } from "../../lib/openshift";
import type { SignaturePolicy } from "../../lib/signatures";
import { type ApiServer, startApiServer } from "../support/api-server";
import type { ApiObject, NamedObject } from "../support/cluster/api-client";
import { MachineConfigControllers } from "../support/machine-config-controllers";
import { ManualClock } from "../support/manual-clock";
import { createCluster } from "../support/openshift-cluster";
import { operationContext } from "../support/operation-context";
import { roleRules } from "../support/role-rules";
import { SignedRegistry } from "../support/signed-registry";
import { TEAM, pullInputs, signImage, signatureInput, teamPolicy } from "../support/signed-validation";
import { signingKey } from "../support/signing-key";
import { connectOnce } from "../support/trust-cluster";

jest.setTimeout(300_000);

const VERSION = "4.20.3";
const [KEY, OTHER] = [signingKey(), signingKey()];
const CONFIG = "config.openshift.io/v1";
const OWNER = "registry-passthrough/test";
const policyObject = (name: string): NamedObject => ({
    apiVersion: CONFIG,
    kind: "ClusterImagePolicy",
    metadata: { name },
});

/** Of the namespace that every cluster has. */
const namespacedObject = (name: string): NamedObject => ({
    apiVersion: CONFIG,
    kind: "ImagePolicy",
    metadata: { name, namespace: "default" },
});

let registry: SignedRegistry;
let server: ApiServer;
let controllers: MachineConfigControllers;
let kubeconfig: string;
let signed: Digest;
let unsigned: Digest;
let lines: string[];

beforeAll(async () => {
    [registry, server] = await Promise.all([SignedRegistry.start(), startApiServer({ crds: "4.20" })]);
    await createCluster(server.admin, { version: VERSION });
    kubeconfig = await server.kubeconfigFor("up", roleRules(["preview", "signature-policies"], VERSION));
    controllers = new MachineConfigControllers(server.admin, VERSION);
    signed = await registry.image(`mirror/${TEAM}/app`, "app", "amd64", "1");
    unsigned = await registry.image(`mirror/${TEAM}/tool`, "tool", "amd64", "1");
    await signImage(registry, KEY, `${TEAM}/app`, signed);
});
afterAll(() => Promise.all([registry.stop(), server.stop()]));

beforeEach(async () => {
    lines = [];
    controllers.script = {};
    for (const { metadata } of await server.admin.list(policyObject(""))) {
        await server.admin.remove(policyObject(metadata.name));
    }
    for (const { metadata } of await server.admin.list(namespacedObject(""))) {
        await server.admin.remove(namespacedObject(metadata.name));
    }
    await server.admin.patch({ ...policyObject("cluster"), kind: "Image" }, { spec: { registrySources: null } });
    await controllers.settle();
});

/** The controllers make one pass whenever the provider waits. */
function context(): RegistryContext {
    const clock = new ManualClock();
    clock.onSleep = async () => void (await controllers.pass());
    const process = new RegistryProcess({ followsConfiguration: false, clock, connectCluster: connectOnce });
    return { ...operationContext(lines), process };
}

function inputs(
    images: Record<string, Digest>,
    policies: readonly SignaturePolicy[] = [teamPolicy(KEY)],
    changes: Partial<ClusterSignaturesInputs> = {},
): ClusterSignaturesInputs {
    return {
        ...{ selfUrn: "urn", cluster: "", kubeconfig, version: VERSION, owner: OWNER, adopt: false },
        ...pullInputs(registry, images),
        ...{ signatures: signatureInput(...policies), ...changes },
    };
}

const create = async (news: ClusterSignaturesInputs) => (await provider.create(news, context())).outs;
const update = (olds: ClusterSignaturesOutputs, news: ClusterSignaturesInputs) =>
    provider.update(olds, news, context()) as Promise<ClusterSignaturesOutputs>;
const policy = (name = "team1"): Promise<ApiObject | undefined> => server.admin.get(policyObject(name));
const app = () => ({ [`${TEAM}/app:1`]: signed });
const both = () => ({ ...app(), [`${TEAM}/tool:1`]: unsigned });

/** Nodes whose configuration asks for signatures of the team's images, of pods of all namespaces or of one. */
async function nodesWithPolicy(file = "/etc/containers/policy.json"): Promise<number> {
    const nodes = await server.admin.list({ apiVersion: "v1", kind: "Node" });
    const machine = { apiVersion: "machineconfiguration.openshift.io/v1", kind: "MachineConfig" };
    const asks = await Promise.all(
        nodes.map(async ({ metadata }) => {
            const name = metadata.annotations?.["machineconfiguration.openshift.io/currentConfig"] ?? "";
            return JSON.stringify(await server.admin.get({ ...machine, metadata: { name } })).includes(file);
        }),
    );
    return asks.filter(Boolean).length;
}

test("a policy is written when the mirror has every signature, and the run ends when every node has it", async () => {
    const outs = await create(inputs(app()));
    expect(outs).toMatchObject({ written: ["team1"], accepted: 1, behind: [], differences: [] });
    expect((await policy())?.metadata.annotations).toEqual({ [OWNER_ANNOTATION]: OWNER });
    expect((await policy())?.spec).toEqual({
        scopes: [TEAM],
        policy: {
            rootOfTrust: {
                policyType: "PublicKey",
                publicKey: { keyData: Buffer.from(KEY.publicKey).toString("base64") },
            },
            signedIdentity: { matchPolicy: "MatchRepository" },
        },
    });
    expect(await nodesWithPolicy()).toBe(5);
    expect(provider.compare(outs, inputs(app()))).toEqual({ changes: false });
    await provider.remove(outs, context());
    expect(await policy()).toBeUndefined();
});

test("nothing is written while an image is not signed; what is in force stays, and new images are looked at again", async () => {
    const refused = {
        code: "IMAGES_UNSIGNED",
        problem: expect.stringContaining(`${TEAM}/tool:1: policy team1 on ${TEAM}: it is not signed`) as string,
    };
    await expect(create(inputs(both()))).rejects.toMatchObject(refused);
    expect(await policy()).toBeUndefined();
    const outs = await create(inputs(app()));
    const news = inputs(both());
    expect(provider.compare(outs, news)).toEqual({ changes: true });
    const before = await policy();
    await expect(update(outs, news)).rejects.toMatchObject(refused);
    expect(await policy()).toEqual(before);
});

test("what is not in the mirror, or cannot be read, is not accepted", async () => {
    const gone = { ...app(), [`${TEAM}/gone:1`]: unsigned };
    await expect(create(inputs(gone))).rejects.toMatchObject({
        code: "IMAGES_UNSIGNED",
        problem: expect.stringContaining(`${TEAM}/gone:1: it is not in the mirror`) as string,
    });
    const credentials = { username: "puller", password: "canary-wrong" };
    await expect(create(inputs(app(), undefined, { credentials }))).rejects.toThrow();
    expect(await policy()).toBeUndefined();
});

test("a policy of somebody else stays, unless it may be taken over; then it asks for nothing that it asked for before", async () => {
    const identity = { matchPolicy: "ExactRepository", exactRepository: { repository: "quay.io/theirs/app" } };
    const keyData = Buffer.from(OTHER.publicKey).toString("base64");
    const rootOfTrust = { policyType: "PublicKey", publicKey: { keyData } };
    const spec = { scopes: ["quay.io/theirs"], policy: { rootOfTrust, signedIdentity: identity } };
    const theirs = { ...policyObject("team1"), spec };
    await server.admin.create(theirs);
    await expect(create(inputs(app()))).rejects.toMatchObject({ code: "CLUSTER_OBJECT_EXISTS" });
    expect((await policy())?.spec).toEqual(spec);
    await create(inputs(app(), undefined, { adopt: true }));
    expect((await policy())?.spec).toMatchObject({
        scopes: [TEAM],
        policy: { signedIdentity: { matchPolicy: "MatchRepository" } },
    });
    expect(JSON.stringify((await policy())?.spec)).not.toContain("theirs");
});

test("a policy of others on the same images is judged too: a warning, since it is in force whatever this run does", async () => {
    await create(inputs(app(), [teamPolicy(OTHER, "theirs")], { images: {} }));
    const outs = await create(inputs(app()));
    expect(outs.accepted).toBe(1);
    const warning = lines.find((line) => line.includes("policies that others have given the cluster"));
    expect(warning).toContain(`${TEAM}/app:1: policy theirs on ${TEAM}: it is not signed with the key of the policy`);
});

const inNamespace = (key = KEY, name = "team1"): SignaturePolicy => ({
    ...teamPolicy(key, `default/${name}`),
    namespace: "default",
});

test("a policy for a namespace is written there, after the same look, and nodes have it for pods of that namespace", async () => {
    await expect(create(inputs(both(), [inNamespace()]))).rejects.toMatchObject({
        code: "IMAGES_UNSIGNED",
        problem: expect.stringContaining(`policy default/team1 on ${TEAM}: it is not signed`) as string,
    });
    const outs = await create(inputs(app(), [inNamespace()]));
    expect(outs).toMatchObject({ written: ["default/team1"], accepted: 1, behind: [] });
    expect(await server.admin.get(namespacedObject("team1"))).toMatchObject({
        metadata: { annotations: { [OWNER_ANNOTATION]: OWNER } },
        spec: { scopes: [TEAM] },
    });
    expect(await policy()).toBeUndefined();
    expect(await nodesWithPolicy("/etc/crio/policies/default.json")).toBe(5);
    await server.admin.patch(namespacedObject("team1"), { spec: { scopes: ["quay.io/elsewhere"] } });
    const { outs: changed } = await provider.read(outs, context());
    expect(changed).toMatchObject({ differences: ["ImagePolicy default/team1 has been changed"] });
    const wide = await update(changed as ClusterSignaturesOutputs, inputs(app()));
    expect(wide.written).toEqual(["team1"]);
    expect(await server.admin.get(namespacedObject("team1"))).toBeUndefined();
    // The policy that covers it now is about to go: that is no reason not to look.
    await expect(update(wide, inputs(both(), [inNamespace()]))).rejects.toMatchObject({ code: "IMAGES_UNSIGNED" });
    const missing = { ...inNamespace(), name: "nowhere/team1", namespace: "nowhere" };
    const failure: unknown = await create(inputs(app(), [missing])).catch((error: unknown) => error);
    expect((failure as PartialState).message).toContain('namespaces "nowhere" not found');
});

test("what a ClusterImagePolicy covers has no effect in a namespace: the preview says so, and nobody waits for it", async () => {
    await create(inputs(app()));
    lines = [];
    const news = inputs(app(), [inNamespace(OTHER, "own")], { owner: "registry-passthrough/other" });
    await provider.describeChanges?.({}, news, context());
    expect(lines.at(-1)).toBe(
        `cluster: ${TEAM} of ImagePolicy default/own has no effect: ClusterImagePolicy team1 covers it, and that alone counts`,
    );
    expect((await create(news)).behind).toEqual([]);
});

test("policies of others in namespaces are judged; where they may not be read, that is said and stops nothing", async () => {
    await create(inputs(app(), [inNamespace(OTHER, "theirs")], { images: {} }));
    await create(inputs(app(), [{ ...teamPolicy(KEY), scopes: [`${TEAM}/other`] }]));
    const warning = lines.find((line) => line.includes("policies that others have given the cluster"));
    expect(warning).toContain(`${TEAM}/app:1: policy default/theirs on ${TEAM}: it is not signed with the key`);
    const rules = roleRules(["preview", "signature-policies"], VERSION);
    const without = (resources: readonly string[] = []) => resources.filter((name) => name !== "imagepolicies");
    const fewer = rules
        .map((rule) => ({ ...rule, resources: without(rule.resources) }))
        .filter(({ resources }) => resources.length > 0);
    const limited = { kubeconfig: await server.kubeconfigFor("fewer", fewer) };
    lines = [];
    await create(inputs(app(), [{ ...teamPolicy(KEY), scopes: [`${TEAM}/other`] }], limited));
    expect(lines.join("\n")).toMatch(/because of ImagePolicy objects of namespaces is not known: .*imagepolicies/);
    await expect(create(inputs(app(), [inNamespace()], limited))).rejects.toThrow(/imagepolicies/);
});

test("scopes that registrySources would make the operator refuse, with every mirror rule, are not written", async () => {
    const sources = { allowedRegistries: ["registry.redhat.io"] };
    await server.admin.patch({ ...policyObject("cluster"), kind: "Image" }, { spec: { registrySources: sources } });
    await expect(create(inputs(app()))).rejects.toMatchObject({
        code: "REGISTRY_SOURCES_CONFLICT",
        problem: expect.stringContaining(`${TEAM} is not inside allowedRegistries`) as string,
    });
    expect(await policy()).toBeUndefined();
});

test("an object that was changed or removed is drift, which the next run repairs", async () => {
    const outs = await create(inputs(app()));
    await server.admin.patch(policyObject("team1"), { spec: { scopes: ["quay.io/elsewhere"] } });
    const { outs: changed } = await provider.read(outs, context());
    expect(changed).toMatchObject({ differences: ["ClusterImagePolicy team1 has been changed"] });
    expect(provider.compare(changed as ClusterSignaturesOutputs, inputs(app()))).toEqual({ changes: true });
    const repaired = await update(changed as ClusterSignaturesOutputs, inputs(app()));
    expect((await policy())?.spec).toMatchObject({ scopes: [TEAM] });
    await server.admin.remove(policyObject("team1"));
    const { outs: gone } = await provider.read(repaired, context());
    expect(gone).toMatchObject({ differences: ["ClusterImagePolicy team1 does not exist any more"] });
});

test("a policy that leaves the site is removed; a run that nodes do not follow waits again with the next one", async () => {
    const second = { ...teamPolicy(OTHER, "second"), scopes: ["quay.io/second"] };
    const outs = await create(inputs(app(), [teamPolicy(KEY), second]));
    expect(outs.written).toEqual(["team1", "second"]);
    const fewer = await update(outs, inputs(app()));
    expect(fewer.written).toEqual(["team1"]);
    expect(await policy("second")).toBeUndefined();
    await controllers.settle();
    controllers.script = { degradedNodes: { "worker-0": "disk full" } };
    const failed: unknown = await update(fewer, inputs(app(), [teamPolicy(KEY), second])).catch(
        (error: unknown) => error,
    );
    expect(failed).toBeInstanceOf(PartialState);
    const { known } = failed as PartialState;
    expect(known).toMatchObject({ written: ["team1", "second"] });
    const partial = { ...fewer, ...known } as ClusterSignaturesOutputs;
    expect(provider.compare(partial, inputs(app(), [teamPolicy(KEY), second]))).toEqual({ changes: true });
});

test("a cluster that gets another name in the configuration keeps its policies", async () => {
    const outs = await create(inputs(app()));
    const renamed = inputs(app(), undefined, { owner: `${OWNER}/east`, cluster: "east" });
    const news = await update(outs, renamed);
    expect((await policy())?.metadata.annotations).toEqual({ [OWNER_ANNOTATION]: `${OWNER}/east` });
    await provider.remove(news, context());
    expect(await policy()).toBeUndefined();
});

test("a preview names the policies, what nodes do, and what will stop the update", async () => {
    await provider.describeChanges?.({}, inputs(app()), context());
    expect(lines).toEqual([
        "cluster: signature policies: team1, written last, when the mirror has acceptable signatures of every image under " +
            "them (1 image); nodes reload CRI-O, one after the other, without a drain (master: 3 nodes, worker: 2 nodes)",
    ]);
    expect(await policy()).toBeUndefined();
    // The engine gives the inputs of the last run, and no outputs.
    const second = { ...teamPolicy(OTHER, "second"), scopes: ["quay.io/second"] };
    await create(inputs(app(), [teamPolicy(KEY), second]));
    lines = [];
    await provider.describeChanges?.(inputs(app(), [teamPolicy(KEY), second]), inputs(app()), context());
    expect(lines).toEqual([
        "cluster: signature policies stay; the signatures of 1 image under them are looked up again",
        "cluster: signature policies to remove: second; nodes ask for less then, and refuse no more images",
    ]);
    lines = [];
    await provider.describeChanges?.(inputs(app()), inputs(app()), context());
    expect(lines).toEqual([]);
});
