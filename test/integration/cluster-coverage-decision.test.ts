import type { ClusterCoverageInputs } from "../../dynamic-providers/cluster-coverage/kind";
import { clusterCoverageProvider } from "../../dynamic-providers/cluster-coverage/provider";
import { RegistryProcess as ProviderProcess } from "../../dynamic-providers/registry/registry-process";
import { connectCluster } from "../../lib/kubernetes/connect";
import { type ApiServer, startApiServer } from "../support/api-server";
import { type TestAuthority, testAuthority } from "../support/certificates";
import type { NamedObject } from "../support/cluster/api-client";
import { mirrorPair } from "../support/lab-rules";
import { createCluster } from "../support/openshift-cluster";
import { operationContext } from "../support/operation-context";
import { RegistryProcess } from "../support/registry-process";
import { roleRules } from "../support/role-rules";

const VERSION = "4.16.20";
const CONFIG = "config.openshift.io/v1";
const MISSING = "docker.io/library/nginx:2";
const ACCEPT = ["quay.io/openshift-release-dev/**"];
const SOURCES = ["docker.io", "quay.io"];

let server: ApiServer;
let registry: RegistryProcess;
let authority: TestAuthority;
let kubeconfig: string;
let lines: string[];

beforeAll(async () => {
    authority = await testAuthority();
    registry = await RegistryProcess.start({ tls: await authority.issue() });
    server = await startApiServer({ crds: "4.16" });
    await createCluster(server.admin, { version: VERSION, nodes: { master: 1 } });
    const { admin } = server;
    await admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
    await admin.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace: "shop" } });
    await admin.create({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "web", namespace: "shop" },
        spec: { containers: [{ name: "app", image: MISSING }] },
    } as NamedObject);
    kubeconfig = await server.kubeconfigFor("coverage", roleRules(["preview", "coverage"], VERSION));
});
afterAll(async () => {
    await server.stop();
    await registry.stop();
});

beforeEach(async () => {
    lines = [];
    for (const kind of ["ImageDigestMirrorSet", "ImageTagMirrorSet"]) {
        for (const { metadata } of await server.admin.list({ apiVersion: CONFIG, kind })) {
            await server.admin.remove({ apiVersion: CONFIG, kind, metadata });
        }
    }
});

const forbidden = () => mirrorPair(SOURCES, "NeverContactSource", `${registry.host}/mirror`);

function inputs(changes: Partial<ClusterCoverageInputs> = {}): ClusterCoverageInputs {
    return {
        selfUrn: "urn",
        registry: { type: "distribution", mirrorBase: `${registry.host}/mirror`, ca: authority.ca, retrySeconds: 1 },
        credentials: { username: "", password: "" },
        account: "puller",
        cluster: "",
        kubeconfig,
        version: VERSION,
        rules: JSON.stringify(forbidden()),
        candidates: SOURCES,
        accept: ACCEPT,
        ...changes,
    } as ClusterCoverageInputs;
}

function context() {
    const limits = { retry: { seconds: 0, firstDelay: 1, longestDelay: 1 } };
    const process = new ProviderProcess({
        followsConfiguration: false,
        connectCluster: (options) => connectCluster({ ...options, limits }),
    });
    return { ...operationContext(lines), process };
}

const create = async (changes?: Partial<ClusterCoverageInputs>) =>
    (await clusterCoverageProvider.create(inputs(changes), context())).outs;
const preview = (changes?: Partial<ClusterCoverageInputs>) =>
    clusterCoverageProvider.findInputs?.({}, inputs(changes), context());

test("a source with a missing image in use is refused, with owners and what to add; the others are not", async () => {
    const found = await preview();
    const refused = [
        { source: "docker.io", images: [{ image: MISSING, owners: ["Pod shop/web, container app"] }], total: 1 },
    ];
    expect(found).toMatchObject({ neverSources: ["quay.io"], refused });
    expect(await create()).toMatchObject({ neverSources: ["quay.io"], refused });
    const text = lines.join("\n");
    expect(text).toContain(`${MISSING} (Pod shop/web, container app)`);
    expect(text).toContain(`- name: ${MISSING}`);
    expect(text).toContain(`site.cluster.coverage.accept: ["${MISSING}"]`);
});

test("an image accepted by name does not count, and a pattern that matches none is a warning", async () => {
    const found = await preview({ accept: [...ACCEPT, MISSING, "docker.io/libary/**"] });
    expect(found).toMatchObject({ neverSources: SOURCES, refused: [] });
    expect(lines.join("\n")).toContain("site.cluster.coverage.accept: no missing image matches docker.io/libary/**");
});

test("a source that is forbidden already stays so", async () => {
    for (const object of forbidden()) await server.admin.create(object);
    expect(await create()).toMatchObject({ neverSources: SOURCES, refused: [] });
    await preview();
    expect(lines.join("\n")).toContain("contactSource: never is in force");
});

test("the release that the nodes' own registry has counts as covered, and is named as such", async () => {
    expect(await preview({ accept: [] })).toMatchObject({ neverSources: [] });
    const sources = ["quay.io/openshift-release-dev/ocp-release", "quay.io/openshift-release-dev/ocp-v4.0-art-dev"];
    await server.admin.create({
        apiVersion: CONFIG,
        kind: "ImageDigestMirrorSet",
        metadata: { name: "internal-release" },
        spec: { imageDigestMirrors: sources.map((source) => ({ source, mirrors: ["localhost:22625/openshift"] })) },
    } as NamedObject);
    expect(await preview({ accept: [] })).toMatchObject({ neverSources: ["quay.io"] });
    expect(lines.join("\n")).toContain("1 in the release registry of its own nodes (InternalReleaseImage)");
});

test("an image that this run imports counts in the preview, and not before the first write", async () => {
    const run = context();
    const digest = `sha256:${"1".repeat(64)}` as const;
    const wanted = { name: "set", images: { [MISSING]: digest } };
    run.process.declaredSets.add({ mirrorBase: `${registry.host}/mirror`, lock: "set.lock.json" }, {
        wanted,
        before: {},
    } as never);
    expect(await clusterCoverageProvider.findInputs?.({}, inputs(), run)).toMatchObject({ neverSources: SOURCES });
    const { outs } = await clusterCoverageProvider.create({ ...inputs(), neverSources: SOURCES }, run);
    expect(outs).toMatchObject({ neverSources: ["quay.io"], refused: [{ source: "docker.io" }] });
});

test("without the right to list a kind, nothing is forbidden, and the role is named", async () => {
    const rights = roleRules(["preview", "coverage"], VERSION).filter(({ resources }) => !resources.includes("pods"));
    const found = await preview({ kubeconfig: await server.kubeconfigFor("limited", rights) });
    expect(found).toMatchObject({ neverSources: [], refused: [] });
    const text = lines.join("\n");
    expect(text).toMatch(/images of pods are not known \(CLUSTER_FORBIDDEN/);
    expect(text).toContain("roles/coverage.yaml");
    expect(text).toContain("site.cluster.coverage.check: false");
});

test("a registry that does not respond is not taken for one that has the images", async () => {
    await registry.kill();
    try {
        const found = await create({ accept: [] });
        expect(found).toMatchObject({ neverSources: [], refused: [] });
        await preview({ accept: [] });
        expect(lines.join("\n")).toMatch(/never does not take effect yet for docker.io, quay.io: .*NETWORK/);
    } finally {
        await registry.restart();
    }
});

test("a cluster that cannot be read keeps what was decided last in a preview, and fails an update", async () => {
    const down = { kubeconfig: kubeconfig.replaceAll(server.url, "https://localhost:1") };
    const olds = { neverSources: ["docker.io"], refused: [] };
    const found = await clusterCoverageProvider.findInputs?.(olds, inputs(down), context());
    expect(found).toMatchObject(olds);
    expect(lines).toEqual([expect.stringContaining("contactSource: never stays as it was applied last")]);
    await expect(create(down)).rejects.toMatchObject({ code: "CLUSTER_UNREACHABLE" });
});
