import { join } from "node:path";
import { PROBE_NAMESPACE } from "../../lib/openshift";
import { TestCluster, createClusterSite, stopSite, writeKubeconfig } from "../support/cluster-site";
import { runOnCrio } from "../support/crio-node";
import { descendants } from "../support/processes";
import { Contents } from "../support/registry-contents";
import { type PodScript, ScriptedKubelet, type ScriptedPod } from "../support/scripted-kubelet";
import { FIXTURES, type TestSite } from "../support/site";

jest.setTimeout(900_000);

const VERSION = "4.16.20";
const SOURCES = ["docker.io", "quay.io", "registry.redhat.io"];
/** Two pools with nodes, and three pulls of each source. */
const PODS = 2 * SOURCES.length * 3;
const WAITING = new RegExp(`waiting for \\d+ pods in ${PROBE_NAMESPACE}`);

let cluster: TestCluster | undefined;
let site: TestSite | undefined;

beforeEach(() => {
    [cluster, site] = [undefined, undefined];
});
afterEach(() => stopSite(cluster, site));

/** A site, and a cluster whose nodes really look into the site's registry. */
async function start(): Promise<ProofSite> {
    [site, cluster] = await Promise.all([
        createClusterSite(join(FIXTURES, "with-mapping")),
        TestCluster.start("4.16", VERSION),
    ]);
    return new ProofSite(site, cluster);
}

class ProofSite {
    readonly kubelet: ScriptedKubelet;
    private readonly contents: Contents;

    constructor(
        readonly site: TestSite,
        readonly cluster: TestCluster,
    ) {
        this.contents = new Contents(site.registry);
        this.kubelet = new ScriptedKubelet(cluster.server.admin, PROBE_NAMESPACE, (pod) => this.pulled(pod));
        cluster.add(this.kubelet);
        // Lines as they come, in place of one every ten seconds.
        site.stack.setVariable("REGISTRY_PASSTHROUGH_PROGRESS", "row");
    }

    configure(kubeconfigFile: string, changes: { proof?: object; allowRemoval?: boolean } = {}): void {
        const { proof = {}, ...others } = changes;
        const keys = { version: VERSION, contactSource: "allow", apply: { kubeconfigFile }, proof, ...others };
        this.site.stack.configure(this.site.document({ cluster: keys }));
    }

    /** A node that has the rules. */
    pulled(pod: ScriptedPod): PodScript {
        const mirror = `${this.site.registry.host}/mirror`;
        return runOnCrio({ mirror, find: (image) => this.find(image) }, pod);
    }

    /** A node whose own file of rules goes first: other images under the same tags, and no other image. */
    pulledElsewhere(pod: ScriptedPod): PodScript {
        const find = (image: string) => (image.includes("@") ? undefined : `sha256:${"e".repeat(64)}`);
        return runOnCrio({ find }, pod);
    }

    private find(image: string): string | undefined {
        const [, name = "", tag, digest = ""] = /^([^:@]+)(?::([^@]+))?(?:@(.*))?$/.exec(image) ?? [];
        const repository = `mirror/${name}`;
        if (tag === undefined) return this.contents.manifests(repository).find((known) => known === digest);
        return this.contents.tags(repository).includes(tag) ? this.contents.tagged(repository, tag) : undefined;
    }

    /** Of the images of the proof, in all repositories. */
    tags(): string[] {
        return SOURCES.flatMap((source) => this.contents.tags(`mirror/${source}/passthrough-probe/only-in-mirror`));
    }

    async pods(): Promise<string[]> {
        const found = await this.cluster.server.admin.list({ apiVersion: "v1", kind: "Pod" }, PROBE_NAMESPACE);
        return found.map(({ metadata }) => metadata.name);
    }

    /** Settles when a command has created pods; nothing announces them. */
    async podsExist(): Promise<void> {
        while ((await this.pods()).length === 0) await this.cluster.settled();
    }

    /** What a proof has left, once the controllers have done what they have to. */
    async left(): Promise<object> {
        await this.cluster.settled();
        const metadata = { name: PROBE_NAMESPACE };
        const namespace = await this.cluster.server.admin.get({ apiVersion: "v1", kind: "Namespace", metadata });
        return { namespace, pods: await this.pods(), tags: this.tags() };
    }
}

const NOTHING = { namespace: undefined, pods: [], tags: [] };

/** The results that state has. */
async function results({ stack }: TestSite): Promise<readonly string[] | undefined> {
    const { deployment } = JSON.parse(await stack.state()) as {
        deployment: { resources?: { type: string; outputs?: { results?: string[] } }[] };
    };
    return deployment.resources?.find(({ type }) => type.endsWith(":ClusterProof"))?.outputs?.results;
}

test("up proves each pool once, names the pool that pulls from elsewhere, and leaves nothing, interrupted or killed", async () => {
    const proof = await start();
    const { kubelet } = proof;
    const { stack } = proof.site;
    const kubeconfigFile = writeKubeconfig(proof.site, proof.cluster.server.kubeconfig);
    proof.configure(kubeconfigFile);

    expect((await stack.preview()).text).toContain("a node of each pool will pull test images");
    expect(kubelet.seen).toEqual([]);

    kubelet.script = (pod) => (pod.nodes[0] === "worker-0" ? proof.pulledElsewhere(pod) : proof.pulled(pod));
    const failed = await stack.up("--skip-preview");
    expect(failed.code).not.toBe(0);
    expect(failed.text).toMatch(/cluster-proof[^]*error: PROBE_FAILED/);
    expect(failed.text).toMatch(/master: quay\.io by digest: proven from the mirror \(node master-0\)/);
    expect(failed.text).toMatch(
        /worker: quay\.io by digest: failed \(node worker-0\): nobody that the node asked has it: it did not ask the mirror/,
    );
    expect(failed.text).toMatch(
        /worker: quay\.io by tag: failed \(node worker-0\): the node reports another image than was pushed: sha256:e/,
    );
    expect(await proof.left()).toEqual(NOTHING);
    expect(await results(proof.site)).toBeUndefined();

    kubelet.script = (pod) => proof.pulled(pod);
    kubelet.isPaused = true;
    const up = stack.startUp();
    await up.says(WAITING);
    kubelet.isPaused = false;
    const passed = await up.done;
    expect(passed).toMatchObject({ code: 0 });
    expect(passed.text).toContain("nodes pull through the mirror:");
    expect(await results(proof.site)).toHaveLength(PODS);
    expect(await proof.left()).toEqual(NOTHING);

    const before = kubelet.seen.length;
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });
    expect(kubelet.seen).toHaveLength(before);

    proof.configure(kubeconfigFile, { proof: { rerun: "2" } });
    kubelet.isPaused = true;
    const interrupted = stack.startUp();
    await interrupted.says(WAITING);
    expect(proof.tags()).not.toEqual([]);
    interrupted.child.kill("SIGINT");
    const end = await interrupted.done;
    expect(end.code).not.toBe(0);
    expect(end.text).toContain("the run was interrupted");
    expect(await proof.left()).toEqual(NOTHING);

    const killed = stack.startUp();
    await killed.says(WAITING);
    for (const provider of descendants(killed.child.pid ?? 0, "cmd/dynamic-provider"))
        process.kill(provider, "SIGKILL");
    expect((await killed.done).code).not.toBe(0);
    expect(await proof.pods()).toHaveLength(PODS);
    expect(proof.tags()).toHaveLength(2 * SOURCES.length);
    kubelet.isPaused = false;
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await proof.left()).toEqual(NOTHING);

    const proven = kubelet.seen.length;
    proof.configure(kubeconfigFile, { proof: { rerun: "2" }, allowRemoval: true });
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await stack.destroy("--skip-preview")).toMatchObject({ code: 0 });
    expect(kubelet.seen).toHaveLength(proven);
    expect(await proof.left()).toEqual(NOTHING);
});

test("selftest --kubeconfig has nodes prove the rules of the stack: exit code, text, JSON, and nothing left after Ctrl-C", async () => {
    const proof = await start();
    const { kubelet } = proof;
    const { stack } = proof.site;
    const kubeconfigFile = writeKubeconfig(proof.site, proof.cluster.server.kubeconfig);
    proof.configure(kubeconfigFile);
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    const selftest = ["selftest", "--kubeconfig", kubeconfigFile];

    const passed = await stack.passthrough(...selftest);
    expect(passed).toMatchObject({ code: 0 });
    expect(passed.out).toMatch(
        /^pull by a node +ok +master: quay\.io by tag: proven from the mirror \(node master-0\): /m,
    );
    expect(passed.out.match(/^pull by a node +ok/gm)).toHaveLength(PODS);
    expect(await proof.left()).toEqual(NOTHING);

    kubelet.script = (pod) => (pod.nodes[0] === "worker-0" ? proof.pulledElsewhere(pod) : proof.pulled(pod));
    const failed = await stack.passthrough(...selftest, "--json");
    expect(failed.code).toBe(1);
    const steps = failed.out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { step: string; outcome: string; detail: string });
    const ofNodes = steps.filter(({ step }) => step === "pull by a node");
    expect(ofNodes.filter(({ outcome }) => outcome === "done")).toHaveLength(PODS / 2);
    const refused = ofNodes.filter(({ outcome }) => outcome === "failed").map(({ detail }) => detail);
    expect(refused).toHaveLength(PODS / 2);
    for (const detail of refused) expect(detail).toMatch(/^worker: \S+ by .*: failed \(node worker-0\): /);
    expect(await proof.left()).toEqual(NOTHING);

    kubelet.isPaused = true;
    const { child, done } = stack.startPassthrough(...selftest);
    await proof.podsExist();
    expect(proof.tags()).toHaveLength(2 * SOURCES.length);
    child.kill("SIGINT");
    expect(await done).toMatchObject({ code: 130, error: expect.stringContaining("interrupted by SIGINT") as string });
    expect(await proof.left()).toEqual(NOTHING);
});
