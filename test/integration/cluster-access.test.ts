import { clusterAccessProvider } from "../../dynamic-providers/cluster-access/provider";
import { createProvider } from "../../dynamic-providers/lifecycle/resource-provider";
import { ALLOWED, AccessCluster, FORBIDDEN, SOURCES } from "../support/access-cluster";
import { readToken } from "../support/kubeconfig";
import { mirrorPair } from "../support/lab-rules";
import { PausingProxy } from "../support/pausing-proxy";

const CONFIG = "config.openshift.io/v1";

let cluster: AccessCluster;
beforeAll(async () => {
    cluster = await AccessCluster.start();
});
afterAll(() => cluster.stop());
beforeEach(() => cluster.reset());

test("sources are forbidden only when both rules of a pair are on all nodes", async () => {
    expect(await cluster.preview(cluster.inputs(FORBIDDEN))).toEqual([]);
    expect(cluster.lines.join("\n")).toContain(
        "until then the upstream stays allowed for quay.io, registry.redhat.io (no rule yet)",
    );
    expect(cluster.lines.join("\n")).toContain(
        "nodes drain and reload CRI-O, one after the other (master: 3 nodes, worker: 2 nodes)",
    );

    await cluster.write(...ALLOWED);
    expect(await cluster.preview(cluster.inputs(FORBIDDEN))).toEqual(SOURCES);
    const { outs } = await cluster.create({ ...cluster.inputs(FORBIDDEN), neverSources: SOURCES });
    expect(outs).toEqual({ ...cluster.inputs(FORBIDDEN), neverSources: SOURCES });

    await cluster.write(...FORBIDDEN);
    expect(await cluster.preview(cluster.inputs(FORBIDDEN))).toEqual(SOURCES);
    // A source that comes later is allowed first, while the others stay forbidden.
    expect(await cluster.preview(cluster.inputs(mirrorPair(["docker.io", ...SOURCES], "NeverContactSource")))).toEqual(
        SOURCES,
    );
    expect(await cluster.preview(cluster.inputs(ALLOWED))).toEqual([]);
});

test("what is forbidden stays so if the check could not read the cluster", async () => {
    await cluster.write(...FORBIDDEN);
    await expect(cluster.create(cluster.inputs(FORBIDDEN))).resolves.toMatchObject({ outs: { neverSources: SOURCES } });
});

test("a source with rules for one form of pulls is not forbidden, and a warning says why", async () => {
    const [digest, tag] = FORBIDDEN;
    const [single] = mirrorPair(["quay.io"], "NeverContactSource");
    if (digest === undefined || tag === undefined || single === undefined) throw new Error("no pair");
    const wanted = [single, tag];
    await cluster.write(digest, tag);
    expect(await cluster.preview(cluster.inputs(wanted, { allowRemoval: true }))).toEqual(["quay.io"]);
    expect(cluster.lines.join("\n")).toContain("contactSource: never does not apply to registry.redhat.io");
});

test("nodes that are behind keep a source allowed", async () => {
    await cluster.write(...mirrorPair(["quay.io"], "AllowContactingSource"));
    cluster.controllers.script = { acceptsRules: false };
    for (const object of ALLOWED) await cluster.server.admin.apply(object, { force: true });
    await cluster.controllers.settle();
    cluster.controllers.script = {};
    expect(await cluster.preview(cluster.inputs(FORBIDDEN, { adopt: true }))).toEqual(["quay.io"]);
    expect(cluster.lines.join("\n")).toContain("registry.redhat.io (is not yet on the nodes of pool");
});

test("a busy pool opens no upstream that is forbidden already, and delays none that is to be allowed", async () => {
    await cluster.write(...ALLOWED);
    await cluster.write(...FORBIDDEN);
    cluster.controllers.script = { degradedNodes: { "worker-1": "disk is full" } };
    await cluster.server.admin.create(
        foreign({ imageDigestMirrors: [{ source: "corp.test", mirrors: ["other.test/corp"] }] }),
    );
    await cluster.controllers.settle();
    cluster.controllers.script = {};
    expect(await cluster.preview(cluster.inputs(FORBIDDEN))).toEqual(SOURCES);
    expect(cluster.lines.join("\n")).not.toContain("takes effect with a later `up`");
    expect(await cluster.preview(cluster.inputs(ALLOWED))).toEqual([]);
    expect(await cluster.preview(cluster.inputs(mirrorPair(["docker.io", ...SOURCES], "NeverContactSource")))).toEqual(
        SOURCES,
    );
});

test.each([
    ["the other object lacks it", FORBIDDEN[0], mirrorPair(["registry.redhat.io"], "AllowContactingSource")[1]],
    ["the other object allows it", FORBIDDEN[0], ALLOWED[1]],
    ["there is no other object", FORBIDDEN[0], undefined],
    ["there is no digest object", undefined, FORBIDDEN[1]],
])("a source that one object of the pair alone forbids is allowed again: %s", async (_, digest, tag) => {
    await cluster.write(...ALLOWED);
    for (const object of FORBIDDEN) await cluster.server.admin.remove(object);
    await cluster.write(...[digest, tag].filter((object) => object !== undefined));
    expect(await cluster.preview(cluster.inputs(FORBIDDEN))).not.toContain("quay.io");
});

const foreign = (spec: object) => ({
    apiVersion: CONFIG,
    kind: "ImageDigestMirrorSet",
    metadata: { name: "corp" },
    spec,
});

test("another object's policy for the same source is refused by name, in the preview and before the first write", async () => {
    await cluster.server.admin.create(foreign({ imageDigestMirrors: [{ source: "quay.io" }] }));
    await expect(cluster.preview(cluster.inputs(FORBIDDEN))).rejects.toThrow(/ImageDigestMirrorSet corp.*quay\.io/s);
    await expect(cluster.create(cluster.inputs(FORBIDDEN))).rejects.toMatchObject({ code: "MIRROR_POLICY_CONFLICT" });
});

test("a more specific source of another object is a warning", async () => {
    await cluster.server.admin.create(
        foreign({ imageDigestMirrors: [{ source: "quay.io/corp", mirrors: ["other.test/corp"] }] }),
    );
    await cluster.preview(cluster.inputs(ALLOWED));
    expect(cluster.lines.join("\n")).toContain("ImageDigestMirrorSet corp");
    expect(cluster.lines.join("\n")).toContain("quay.io/corp");
});

test("a source that would lose its rule needs allowRemoval", async () => {
    await cluster.write(...ALLOWED);
    const less = mirrorPair(["quay.io"], "AllowContactingSource");
    await expect(cluster.preview(cluster.inputs(less))).rejects.toMatchObject({ code: "CLUSTER_REMOVAL_REFUSED" });
    await expect(cluster.preview(cluster.inputs(less))).rejects.toThrow(
        /registry\.redhat\.io would lose its mirror rule/,
    );
    await expect(cluster.preview(cluster.inputs(less, { allowRemoval: true }))).resolves.toEqual([]);
});

test("content without any image needs allowRemoval too", async () => {
    await cluster.write(...mirrorPair(["quay.io"], "AllowContactingSource"));
    const applied = cluster.inputs(mirrorPair(["quay.io"], "AllowContactingSource"));
    await expect(cluster.preview(cluster.inputs([]), applied)).rejects.toThrow(
        /2 problems[^]*ImageDigestMirrorSet passthrough-lab-digest: quay\.io would lose its mirror rule for pulls by digest[^]*ImageTagMirrorSet passthrough-lab-tag: .* by tag/,
    );
    await expect(cluster.preview(cluster.inputs([], { allowRemoval: true }), applied)).resolves.toEqual([]);
    // An `up` that removed them from its wishes was killed before it removed them.
    const killed = await cluster.check(cluster.inputs([], { allowRemoval: true }), applied);
    await expect(cluster.preview(cluster.inputs([]), killed)).rejects.toThrow(/2 problems/);
    // Those of another stack are not this one's to remove.
    await cluster.writeFor("registry-passthrough/other", ...mirrorPair(["quay.io"], "AllowContactingSource"));
    await expect(cluster.preview(cluster.inputs([]))).resolves.toEqual([]);
});

test("a form of pulls that would lose its rule needs allowRemoval although the other one keeps it", async () => {
    await cluster.write(...mirrorPair(["quay.io"], "AllowContactingSource"));
    const [, tag] = mirrorPair(["quay.io"], "AllowContactingSource");
    if (tag === undefined) throw new Error("no pair");
    const applied = cluster.inputs(mirrorPair(["quay.io"], "AllowContactingSource"));
    await expect(cluster.preview(cluster.inputs([tag]), applied)).rejects.toThrow(
        /quay\.io would lose its mirror rule for pulls by digest/,
    );
});

test("a kind that the cluster does not have is named with its fix", async () => {
    const service = {
        apiVersion: "example.test/v1",
        kind: "UpdateService",
        metadata: { name: "update-service-oc-mirror", namespace: "openshift-update-service" },
    };
    await expect(cluster.create(cluster.inputs([], { objects: [service] }))).rejects.toThrow(
        /leaveOut: \[updateService\]/,
    );
});

test("a version of the site that takes other kinds is refused", async () => {
    await expect(cluster.create(cluster.inputs(FORBIDDEN, { version: "4.12.10" }))).rejects.toMatchObject({
        code: "CLUSTER_VERSION_DIFFERENT",
    });
});

test("a cluster that cannot be reached fails no preview, and any update", async () => {
    const kubeconfig = cluster.server.kubeconfig.replaceAll(cluster.server.url, "https://localhost:1");
    expect(await cluster.preview(cluster.inputs(FORBIDDEN, { kubeconfig }), { neverSources: ["quay.io"] })).toEqual([
        "quay.io",
    ]);
    expect(cluster.lines).toEqual([
        expect.stringMatching(
            /^cluster could not be read, compared with the last applied state: CLUSTER_UNREACHABLE at https:\/\/localhost:1: .*; check/,
        ),
    ]);
    await expect(cluster.create(cluster.inputs(FORBIDDEN, { kubeconfig }))).rejects.toMatchObject({
        code: "CLUSTER_UNREACHABLE",
    });
});

test("an API server that is too slow for the check is waited for by the update", async () => {
    const slow = await PausingProxy.start(Number(new URL(cluster.server.url).port), 1);
    try {
        const kubeconfig = cluster.server.kubeconfig.replaceAll(cluster.server.url, `https://${slow.host}`);
        const update = cluster.inputs(ALLOWED, { kubeconfig });
        const found = await clusterAccessProvider.findInputs?.({}, update, cluster.context({ requestTimeout: 500 }));
        expect(found).not.toHaveProperty("neverSources");
        expect(cluster.lines.join()).toContain("no response within 0.5 s");
        const created = cluster.create(found ?? update);
        await slow.paused;
        slow.resume();
        expect((await created).outs).toMatchObject({ neverSources: [] });
    } finally {
        await slow.stop();
    }
});

test.each([
    ["adopt", { adopt: true }, false],
    ["allowRemoval", { allowRemoval: true }, false],
    ["the kubeconfig", { kubeconfig: "{}" }, true],
    ["the rules", { rules: "[]" }, true],
])("a change of %s needs the cluster only if it changes what is written", (_, changes, isChange) => {
    const olds = cluster.inputs(FORBIDDEN);
    expect(clusterAccessProvider.compare(olds, cluster.inputs(FORBIDDEN, changes))).toEqual({ changes: isChange });
});

test("a refresh asks nothing of the cluster: the check reads it in the same run", async () => {
    const stored = cluster.inputs(FORBIDDEN);
    const asked = cluster.server.requests().length;
    expect(await clusterAccessProvider.read(stored, cluster.context())).toEqual({ outs: stored, inputs: stored });
    expect(cluster.server.requests()).toHaveLength(asked);
});

test("rules or a kubeconfig that the program still has to create are not checked in the preview", async () => {
    const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
    expect(
        await cluster.preview(cluster.inputs(FORBIDDEN, { kubeconfig: unknown }), { neverSources: ["quay.io"] }),
    ).toEqual(["quay.io"]);
    expect(await cluster.preview({ ...cluster.inputs(FORBIDDEN), rules: unknown })).toBeUndefined();
    expect(cluster.lines).toEqual([]);
});

test("rules that someone changes between preview and update are not forbidden", async () => {
    await cluster.write(...ALLOWED);
    await expect(cluster.create({ ...cluster.inputs(FORBIDDEN), neverSources: ["docker.io"] })).rejects.toMatchObject({
        code: "CLUSTER_CHANGED",
    });
});

test("a check through the engine's calls gives the inputs that were found, and hides the kubeconfig", async () => {
    const provider = createProvider(() => clusterAccessProvider, cluster.context().process);
    const { inputs: checked } = await provider.check({}, cluster.inputs(FORBIDDEN));
    expect(checked).toMatchObject({ neverSources: [] });
    const token = readToken(cluster.server.kubeconfig);
    const broken = cluster.inputs(FORBIDDEN, { kubeconfig: cluster.server.kubeconfig.replace(token, `${token}x`) });
    const failure: unknown = await provider.create(broken).catch((error: unknown) => error);
    expect(String(failure)).toContain("CLUSTER_LOGIN_REJECTED");
    expect(String(failure)).not.toContain(token);
});
