import { clusterProofProvider } from "../../../dynamic-providers/cluster-proof/provider";
import type { ClusterProofInputs, ClusterProofOutputs } from "../../../dynamic-providers/cluster-proof/kind";
import { operationContext } from "../../support/operation-context";

const INPUTS: ClusterProofInputs = {
    selfUrn: "urn",
    registry: { type: "distribution", mirrorBase: "registry.lab.test:8443/mirror", ca: "PEM", retrySeconds: 0 },
    credentials: { username: "pusher", password: "p" },
    account: "importer",
    cluster: "",
    kubeconfig: "apiVersion: v1",
    puller: { username: "puller-1", password: "p" },
    registriesConf: '[[registry]]\nlocation = "quay.io"\n',
    neverSources: [],
    owner: "registry-passthrough/lab",
};
const OUTPUTS: ClusterProofOutputs = { ...INPUTS, results: [] };

const isRepeated = (changes: Partial<ClusterProofInputs>) => {
    const { compare } = clusterProofProvider;
    return compare(OUTPUTS, { ...INPUTS, ...changes }).changes;
};

test.each<[string, Partial<ClusterProofInputs>]>([
    ["the rules", { registriesConf: "" }],
    ["a source is forbidden", { neverSources: ["quay.io"] }],
    ["the account of the nodes", { puller: { username: "puller-2", password: "q" } }],
    ["the registry", { registry: { ...INPUTS.registry, mirrorBase: "other.test/mirror" } }],
    ["the CA", { registry: { ...INPUTS.registry, ca: "OTHER" } }],
    ["the text of rerun", { rerun: "again" }],
])("it is proven again when this changes: %s", (_name, changes) => {
    expect(isRepeated(changes)).toBe(true);
});

test.each<[string, Partial<ClusterProofInputs>]>([
    ["nothing", {}],
    ["the account that pushes", { credentials: { username: "pusher-2", password: "q" } }],
    ["the kubeconfig's token", { kubeconfig: "apiVersion: v1\nusers: []" }],
    ["how long the registry is waited for", { registry: { ...INPUTS.registry, retrySeconds: 60 } }],
    ["the namespace", { namespace: "registry-checks" }],
])("it is not proven again for %s", (_name, changes) => {
    expect(isRepeated(changes)).toBe(false);
});

test("a refresh keeps what was proven, and a preview says what will run only if something will", async () => {
    const lines: string[] = [];
    const context = operationContext(lines);
    expect((await clusterProofProvider.read(OUTPUTS, context)).outs).toBe(OUTPUTS);
    await clusterProofProvider.describeChanges?.(INPUTS, INPUTS, context);
    expect(lines).toEqual([]);
    await clusterProofProvider.describeChanges?.({}, INPUTS, context);
    await clusterProofProvider.describeChanges?.(INPUTS, { ...INPUTS, rerun: "again" }, context);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^cluster: a node of each pool will pull test images/);
});
