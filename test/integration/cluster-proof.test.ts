import { RegistryClient, requestsFor } from "../../lib/distribution/client/registry-client";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { parseManifest } from "../../lib/oci/manifest";
import { MEDIA_TYPE_OCI_INDEX as INDEX } from "../../lib/oci/media-types";
import { PROBE_NAMESPACE } from "../../lib/openshift";
import { OWNER_ANNOTATION } from "../../lib/openshift/objects/owner";
import { planSources } from "../../lib/openshift/probe/probe-plan";
import { ProbeImages } from "../../lib/passthrough/cluster-proof/probe-content";
import { testAuthority } from "../support/certificates";
import { pullFailed } from "../support/crio-node";
import { FakeHarbor } from "../support/harbor/fake-harbor";
import { PROOF_OWNER, PROOF_RULES, PROOF_VERSION, ProofCluster, summarize } from "../support/proof-cluster";
import { Contents } from "../support/registry-contents";
import { RegistryProcess } from "../support/registry-process";
import { roleRules } from "../support/role-rules";
import type { ScriptedPod } from "../support/scripted-kubelet";

jest.setTimeout(300_000);

const OTHER = "registry-passthrough/other";
const REPOSITORY = "mirror/quay.io/passthrough-probe/only-in-mirror";
let cluster: ProofCluster;

beforeAll(async () => {
    cluster = await ProofCluster.start();
});

beforeEach(() => {
    cluster.onSleep = () => undefined;
});

afterAll(() => cluster.stop());

test("each pool proves pulls by digest and by tag, and that the upstream is not asked; a pool without nodes has nothing to prove", async () => {
    const found = await cluster.prove(cluster.crio);
    expect(found).toMatchObject({ isProven: true, notes: [] });
    expect(summarize(found)).toEqual([
        ...["digest", "tag", "absent"].map((form) => `infra ${form} skipped`),
        ...["digest", "tag", "absent"].map((form) => `master ${form} proven`),
        ...["digest", "tag", "absent"].map((form) => `worker ${form} proven`),
    ]);
    expect(
        cluster.kubelet.seen.filter(({ nodes }) => nodes.includes("worker-1")).map(({ nodes }) => nodes),
    ).toContainEqual(["worker-0", "worker-1"]);
    await cluster.until(async () => !(await cluster.namespaces()).includes(PROBE_NAMESPACE));
    const deleted = cluster.registry.accesses().filter(({ method }) => method === "DELETE");
    expect(deleted.length).toBeGreaterThan(0);
});

test("an account with the rendered role proves it in the namespace that comes with the role, which stays", async () => {
    const namespace = PROBE_NAMESPACE;
    await cluster.server.admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    const kubeconfig = await cluster.server.kubeconfigFor("prover", roleRules(["proof"], PROOF_VERSION));
    try {
        expect(await cluster.prove(cluster.crio, { kubeconfig })).toMatchObject({ isProven: true, notes: [] });
        expect(await cluster.namespaces()).toContain(namespace);
        await cluster.until(async () => (await cluster.pods()).length === 0);
    } finally {
        await cluster.server.admin.remove({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
        await cluster.until(async () => !(await cluster.namespaces()).includes(namespace));
    }
});

test("a pull that fails is tried with a fresh pod, and then its cause is named", async () => {
    const text = (image: string) =>
        `initializing source docker://${image}: (Mirrors also failed: [${cluster.registry.host}/mirror/${image}: pinging container registry ${cluster.registry.host}: x509: certificate signed by unknown authority]): ${image}: registry quay.io is blocked in /etc/containers/registries.conf`;
    const found = await cluster.prove((pod) =>
        pod.nodes[0] === "master-0" && pod.image.includes(":probe-")
            ? pullFailed(pod.image, text(pod.image))
            : cluster.crio(pod),
    );
    expect(found.isProven).toBe(false);
    const failed = found.results.filter(({ outcome }) => outcome === "failed");
    expect(failed).toMatchObject([{ pool: "master", form: "tag", node: "master-0" }]);
    expect(failed[0]?.detail).toMatch(/^the node does not trust the registry's certificate: /);
    expect(cluster.kubelet.seen.filter(({ name }) => name.endsWith("-again"))).toHaveLength(1);
});

test("a node that had the image already, or whose event has expired, is not taken for more than it shows", async () => {
    const found = await cluster.prove((pod) => {
        if (cluster.isAbsent(pod.image))
            return {
                state: { waiting: { reason: "ImagePullBackOff", message: `Back-off pulling image "${pod.image}"` } },
            };
        const present: readonly [string, string] = [
            "Pulled",
            `Container image "${pod.image}" already present on machine`,
        ];
        return { ...cluster.crio(pod), events: pod.image.includes("@") ? [present] : [] };
    });
    expect(found.isProven).toBe(false);
    expect(summarize(found).slice(-3)).toEqual([
        "worker digest unproven",
        "worker tag proven",
        "worker absent unproven",
    ]);
});

test("an interrupted run removes its pods, and the next one what a killed one has left, but nothing of others", async () => {
    const controller = new AbortController();
    const stopped = new Error("stopped");
    cluster.onSleep = () => controller.abort(stopped);
    await expect(cluster.prove(() => undefined, { signal: controller.signal })).rejects.toBe(stopped);
    await cluster.until(async () => !(await cluster.namespaces()).includes(PROBE_NAMESPACE));
    cluster.onSleep = () => undefined;
    await cluster.server.admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: PROBE_NAMESPACE } });
    const left = cluster.probePod("left");
    await cluster.server.admin.create(left);
    await cluster.server.admin.create(cluster.probePod("of-others", PROBE_NAMESPACE, OTHER));
    expect((await cluster.server.admin.get(left))?.metadata.annotations).toEqual({ [OWNER_ANNOTATION]: PROOF_OWNER });
    expect(await cluster.prove((pod) => (pod.name.startsWith("probe-") ? cluster.crio(pod) : undefined))).toMatchObject(
        {
            isProven: true,
        },
    );
    await cluster.until(async () => (await cluster.pods()).join() === "of-others");
    expect(await cluster.namespaces()).toContain(PROBE_NAMESPACE);
});

test("a namespace that a run has created stays while pods of another stack are in it, and the next run removes it", async () => {
    const namespace = "shared";
    const others = cluster.probePod("of-others", namespace, OTHER);
    cluster.onSleep = async () => {
        cluster.onSleep = () => undefined;
        await cluster.server.admin.create(others);
    };
    const script = (pod: ScriptedPod) => (pod.name.startsWith("probe-") ? cluster.crio(pod) : undefined);
    expect(await cluster.prove(script, { namespace })).toMatchObject({ isProven: true, notes: [] });
    await cluster.until(async () => (await cluster.pods(namespace)).join() === "of-others");
    expect(await cluster.namespaces()).toContain(namespace);
    await cluster.server.admin.remove(others);
    expect(await cluster.prove(script, { namespace })).toMatchObject({ isProven: true, notes: [] });
    await cluster.until(async () => !(await cluster.namespaces()).includes(namespace));
});

test("a namespace that another stack removes in the middle is created again, with the pods that went with it", async () => {
    const namespace = "removed";
    const metadata = { name: namespace };
    let removals = 0;
    cluster.onSleep = async () => {
        if (removals++ === 0) await cluster.server.admin.remove({ apiVersion: "v1", kind: "Namespace", metadata });
    };
    const script = (pod: ScriptedPod) => (removals > 1 ? cluster.crio(pod) : undefined);
    expect(await cluster.prove(script, { namespace })).toMatchObject({ isProven: true, notes: [] });
    expect(cluster.kubelet.seen.filter(({ name }) => name.endsWith("-again"))).toHaveLength(6);
    await cluster.until(async () => !(await cluster.namespaces()).includes(namespace));
});

test("a run removes the images that a killed one of its owner has left, and no others", async () => {
    const contents = new Contents(cluster.registry);
    const base = parseMirrorBase(`${cluster.registry.host}/mirror`);
    const sources = planSources(PROOF_RULES, PROOF_RULES, base);
    const client = cluster.registryClient();
    try {
        await new ProbeImages(sources, { run: "killed", owner: PROOF_OWNER }).push(client);
        await new ProbeImages(sources, { run: "running", owner: OTHER }).push(client);
        const [left = ""] = contents.tags(REPOSITORY).filter((tag) => tag.includes("killed"));
        const application = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] }));
        const tagged = left.replace("killed", "of-people");
        await client.manifestPut(REPOSITORY, tagged, parseManifest(application));
        expect(await cluster.prove()).toMatchObject({ isProven: true, notes: [] });
        const tags = contents.tags(REPOSITORY).sort();
        expect(tags.filter((tag) => !tag.includes("running"))).toEqual([tagged]);
        expect(tags).toHaveLength(3);
        expect(contents.manifests(REPOSITORY)).toHaveLength(1 + 2 * 5);
    } finally {
        await client.close();
    }
});

test("a registry that deletes nothing keeps the images: a note names the repository, and nothing fails", async () => {
    const keeping = await RegistryProcess.start({ deletes: false });
    const endpoint = { host: keeping.host, plainHttp: true };
    const { signal } = new AbortController();
    const client = new RegistryClient({ endpoint, credentials: undefined, requests: requestsFor(2), signal });
    try {
        const base = parseMirrorBase(`${keeping.host}/mirror`);
        const images = new ProbeImages(planSources(PROOF_RULES, PROOF_RULES, base), { run: "run", owner: PROOF_OWNER });
        await images.push(client);
        expect(await images.remove(client)).toEqual([
            expect.stringMatching(
                /^images of the probe stay in \S+only-in-mirror \(tags probe-[0-9a-f]{12}-…, less than 20 kB each run\): the registry does not let the account delete$/,
            ),
        ]);
    } finally {
        await client.close();
        await keeping.stop();
    }
});

test("a Harbor project with immutable tags takes the images of each run and keeps them: a note says so, in its words", async () => {
    const authority = await testAuthority();
    const fake = await FakeHarbor.start(await authority.issue());
    const credentials = { username: "admin", password: "Secret1234" };
    fake.harbor.users.push({ ...credentials, sysadmin: true });
    const owned = { project_id: 1, name: "mirror", owner_name: "admin" };
    fake.harbor.projects.push({ ...owned, metadata: { public: "false" }, quota: -1, used: 0, immutable: [{}] });
    const endpoint = { host: fake.host, ca: authority.ca };
    const { signal } = new AbortController();
    const client = new RegistryClient({ endpoint, credentials, requests: requestsFor(2), signal });
    try {
        const sources = planSources(PROOF_RULES, PROOF_RULES, parseMirrorBase(`${fake.host}/mirror`));
        for (const run of ["first", "second"]) {
            const images = new ProbeImages(sources, { run, owner: PROOF_OWNER });
            await images.push(client);
            const [note = "", ...others] = await images.remove(client);
            expect(others).toEqual([]);
            expect(note).toMatch(/^images of the probe stay in \S+only-in-mirror \(tags probe-[0-9a-f]{12}-…, /);
            expect(note).toMatch(/configured as immutable, cannot be deleted/);
        }
        expect(fake.contents.tags(REPOSITORY)).toHaveLength(4);
        fake.harbor.projects[0]?.immutable.pop();
        const images = new ProbeImages(sources, { run: "third", owner: PROOF_OWNER });
        await images.push(client);
        expect(await images.remove(client)).toEqual([]);
        expect(fake.contents.manifests(REPOSITORY)).toEqual([]);
    } finally {
        await client.close();
        await fake.stop();
    }
});
