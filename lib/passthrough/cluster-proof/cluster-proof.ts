import type { RegistryClient } from "../../distribution/client/registry-client";
import { PassthroughError, errorMessage, toProblem } from "../../errors/errors";
import type { ClusterClient } from "../../kubernetes/cluster-client";
import type { MirrorBase } from "../../mirror/mirror-reference";
import type { Reference } from "../../oci/reference";
import { type RegistriesConf, currentRegistriesConf, readExistingCluster } from "../../openshift";
import type { SelectingPool } from "../../openshift/probe/probe-objects";
import { type NotProbed, type ProbeForm, type SourceProbe, planSources } from "../../openshift/probe/probe-plan";
import { listProbes } from "../../openshift/probe/probe-pods";
import { type ProbePool, probePools } from "../../openshift/probe/probe-pools";
import { type ProbeResult, isProven } from "../../openshift/probe/probe-report";
import { type ClusterNode, ROLLOUT_PATHS } from "../../openshift/rollout/rollout-objects";
import { ProbeImages } from "./probe-content";
import { cleanUp, prepareNamespace } from "./probe-namespace";
import { type ProbeRunOptions, runProbes } from "./probe-runs";

export interface ClusterProofRequest extends Omit<ProbeRunOptions, "run"> {
    /** Of another run in each run: lower-case letters and digits. */
    readonly run: string;
    readonly cluster: ClusterClient;
    /** With the account that pushes. */
    readonly pushing: RegistryClient;
    /** Calls with clients of both that nothing ends which ends the run. */
    readonly cleaning: (
        use: (cluster: ClusterClient, registry: RegistryClient) => Promise<string[]>,
    ) => Promise<string[]>;
    readonly base: MirrorBase;
    /** What nodes make of the site's rules. */
    readonly wanted: RegistriesConf;
    /** A repository below a source that is at the mirror already, where the account that pushes makes none. */
    readonly existing?: (source: string) => Pick<Reference, "registry" | "repository"> | undefined;
}

/** What a cluster has proven. */
export interface ClusterProof {
    readonly isProven: boolean;
    /** By pool, source and form. */
    readonly results: readonly ProbeResult[];
    /** What could not be cleaned up, or read: for people. */
    readonly notes: readonly string[];
}

/**
 * Has one node of each pool pull what only the mirror has, by digest and by tag, and what nobody has. Pods and images are
 * removed however it ends.
 * @throws ClusterError, RegistryError if the cluster or the registry fail; the signal's reason
 */
export async function proveCluster(request: ClusterProofRequest): Promise<ClusterProof> {
    const { cluster, base, wanted, run, existing } = request;
    const { rules, notes } = await readRules(cluster, wanted);
    const pools = await readPools(cluster);
    const sources = planSources(wanted, rules, base, existing);
    const probed = sources.filter(({ notProbed }) => FORMS.some((form) => notProbed[form] === undefined));
    const images = new ProbeImages(probed, request);
    const usable = pools.filter(({ nodes }) => nodes.length > 0);
    const probes = usable.flatMap((pool) =>
        probed.flatMap((source) => listProbes(pool, source, run, images.of(source.source))),
    );
    const notRun = pools.flatMap((pool) => sources.flatMap((source) => withoutProbe(pool, source)));
    const ran = probes.length === 0 ? { results: [], left: [] } : await cleanedUp(request, images, () => runAll());
    const results = sorted([...ran.results, ...notRun]);
    return { isProven: isProven(results), results, notes: [...notes, ...ran.left] };

    async function runAll(): Promise<ProbeResult[]> {
        request.onProgress("pushing the images of the probe");
        await images.push(request.pushing);
        await prepareNamespace(cluster, request);
        return runProbes(cluster, probes, request);
    }
}

const FORMS: readonly ProbeForm[] = ["digest", "tag", "absent"];

/** The rules that the cluster has; where it has no such objects (it is not OpenShift), those of the site. */
async function readRules(cluster: ClusterClient, wanted: RegistriesConf) {
    try {
        const rules = currentRegistriesConf(await readExistingCluster(cluster));
        return rules === undefined
            ? { rules: wanted, notes: ["the operator renders none of the cluster's rules as they are"] }
            : { rules, notes: [] };
    } catch (error) {
        const { code, problem } = toProblem(error);
        if (code === "CLUSTER_KIND_MISSING") return { rules: wanted, notes: [] };
        if (!(error instanceof PassthroughError) || code !== "CLUSTER_FORBIDDEN") throw error;
        return { rules: wanted, notes: [`the cluster's own rules are left out of account: ${problem}`] };
    }
}

async function readPools(cluster: ClusterClient): Promise<ProbePool[]> {
    const pools = await cluster.list<SelectingPool>(ROLLOUT_PATHS.pools);
    return probePools(pools, (await cluster.list<ClusterNode>(ROLLOUT_PATHS.nodes)) ?? []);
}

/** What is not probed of a source in a pool, and why. */
function withoutProbe(pool: ProbePool, { source, notProbed }: SourceProbe): ProbeResult[] {
    return FORMS.flatMap((form) => {
        const why = notProbed[form] ?? withoutNode(pool);
        if (why === undefined) return [];
        return [{ pool: pool.name, source, form, outcome: why.isExpected ? "skipped" : "refused", detail: why.reason }];
    });
}

function withoutNode({ nodes, total }: ProbePool): NotProbed | undefined {
    if (nodes.length > 0) return undefined;
    return total === 0
        ? { reason: "the pool has no nodes", isExpected: true }
        : { reason: "none of its nodes is ready", isExpected: false };
}

function sorted(results: readonly ProbeResult[]): ProbeResult[] {
    const key = ({ pool, source, form }: ProbeResult) => [pool, source, FORMS.indexOf(form)].join(" ");
    return [...results].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** @returns what the action does, and what is left of it, for people */
async function cleanedUp(request: ClusterProofRequest, images: ProbeImages, run: () => Promise<ProbeResult[]>) {
    let results: ProbeResult[];
    try {
        results = await run();
    } catch (error) {
        // What it failed with counts; the next run removes what is left in the cluster.
        await removeAll(request, images).catch(() => undefined);
        throw error;
    }
    return { results, left: await removeAll(request, images) };
}

function removeAll(request: ClusterProofRequest, images: ProbeImages): Promise<string[]> {
    return request.cleaning(async (cluster, registry) => {
        const left = await cleanUp(cluster, request).then(
            () => [],
            (error: unknown) => [`pods of the probe are left, which the next run removes: ${errorMessage(error)}`],
        );
        return [...left, ...(await images.remove(registry))];
    });
}
