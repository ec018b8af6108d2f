import { randomBytes } from "node:crypto";
import { RegistryClient, requestsFor } from "../../lib/distribution/client/registry-client";
import { DEFAULT_RETRY } from "../../lib/distribution/limits/retry";
import { connectCluster } from "../../lib/kubernetes/connect";
import { computeDigest } from "../../lib/oci/digest";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { PROBE_NAMESPACE, type RegistriesConf } from "../../lib/openshift";
import { OWNER_ANNOTATION } from "../../lib/openshift/objects/owner";
import { planSources } from "../../lib/openshift/probe/probe-plan";
import { probePod } from "../../lib/openshift/probe/probe-pods";
import { type ClusterProof, proveCluster } from "../../lib/passthrough";
import { ProbeImages } from "../../lib/passthrough/cluster-proof/probe-content";
import { type ApiServer, startApiServer } from "../support/api-server";
import type { NamedObject } from "../support/cluster/api-client";
import { ManualClock } from "../support/manual-clock";
import { createCluster } from "../support/openshift-cluster";
import { RegistryProcess } from "../support/registry-process";
import { roleRules } from "../support/role-rules";
import { type KubeletScript, type ScriptedPod, ScriptedKubelet } from "../support/scripted-kubelet";

jest.setTimeout(300_000);

const OWNER = "registry-passthrough/test";
const VERSION = "4.16.20";
let server: ApiServer;
let registry: RegistryProcess;
let kubelet: ScriptedKubelet;
/** What happens when the proof waits, after the node has looked. */
let onSleep: () => void | Promise<void>;
/** Of the proof that runs. */
let run: string;

beforeAll(async () => {
    registry = await RegistryProcess.start();
    server = await startApiServer({ crds: "4.16" });
    await createCluster(server.admin, { version: VERSION, nodes: { master: 1, worker: 2, infra: 0 } });
    for (const kind of ["Digest", "Tag"]) {
        const [list, metadata] = [`image${kind}Mirrors`, { name: `test-${kind.toLowerCase()}` }];
        const mirrors = [`${registry.host}/mirror/quay.io`];
        const entry = { source: "quay.io", mirrors, mirrorSourcePolicy: "NeverContactSource" };
        const object = { apiVersion: "config.openshift.io/v1", kind: `Image${kind}MirrorSet`, metadata };
        await server.admin.create({ ...object, spec: { [list]: [entry] } } as NamedObject);
    }
});

beforeEach(() => {
    onSleep = () => undefined;
});

afterAll(async () => {
    await server.stop();
    await registry.stop();
});

const WANTED: RegistriesConf = {
    registry: [{ location: "quay.io", mirror: [{ location: "any.test/mirror/quay.io" }] }],
};

interface Options {
    readonly kubeconfig?: string;
    readonly namespace?: string;
    readonly signal?: AbortSignal;
}

async function prove(script: KubeletScript, options: Options = {}): Promise<ClusterProof> {
    const {
        kubeconfig = server.kubeconfig,
        namespace = PROBE_NAMESPACE,
        signal = new AbortController().signal,
    } = options;
    kubelet = new ScriptedKubelet(server.admin, namespace, script);
    const clock = new ManualClock();
    clock.onSleep = async () => {
        await kubelet.pass();
        await onSleep();
    };
    run = randomBytes(4).toString("hex");
    const endpoint = { host: registry.host, plainHttp: true };
    const retry = { ...DEFAULT_RETRY, seconds: 0 };
    const registryClient = () =>
        new RegistryClient({
            endpoint,
            credentials: undefined,
            requests: requestsFor(2),
            retry,
            signal: new AbortController().signal,
        });
    const [cluster, pushing] = [await connectCluster({ kubeconfig, signal }), registryClient()];
    try {
        return await proveCluster({
            ...{ cluster, pushing, wanted: WANTED, owner: OWNER, namespace, clock, signal },
            base: parseMirrorBase(`${registry.host}/mirror`),
            run,
            onProgress: () => undefined,
            cleaning: async (use) => {
                const [own, removing] = [await connectCluster({ kubeconfig }), registryClient()];
                return use(own, removing).finally(() => Promise.all([own.close(), removing.close()]));
            },
        });
    } finally {
        await Promise.all([cluster.close(), pushing.close()]);
    }
}

/** As CRI-O on a node that has the rules. */
function crio({ image }: ScriptedPod): ReturnType<KubeletScript> {
    const at = `${registry.host}/mirror/${image}`;
    if (isAbsent(image)) {
        const text =
            `unable to pull image or OCI artifact: pull image err: initializing source docker://${image}: (Mirrors also failed: ` +
            `[${at}: reading manifest in ${at}: manifest unknown]): ${image}: registry quay.io is blocked in /etc/containers/registries.conf`;
        return {
            state: { waiting: { reason: "ErrImagePull", message: text } },
            events: [["Failed", `Failed to pull image "${image}": ${text}`]],
        };
    }
    return {
        state: { terminated: { exitCode: 0, reason: "Completed" } },
        events: [
            [
                "Pulled",
                `Successfully pulled image "${image}" in 244ms (244ms including waiting). Image size: 512 bytes.`,
            ],
        ],
    };
}

/** The image that was not pushed. */
function isAbsent(image: string): boolean {
    return image.endsWith(computeDigest(`registry-passthrough: nobody has this ${run}`));
}

const summary = ({ results }: ClusterProof) => results.map(({ pool, form, outcome }) => `${pool} ${form} ${outcome}`);
const namespaces = async () =>
    (await server.admin.list({ apiVersion: "v1", kind: "Namespace" })).map(({ metadata }) => metadata.name);
const pods = async (namespace = PROBE_NAMESPACE) =>
    (await server.admin.list({ apiVersion: "v1", kind: "Pod" }, namespace)).map(({ metadata }) => metadata.name);
const until = async (condition: () => Promise<boolean>) => {
    while (!(await condition())) await kubelet.pass();
};

/** The API server reads quotas a moment after they are written. */
async function isOverQuota(namespace: string): Promise<boolean> {
    const pool = { name: "worker", nodes: ["worker-0"], total: 1 };
    const pod = probePod({ pool, image: "quay.io/a/b:1" }, "early", { namespace, owner: OWNER }) as NamedObject;
    try {
        await server.admin.create(pod);
    } catch (error) {
        return (error as Error).message.includes("exceeded quota");
    }
    await server.admin.remove(pod);
    return false;
}

test("each pool proves pulls by digest and by tag, and that the upstream is not asked; a pool without nodes has nothing to prove", async () => {
    const found = await prove(crio);
    expect(found).toMatchObject({ isProven: true, notes: [] });
    expect(summary(found)).toEqual([
        ...["digest", "tag", "absent"].map((form) => `infra ${form} skipped`),
        ...["digest", "tag", "absent"].map((form) => `master ${form} proven`),
        ...["digest", "tag", "absent"].map((form) => `worker ${form} proven`),
    ]);
    expect(kubelet.seen.filter(({ nodes }) => nodes.includes("worker-1")).map(({ nodes }) => nodes)).toContainEqual([
        "worker-0",
        "worker-1",
    ]);
    await until(async () => !(await namespaces()).includes(PROBE_NAMESPACE));
    const deleted = registry.accesses().filter(({ method }) => method === "DELETE");
    expect(deleted.length).toBeGreaterThan(0);
});

test("an account with the rendered role proves it in the namespace that comes with the role, which stays", async () => {
    const namespace = PROBE_NAMESPACE;
    await server.admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    const kubeconfig = await server.kubeconfigFor("prover", roleRules(["proof"], VERSION));
    try {
        expect(await prove(crio, { kubeconfig })).toMatchObject({ isProven: true, notes: [] });
        expect(await namespaces()).toContain(namespace);
        await until(async () => (await pods()).length === 0);
    } finally {
        await server.admin.remove({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
        await until(async () => !(await namespaces()).includes(namespace));
    }
});

test("a pull that fails is tried with a fresh pod, and then its cause is named", async () => {
    const text = (image: string) =>
        `initializing source docker://${image}: (Mirrors also failed: [${registry.host}/mirror/${image}: pinging container registry ${registry.host}: x509: certificate signed by unknown authority]): ${image}: registry quay.io is blocked in /etc/containers/registries.conf`;
    const found = await prove((pod) =>
        pod.nodes[0] === "master-0" && pod.image.includes(":probe-")
            ? { state: { waiting: { reason: "ErrImagePull", message: text(pod.image) } } }
            : crio(pod),
    );
    expect(found.isProven).toBe(false);
    const failed = found.results.filter(({ outcome }) => outcome === "failed");
    expect(failed).toMatchObject([{ pool: "master", form: "tag", node: "master-0" }]);
    expect(failed[0]?.detail).toMatch(/^the node does not trust the registry's certificate: /);
    expect(kubelet.seen.filter(({ name }) => name.endsWith("-again"))).toHaveLength(1);
});

test("a node that had the image already, or whose event has expired, is not taken for more than it shows", async () => {
    const found = await prove((pod) => {
        if (isAbsent(pod.image))
            return {
                state: { waiting: { reason: "ImagePullBackOff", message: `Back-off pulling image "${pod.image}"` } },
            };
        const present: readonly [string, string] = [
            "Pulled",
            `Container image "${pod.image}" already present on machine`,
        ];
        return { ...crio(pod), events: pod.image.includes("@") ? [present] : [] };
    });
    expect(found.isProven).toBe(false);
    expect(summary(found).slice(-3)).toEqual(["worker digest unproven", "worker tag proven", "worker absent unproven"]);
});

test("what refuses a pod is named in the API's words, and a namespace of others stays", async () => {
    const namespace = "refusing";
    const metadata = { name: namespace };
    await server.admin.create({ apiVersion: "v1", kind: "Namespace", metadata });
    const quota = {
        apiVersion: "v1",
        kind: "ResourceQuota",
        metadata: { name: "no-pods", namespace },
        spec: { hard: { pods: "0" } },
    };
    const created = await server.admin.create(quota as NamedObject);
    await server.admin.replaceStatus({
        ...created,
        status: { hard: { pods: "0" }, used: { pods: "0" } },
    } as NamedObject);
    await until(() => isOverQuota(namespace));
    const refused = await prove(crio, { namespace });
    expect(refused.isProven).toBe(false);
    const details = new Set(refused.results.filter(({ outcome }) => outcome === "refused").map(({ detail }) => detail));
    expect([...details].join()).toContain("exceeded quota: no-pods");
    expect(await namespaces()).toContain(namespace);
});

test("pods satisfy PodSecurity restricted: the API server has no warning and no refusal for them", async () => {
    const metadata = { name: "restricted", labels: { "pod-security.kubernetes.io/enforce": "restricted" } };
    await server.admin.create({ apiVersion: "v1", kind: "Namespace", metadata });
    const pool = { name: "worker", nodes: ["worker-0"], total: 1 };
    const owner = { namespace: "restricted", owner: OWNER };
    const pod = probePod({ pool, image: "quay.io/a/b:1" }, "allowed", owner) as NamedObject & { spec: object };
    await server.admin.create(pod);
    const refused = {
        ...pod,
        metadata: { ...pod.metadata, name: "refused" },
        spec: { ...pod.spec, securityContext: {} },
    };
    await expect(server.admin.create(refused)).rejects.toThrow("violates PodSecurity");
});

test("an interrupted run removes its pods, and the next one what a killed one has left, but nothing of others", async () => {
    const controller = new AbortController();
    const stopped = new Error("stopped");
    onSleep = () => controller.abort(stopped);
    await expect(prove(() => undefined, { signal: controller.signal })).rejects.toBe(stopped);
    await until(async () => !(await namespaces()).includes(PROBE_NAMESPACE));
    onSleep = () => undefined;
    await server.admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: PROBE_NAMESPACE } });
    const pool = { name: "worker", nodes: ["worker-0"], total: 1 };
    const left = (name: string, owner: string) =>
        probePod({ pool, image: "quay.io/a/b:1" }, name, { namespace: PROBE_NAMESPACE, owner }) as NamedObject;
    await server.admin.create(left("left", OWNER));
    await server.admin.create(left("of-others", "registry-passthrough/other"));
    expect((await server.admin.get(left("left", OWNER)))?.metadata.annotations).toEqual({ [OWNER_ANNOTATION]: OWNER });
    expect(await prove((pod) => (pod.name.startsWith("probe-") ? crio(pod) : undefined))).toMatchObject({
        isProven: true,
    });
    await until(async () => (await pods()).join() === "of-others");
    expect(await namespaces()).toContain(PROBE_NAMESPACE);
});

test("a namespace that a run has created stays while pods of another stack are in it, and the next run removes it", async () => {
    const namespace = "shared";
    const pool = { name: "worker", nodes: ["worker-0"], total: 1 };
    const other = { namespace, owner: "registry-passthrough/other" };
    const others = probePod({ pool, image: "quay.io/a/b:1" }, "of-others", other) as NamedObject;
    onSleep = async () => {
        onSleep = () => undefined;
        await server.admin.create(others);
    };
    const script = (pod: ScriptedPod) => (pod.name.startsWith("probe-") ? crio(pod) : undefined);
    expect(await prove(script, { namespace })).toMatchObject({ isProven: true, notes: [] });
    await until(async () => (await pods(namespace)).join() === "of-others");
    expect(await namespaces()).toContain(namespace);
    await server.admin.remove(others);
    expect(await prove(script, { namespace })).toMatchObject({ isProven: true, notes: [] });
    await until(async () => !(await namespaces()).includes(namespace));
});

test("a registry that deletes nothing keeps the images: a note names the repository, and nothing fails", async () => {
    const keeping = await RegistryProcess.start({ deletes: false });
    const endpoint = { host: keeping.host, plainHttp: true };
    const { signal } = new AbortController();
    const client = new RegistryClient({ endpoint, credentials: undefined, requests: requestsFor(2), signal });
    try {
        const base = parseMirrorBase(`${keeping.host}/mirror`);
        const images = new ProbeImages(planSources(WANTED, WANTED, base), "run");
        await images.push(client);
        expect(await images.remove(client)).toEqual([
            "images of the probe stay in mirror/quay.io/passthrough-probe/only-in-mirror (less than 20 kB): " +
                "the registry does not let the account delete",
        ]);
    } finally {
        await client.close();
        await keeping.stop();
    }
});
