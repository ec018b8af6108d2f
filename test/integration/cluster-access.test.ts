import type { ClusterAccessInputs } from "../../dynamic-providers/cluster-access/kind";
import { clusterAccessProvider } from "../../dynamic-providers/cluster-access/provider";
import { createProvider } from "../../dynamic-providers/lifecycle/resource-provider";
import { RegistryProcess } from "../../dynamic-providers/registry/registry-process";
import { connectCluster } from "../../lib/kubernetes/connect";
import { type MirrorObject, OWNER_ANNOTATION } from "../../lib/openshift";
import { type ApiServer, startApiServer } from "../support/api-server";
import { readToken } from "../support/kubeconfig";
import { type Policy, mirrorPair, mirrorPolicy } from "../support/lab-rules";
import { MachineConfigControllers } from "../support/machine-config-controllers";
import { createCluster } from "../support/openshift-cluster";
import { operationContext } from "../support/operation-context";

const VERSION = "4.16.20";
const OWNER = "registry-passthrough/lab";
const CONFIG = "config.openshift.io/v1";

let server: ApiServer;
let controllers: MachineConfigControllers;
let lines: string[];

beforeAll(async () => {
    server = await startApiServer({ crds: "4.16" });
    await createCluster(server.admin, { version: VERSION });
    controllers = new MachineConfigControllers(server.admin, VERSION);
});
afterAll(() => server.stop());

beforeEach(async () => {
    lines = [];
    const kinds = [
        { apiVersion: CONFIG, kind: "ImageDigestMirrorSet" },
        { apiVersion: CONFIG, kind: "ImageTagMirrorSet" },
        { apiVersion: "operator.openshift.io/v1alpha1", kind: "ImageContentSourcePolicy" },
    ];
    for (const kind of kinds) {
        const all = await server.admin.list(kind);
        for (const object of all) await server.admin.remove({ ...kind, metadata: object.metadata });
    }
    await controllers.settle();
});

/** As this stack writes them. */
async function write(...objects: readonly MirrorObject[]): Promise<void> {
    await writeFor(OWNER, ...objects);
}

async function writeFor(owner: string, ...objects: readonly MirrorObject[]): Promise<void> {
    for (const object of objects) {
        const metadata = { ...object.metadata, annotations: { [OWNER_ANNOTATION]: owner } };
        await server.admin.apply({ ...object, metadata }, { force: true });
    }
    await controllers.settle();
}

function inputs(rules: readonly MirrorObject[], changes: object = {}): ClusterAccessInputs {
    return {
        selfUrn: "urn",
        cluster: "",
        kubeconfig: server.kubeconfig,
        version: VERSION,
        rules: JSON.stringify(rules),
        objects: rules.map(({ apiVersion, kind, metadata: { name } }) => ({ apiVersion, kind, metadata: { name } })),
        owner: OWNER,
        adopt: false,
        allowRemoval: false,
        ...changes,
    };
}

const SOURCES = ["quay.io", "registry.redhat.io"];
const WANTED = mirrorPair(SOURCES, "NeverContactSource");

function context() {
    const limits = { retry: { seconds: 0, firstDelay: 1, longestDelay: 1 } };
    const process = new RegistryProcess({
        followsConfiguration: false,
        connectCluster: (options) => connectCluster({ ...options, limits }),
    });
    return { ...operationContext(lines), process };
}

/** The inputs that a preview derives. */
async function check(news: ClusterAccessInputs, olds: Partial<ClusterAccessInputs> = {}) {
    return clusterAccessProvider.findInputs?.(olds, news, context());
}
const preview = async (...args: Parameters<typeof check>) => (await check(...args))?.neverSources;
const create = (news: ClusterAccessInputs) => clusterAccessProvider.create(news, context());

test("sources are forbidden only when both rules of a pair are on all nodes", async () => {
    expect(await preview(inputs(WANTED))).toEqual([]);
    expect(lines.join("\n")).toContain(
        "until then the upstream stays allowed for quay.io, registry.redhat.io (no rule yet)",
    );
    expect(lines.join("\n")).toContain(
        "nodes drain and reload CRI-O, one after the other (master: 3 nodes, worker: 2 nodes)",
    );

    await write(...mirrorPair(SOURCES, "AllowContactingSource"));
    expect(await preview(inputs(WANTED))).toEqual(SOURCES);
    const { outs } = await create({ ...inputs(WANTED), neverSources: SOURCES });
    expect(outs).toEqual({ ...inputs(WANTED), neverSources: SOURCES });

    await write(...WANTED);
    expect(await preview(inputs(WANTED))).toEqual(SOURCES);
    // A source that comes later is allowed first, while the others stay forbidden.
    expect(await preview(inputs(mirrorPair(["docker.io", ...SOURCES], "NeverContactSource")))).toEqual(SOURCES);
    expect(await preview(inputs(mirrorPair(SOURCES, "AllowContactingSource")))).toEqual([]);
});

test("what is forbidden stays so if the check could not read the cluster", async () => {
    await write(...WANTED);
    await expect(create(inputs(WANTED))).resolves.toMatchObject({ outs: { neverSources: SOURCES } });
});

test("a source with rules for one form of pulls is not forbidden, and a warning says why", async () => {
    const [digest, tag] = mirrorPair(SOURCES, "NeverContactSource");
    const [single] = mirrorPair(["quay.io"], "NeverContactSource");
    if (digest === undefined || tag === undefined || single === undefined) throw new Error("no pair");
    const wanted = [single, tag];
    await write(digest, tag);
    expect(await preview(inputs(wanted, { allowRemoval: true }))).toEqual(["quay.io"]);
    expect(lines.join("\n")).toContain("contactSource: never does not apply to registry.redhat.io");
});

test("nodes that are behind keep a source allowed", async () => {
    await write(...mirrorPair(["quay.io"], "AllowContactingSource"));
    controllers.script = { acceptsRules: false };
    for (const object of mirrorPair(SOURCES, "AllowContactingSource"))
        await server.admin.apply(object, { force: true });
    await controllers.settle();
    controllers.script = {};
    expect(await preview(inputs(WANTED, { adopt: true }))).toEqual(["quay.io"]);
    expect(lines.join("\n")).toContain("registry.redhat.io (is not yet on the nodes of pool");
});

test("a busy pool opens no upstream that is forbidden already, and delays none that is to be allowed", async () => {
    await write(...mirrorPair(SOURCES, "AllowContactingSource"));
    await write(...WANTED);
    controllers.script = { degradedNodes: { "worker-1": "disk is full" } };
    await server.admin.create(foreign({ imageDigestMirrors: [{ source: "corp.test", mirrors: ["other.test/corp"] }] }));
    await controllers.settle();
    controllers.script = {};
    expect(await preview(inputs(WANTED))).toEqual(SOURCES);
    expect(lines.join("\n")).not.toContain("takes effect with a later `up`");
    expect(await preview(inputs(mirrorPair(SOURCES, "AllowContactingSource")))).toEqual([]);
    expect(await preview(inputs(mirrorPair(["docker.io", ...SOURCES], "NeverContactSource")))).toEqual(SOURCES);
});

test.each([
    ["the other object lacks it", WANTED[0], mirrorPair(["registry.redhat.io"], "AllowContactingSource")[1]],
    ["the other object allows it", WANTED[0], mirrorPair(SOURCES, "AllowContactingSource")[1]],
    ["there is no other object", WANTED[0], undefined],
    ["there is no digest object", undefined, WANTED[1]],
])("a source that one object of the pair alone forbids is allowed again: %s", async (_, digest, tag) => {
    await write(...mirrorPair(SOURCES, "AllowContactingSource"));
    for (const object of WANTED) await server.admin.remove(object);
    await write(...[digest, tag].filter((object) => object !== undefined));
    expect(await preview(inputs(WANTED))).not.toContain("quay.io");
});

const foreign = (spec: object) => ({
    apiVersion: CONFIG,
    kind: "ImageDigestMirrorSet",
    metadata: { name: "corp" },
    spec,
});

test("another object's policy for the same source is refused by name, in the preview and before the first write", async () => {
    await server.admin.create(foreign({ imageDigestMirrors: [{ source: "quay.io" }] }));
    await expect(preview(inputs(WANTED))).rejects.toThrow(/ImageDigestMirrorSet corp.*quay\.io/s);
    await expect(create(inputs(WANTED))).rejects.toMatchObject({ code: "MIRROR_POLICY_CONFLICT" });
});

test("a more specific source of another object is a warning", async () => {
    await server.admin.create(
        foreign({ imageDigestMirrors: [{ source: "quay.io/corp", mirrors: ["other.test/corp"] }] }),
    );
    await preview(inputs(mirrorPair(SOURCES, "AllowContactingSource")));
    expect(lines.join("\n")).toContain("ImageDigestMirrorSet corp");
    expect(lines.join("\n")).toContain("quay.io/corp");
});

test("objects of another stack, and of nobody, are refused with their owner; with adopt they are no error", async () => {
    const [digest, tag] = mirrorPair(SOURCES, "AllowContactingSource");
    if (digest === undefined || tag === undefined) throw new Error("no pair");
    const metadata = { ...digest.metadata, annotations: { [OWNER_ANNOTATION]: "registry-passthrough/other" } };
    await server.admin.create({ ...digest, metadata });
    await server.admin.apply(tag, { manager: "argocd" });
    const rules = mirrorPair(SOURCES, "AllowContactingSource");
    await expect(create(inputs(rules))).rejects.toThrow(
        /cluster: 2 problems; nothing was written to it:\n[^]*ImageDigestMirrorSet passthrough-lab-digest: it exists already, of stack registry-passthrough\/other; set [^]*\n[^]*ImageTagMirrorSet passthrough-lab-tag: it exists already, written by argocd; set /,
    );
    await expect(create(inputs(rules, { adopt: true }))).resolves.toBeDefined();
});

test("a renamed stack takes over its former objects with adopt, once its former rules allow the upstream", async () => {
    const former = { [OWNER_ANNOTATION]: "registry-passthrough/former" };
    const signature = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "release-signature", namespace: "default" },
    };
    const metadata = { ...signature.metadata, annotations: former };
    await server.admin.create({ ...signature, metadata });
    const writeFormer = async (policy: Policy) => {
        for (const object of mirrorPair(SOURCES, policy)) {
            const renamed = { name: object.metadata.name.replace("lab", "former"), annotations: former };
            await server.admin.apply({ ...object, metadata: renamed }, { force: true });
        }
    };
    const objects = [...inputs(WANTED).objects, signature];
    await writeFormer("NeverContactSource");
    await expect(preview(inputs(WANTED, { objects, adopt: true }))).rejects.toMatchObject({
        code: "MIRROR_POLICY_CONFLICT",
    });
    await writeFormer("AllowContactingSource");
    const allowed = mirrorPair(SOURCES, "AllowContactingSource");
    await expect(create(inputs(allowed, { objects }))).rejects.toThrow(
        /ConfigMap default\/release-signature: it exists already, of stack registry-passthrough\/former; set cluster\.adopt/,
    );
    await expect(create(inputs(allowed, { objects, adopt: true }))).resolves.toBeDefined();
    await server.admin.remove(signature);
});

test("a source that would lose its rule needs allowRemoval", async () => {
    await write(...mirrorPair(SOURCES, "AllowContactingSource"));
    const less = mirrorPair(["quay.io"], "AllowContactingSource");
    await expect(preview(inputs(less))).rejects.toMatchObject({ code: "CLUSTER_REMOVAL_REFUSED" });
    await expect(preview(inputs(less))).rejects.toThrow(/registry\.redhat\.io would lose its mirror rule/);
    await expect(preview(inputs(less, { allowRemoval: true }))).resolves.toEqual([]);
});

test("content without any image needs allowRemoval too", async () => {
    await write(...mirrorPair(["quay.io"], "AllowContactingSource"));
    await expect(preview(inputs([]))).rejects.toThrow(
        /2 problems[^]*ImageDigestMirrorSet passthrough-lab-digest: quay\.io would lose its mirror rule for pulls by digest[^]*ImageTagMirrorSet passthrough-lab-tag: .* by tag/,
    );
    await expect(preview(inputs([], { allowRemoval: true }))).resolves.toEqual([]);
    // Those of another stack are not this one's to remove.
    await writeFor("registry-passthrough/other", ...mirrorPair(["quay.io"], "AllowContactingSource"));
    await expect(preview(inputs([]))).resolves.toEqual([]);
});

test("a form of pulls that would lose its rule needs allowRemoval although the other one keeps it", async () => {
    await write(...mirrorPair(["quay.io"], "AllowContactingSource"));
    const [, tag] = mirrorPair(["quay.io"], "AllowContactingSource");
    if (tag === undefined) throw new Error("no pair");
    await expect(preview(inputs([tag]))).rejects.toThrow(/quay\.io would lose its mirror rule for pulls by digest/);
});

test("the policy that this stack wrote for 4.12 gives way to the pair; its sources are forbidden when it is gone", async () => {
    await write(mirrorPolicy(SOURCES));
    expect(await preview(inputs(WANTED))).toEqual([]);
    await write(...mirrorPair(SOURCES, "AllowContactingSource"));
    lines = [];
    expect(await preview(inputs(WANTED))).toEqual([]);
    expect(lines.join("\n")).toContain("(is still in ImageContentSourcePolicy passthrough-lab)");
    await server.admin.remove(mirrorPolicy(SOURCES));
    expect(await preview(inputs(WANTED))).toEqual(SOURCES);
    // The same policy of somebody else stays, and cannot forbid.
    await writeFor("registry-passthrough/other", mirrorPolicy(SOURCES));
    await expect(preview(inputs(WANTED))).rejects.toMatchObject({ code: "MIRROR_POLICY_CONFLICT" });
});

const PAIR = mirrorPair(SOURCES, "AllowContactingSource");
const named = (cluster: string, changes: object = {}) =>
    inputs(PAIR, { cluster, owner: `${OWNER}/${cluster}`, adopt: true, ...changes });

test("objects of another cluster of the stack are refused, also with adopt", async () => {
    await write(...PAIR);
    await expect(check(named("east"))).rejects.toThrow(/belongs to another cluster of this stack \(site\.cluster\)/);
    await writeFor(`${OWNER}/east`, ...PAIR);
    await expect(check(named("east", { adopt: false }))).resolves.toBeDefined();
    const other = /belongs to another cluster of this stack \(east\).*keep the name in site\.clusters/;
    await expect(check(named("west"))).rejects.toThrow(other);
    await expect(check(inputs(PAIR, { adopt: true }))).rejects.toThrow(other);
    // Not the one whose name begins alike.
    await expect(check(named("eas"))).rejects.toThrow(other);
    await expect(check(named("east", { owner: `${OWNER}2/east` }))).resolves.toBeDefined();
});

test("a cluster that was renamed in the state keeps its objects, until all of them have its new name", async () => {
    await writeFor(`${OWNER}/east`, ...PAIR);
    const renamed = named("west", { adopt: false });
    const first = await check(renamed, named("east"));
    expect(first?.formerOwners).toEqual([`${OWNER}/east`]);
    await expect(create(first ?? renamed)).resolves.toBeDefined();
    // The update ended before it wrote the objects.
    expect((await check(renamed, first))?.formerOwners).toEqual([`${OWNER}/east`]);
    await writeFor(`${OWNER}/west`, ...PAIR);
    const later = await check(renamed, first);
    expect(later).not.toHaveProperty("formerOwners");
    expect(clusterAccessProvider.compare(first ?? renamed, later ?? renamed).changes).toBe(false);
    // Unreachable: nothing is known of the objects.
    const kubeconfig = server.kubeconfig.replaceAll(server.url, "https://localhost:1");
    expect((await check({ ...renamed, kubeconfig }, first))?.formerOwners).toEqual([`${OWNER}/east`]);
});

test("a kind that the cluster does not have is named with its fix", async () => {
    const service = {
        apiVersion: "example.test/v1",
        kind: "UpdateService",
        metadata: { name: "update-service-oc-mirror", namespace: "openshift-update-service" },
    };
    await expect(create(inputs([], { objects: [service] }))).rejects.toThrow(/leaveOut: \[updateService\]/);
});

test("a version of the site that takes other kinds is refused", async () => {
    await expect(create(inputs(WANTED, { version: "4.12.10" }))).rejects.toMatchObject({
        code: "CLUSTER_VERSION_DIFFERENT",
    });
});

test("a cluster that cannot be reached fails no preview, and any update", async () => {
    const kubeconfig = server.kubeconfig.replaceAll(server.url, "https://localhost:1");
    expect(await preview(inputs(WANTED, { kubeconfig }), { neverSources: ["quay.io"] })).toEqual(["quay.io"]);
    expect(lines).toEqual([
        expect.stringMatching(
            /^cluster could not be read, compared with the last applied state: CLUSTER_UNREACHABLE at https:\/\/localhost:1: .*; check/,
        ),
    ]);
    await expect(create(inputs(WANTED, { kubeconfig }))).rejects.toMatchObject({ code: "CLUSTER_UNREACHABLE" });
});

test.each([
    ["adopt", { adopt: true }, false],
    ["allowRemoval", { allowRemoval: true }, false],
    ["the kubeconfig", { kubeconfig: "{}" }, true],
    ["the rules", { rules: "[]" }, true],
])("a change of %s needs the cluster only if it changes what is written", (_, changes, isChange) => {
    const olds = inputs(WANTED);
    expect(clusterAccessProvider.compare(olds, inputs(WANTED, changes))).toEqual({ changes: isChange });
});

test("a refresh asks nothing of the cluster: the check reads it in the same run", async () => {
    const stored = inputs(WANTED);
    const asked = server.requests().length;
    expect(await clusterAccessProvider.read(stored, context())).toEqual({ outs: stored, inputs: stored });
    expect(server.requests()).toHaveLength(asked);
});

test("rules or a kubeconfig that the program still has to create are not checked in the preview", async () => {
    const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
    expect(await preview(inputs(WANTED, { kubeconfig: unknown }), { neverSources: ["quay.io"] })).toEqual(["quay.io"]);
    expect(await preview({ ...inputs(WANTED), rules: unknown })).toBeUndefined();
    expect(lines).toEqual([]);
});

test("rules that someone changes between preview and update are not forbidden", async () => {
    await write(...mirrorPair(SOURCES, "AllowContactingSource"));
    await expect(create({ ...inputs(WANTED), neverSources: ["docker.io"] })).rejects.toMatchObject({
        code: "CLUSTER_CHANGED",
    });
});

test("a check through the engine's calls gives the inputs that were found, and hides the kubeconfig", async () => {
    const provider = createProvider(() => clusterAccessProvider, context().process);
    const { inputs: checked } = await provider.check({}, inputs(WANTED));
    expect(checked).toMatchObject({ neverSources: [] });
    const token = readToken(server.kubeconfig);
    const broken = inputs(WANTED, { kubeconfig: server.kubeconfig.replace(token, `${token}x`) });
    const failure: unknown = await provider.create(broken).catch((error: unknown) => error);
    expect(String(failure)).toContain("CLUSTER_LOGIN_REJECTED");
    expect(String(failure)).not.toContain(token);
});
