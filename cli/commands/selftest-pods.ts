import { flattenKubeconfigFile } from "../../lib/kubernetes/kubeconfig";
import { connectCluster } from "../../lib/kubernetes/connect";
import type { MirrorBase } from "../../lib/mirror/mirror-reference";
import type { RegistryClient } from "../../lib/distribution/client/registry-client";
import {
    PROBE_NAMESPACE,
    type ProbeResult,
    clusterOwner,
    formatProbeResult,
    isProbeFine,
    parseRegistriesConf,
} from "../../lib/openshift";
import { SYSTEM_CLOCK } from "../../lib/openshift/rollout/system-clock";
import { type SelftestStep, firstRepositories, proveCluster } from "../../lib/passthrough";
import type { SiteCluster } from "../../lib/site";
import { printDiagnostic, withoutSecrets } from "../terminal/output";
import { statusLine } from "../terminal/status-line";

/** What the pods of a selftest need beside the clients. */
export interface PodsRequest {
    readonly kubeconfigFile: string;
    /** Absent: its current-context. */
    readonly context?: string | undefined;
    readonly cluster: SiteCluster;
    /** The stack's own name. */
    readonly stack: string;
    /** What a node makes of the stack's mirror rules, TOML. */
    readonly registriesConf: string;
    /** Source references of images that keep their upstream name, where the account that pushes makes no repositories. */
    readonly images?: readonly string[] | undefined;
    /** Letters and digits, others in each run. */
    readonly run: string;
    /** A client with the account that pushes, which nothing interrupts; the caller closes it. */
    readonly removing: () => RegistryClient;
    readonly signal: AbortSignal;
}

/** Interrupted or not: what is left would stay in the cluster. */
const CLEANING_MS = 60_000;

/**
 * Has nodes of each pool of a cluster pull what only the mirror has.
 * @param onStep gets one step for each pool, source and form of pull
 * @returns true if all of them do
 */
export async function provePods(
    pushing: RegistryClient,
    base: MirrorBase,
    request: PodsRequest,
    onStep: (step: SelftestStep) => void,
): Promise<boolean> {
    const { cluster, context, kubeconfigFile, registriesConf, images, run, signal } = request;
    const kubeconfig = flattenKubeconfigFile(kubeconfigFile, context);
    const repositories = firstRepositories(images ?? []);
    const status = statusLine();
    const client = await connectCluster({ kubeconfig, signal });
    try {
        const { results, notes, isProven } = await proveCluster({
            ...{ cluster: client, pushing, base, run, signal, clock: SYSTEM_CLOCK },
            wanted: parseRegistriesConf(registriesConf, "the stack's output registriesConf"),
            existing: (source) => repositories.get(source),
            namespace: cluster.proof?.namespace ?? PROBE_NAMESPACE,
            // The project's own name: an `up` of the same stack takes what is left for its own, and removes it.
            owner: clusterOwner(`registry-passthrough/${request.stack}`, cluster.name),
            onProgress: (text) => status.show(text),
            cleaning: async (use) => {
                const own = await connectCluster({ kubeconfig, signal: AbortSignal.timeout(CLEANING_MS) });
                const registry = request.removing();
                return use(own, registry).finally(() => Promise.all([own.close(), registry.close()]));
            },
        }).finally(() => status.end());
        for (const note of notes) printDiagnostic(withoutSecrets(`note: ${note}`));
        for (const result of results) onStep(toStep(result));
        return isProven;
    } finally {
        await client.close();
    }
}

function toStep(result: ProbeResult): SelftestStep {
    const outcome = result.outcome === "proven" ? "done" : isProbeFine(result) ? "note" : "failed";
    return { step: "pull by a node", outcome, detail: formatProbeResult(result) };
}
