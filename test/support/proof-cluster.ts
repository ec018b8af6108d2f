import { randomBytes } from "node:crypto";
import { RegistryClient, requestsFor } from "../../lib/distribution/client/registry-client";
import { DEFAULT_RETRY } from "../../lib/distribution/limits/retry";
import { connectCluster } from "../../lib/kubernetes/connect";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { computeDigest } from "../../lib/oci/digest";
import { PROBE_NAMESPACE, type RegistriesConf } from "../../lib/openshift";
import { probePod } from "../../lib/openshift/probe/probe-pods";
import { type ClusterProof, proveCluster } from "../../lib/passthrough";
import { type ApiServer, startApiServer } from "./api-server";
import type { NamedObject } from "./cluster/api-client";
import { runOnCrio } from "./crio-node";
import { ManualClock } from "./manual-clock";
import { createCluster } from "./openshift-cluster";
import { RegistryProcess } from "./registry-process";
import { type KubeletScript, type PodScript, ScriptedKubelet, type ScriptedPod } from "./scripted-kubelet";

export const PROOF_VERSION = "4.16.20";
/** `clusterOwner` of the stack whose proofs run. */
export const PROOF_OWNER = "registry-passthrough/test";
/** The rules of the site. */
export const PROOF_RULES: RegistriesConf = {
    registry: [{ location: "quay.io", mirror: [{ location: "any.test/mirror/quay.io" }] }],
};

interface ProofOptions {
    readonly kubeconfig?: string;
    readonly namespace?: string;
    readonly owner?: string;
    readonly signal?: AbortSignal;
    readonly onProgress?: (text: string) => void;
}

/**
 * A cluster whose nodes have the rules of a registry, and proofs of it. Time passes while a proof waits, and then its nodes
 * look at its pods.
 */
export class ProofCluster {
    /** Of the proof that runs, or ran last. */
    kubelet: ScriptedKubelet;
    /** What happens when the proof waits, after the nodes have looked. */
    onSleep: () => void | Promise<void> = () => undefined;
    /** Of the proof that runs, or ran last. */
    private run = "";

    private constructor(
        readonly server: ApiServer,
        readonly registry: RegistryProcess,
    ) {
        this.kubelet = new ScriptedKubelet(server.admin, PROBE_NAMESPACE, this.crio);
    }

    static async start(): Promise<ProofCluster> {
        const registry = await RegistryProcess.start();
        const server = await startApiServer({ crds: "4.16" });
        await createCluster(server.admin, { version: PROOF_VERSION, nodes: { master: 1, worker: 2, infra: 0 } });
        for (const kind of ["Digest", "Tag"]) {
            const [list, metadata] = [`image${kind}Mirrors`, { name: `test-${kind.toLowerCase()}` }];
            const mirrors = [`${registry.host}/mirror/quay.io`];
            const entry = { source: "quay.io", mirrors, mirrorSourcePolicy: "NeverContactSource" };
            const object = { apiVersion: "config.openshift.io/v1", kind: `Image${kind}MirrorSet`, metadata };
            await server.admin.create({ ...object, spec: { [list]: [entry] } } as NamedObject);
        }
        return new ProofCluster(server, registry);
    }

    async stop(): Promise<void> {
        await this.server.stop();
        await this.registry.stop();
    }

    async prove(script: KubeletScript = this.crio, options: ProofOptions = {}): Promise<ClusterProof> {
        const { kubeconfig = this.server.kubeconfig, namespace = PROBE_NAMESPACE, owner = PROOF_OWNER } = options;
        const { signal = new AbortController().signal, onProgress = () => undefined } = options;
        const kubelet = new ScriptedKubelet(this.server.admin, namespace, script);
        this.kubelet = kubelet;
        const clock = new ManualClock();
        clock.onSleep = async () => {
            await kubelet.pass();
            await this.onSleep();
        };
        this.run = randomBytes(4).toString("hex");
        const [cluster, pushing] = [await connectCluster({ kubeconfig, signal }), this.registryClient()];
        try {
            return await proveCluster({
                ...{ cluster, pushing, wanted: PROOF_RULES, owner, namespace, clock, signal, onProgress },
                base: parseMirrorBase(`${this.registry.host}/mirror`),
                run: this.run,
                cleaning: async (use) => {
                    const [own, removing] = [await connectCluster({ kubeconfig }), this.registryClient()];
                    return use(own, removing).finally(() => Promise.all([own.close(), removing.close()]));
                },
            });
        } finally {
            await Promise.all([cluster.close(), pushing.close()]);
        }
    }

    registryClient(): RegistryClient {
        return new RegistryClient({
            endpoint: { host: this.registry.host, plainHttp: true },
            credentials: undefined,
            requests: requestsFor(2),
            retry: { ...DEFAULT_RETRY, seconds: 0 },
            signal: new AbortController().signal,
        });
    }

    /** As CRI-O on a node that has the rules; a kubelet may report no image. */
    readonly crio = (pod: ScriptedPod): PodScript => {
        const mirror = `${this.registry.host}/mirror`;
        const find = (image: string) => (this.isAbsent(image) ? undefined : "unknown");
        const { imageID: _, ...rest } = runOnCrio({ mirror, isUpstreamForbidden: true, find }, pod);
        return rest;
    };

    /** The image that was not pushed. */
    isAbsent(image: string): boolean {
        return image.endsWith(computeDigest(`registry-passthrough: nobody has this ${this.run}`));
    }

    /** A pod of a proof of this owner, as a run leaves it that is killed. */
    probePod(name: string, namespace = PROBE_NAMESPACE, owner = PROOF_OWNER): NamedObject {
        const pool = { name: "worker", nodes: ["worker-0"], total: 1 };
        return probePod({ pool, image: "quay.io/a/b:1" }, name, { namespace, owner }) as NamedObject;
    }

    async namespaces(): Promise<string[]> {
        const found = await this.server.admin.list({ apiVersion: "v1", kind: "Namespace" });
        return found.map(({ metadata }) => metadata.name);
    }

    async pods(namespace = PROBE_NAMESPACE): Promise<string[]> {
        const found = await this.server.admin.list({ apiVersion: "v1", kind: "Pod" }, namespace);
        return found.map(({ metadata }) => metadata.name);
    }

    /** Of the images of proofs that the registry has. */
    async imageTags(): Promise<string[]> {
        const client = this.registryClient();
        try {
            return (await client.tagList("mirror/quay.io/passthrough-probe/only-in-mirror")) ?? [];
        } finally {
            await client.close();
        }
    }

    /** The namespace controller and the kubelets go on until this holds. */
    async until(condition: () => Promise<boolean>): Promise<void> {
        while (!(await condition())) await this.kubelet.pass();
    }
}

/** "worker digest proven" */
export function summarize({ results }: ClusterProof): string[] {
    return results.map(({ pool, form, outcome }) => `${pool} ${form} ${outcome}`);
}
