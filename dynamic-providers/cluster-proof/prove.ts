import { randomBytes } from "node:crypto";
import { PROBE_NAMESPACE, formatProbeOutcome, formatProbeResult, parseRegistriesConf } from "../../lib/openshift";
import { type ClusterProof, type ClusterProofRequest, proveCluster } from "../../lib/passthrough";
import { clusterError, clusterLine } from "../cluster/cluster-name";
import { withCluster } from "../cluster/connection";
import { withRegistry } from "../registry/connection";
import type { RegistryContext } from "../registry/registry-process";
import type { ClusterProofInputs } from "./kind";

/** An interrupt ends the proof, and not what removes its pods; but the engine does not wait for ever. */
const CLEANING_MS = 60_000;

/**
 * Runs the proof and logs what came of it.
 * @returns one line for each pool, source and form
 * @throws PassthroughError `PROBE_FAILED` if something is not proven, with all that is not
 */
export async function prove(inputs: ClusterProofInputs, context: RegistryContext): Promise<string[]> {
    const found = await withCluster(inputs, context, (cluster) =>
        withRegistry(inputs, context, async (pushing, base, row) =>
            proveCluster({
                ...{ cluster, pushing, base, owner: inputs.owner },
                wanted: parseRegistriesConf(inputs.registriesConf, "the registries.conf of the mirror rules"),
                run: randomBytes(5).toString("hex"),
                namespace: inputs.namespace ?? PROBE_NAMESPACE,
                existing: (source) => existingRepository(inputs, source),
                clock: context.process.clock,
                signal: context.signal,
                onProgress: (text) => row.show(text),
                cleaning: (use) => apart(inputs, context, use),
            }),
        ),
    );
    for (const note of found.notes) context.log.line("warning", clusterLine(inputs, note));
    if (!found.isProven) throw notProven(inputs, found);
    context.log.line("info", clusterLine(inputs, lines("nodes pull through the mirror", found)));
    return found.results.map(formatProbeOutcome);
}

function existingRepository({ repositories }: ClusterProofInputs, registry: string) {
    const repository = new Map(Object.entries(repositories ?? {})).get(registry);
    return repository === undefined ? undefined : { registry, repository };
}

/** Clients of their own: what ends the proof does not end them. */
function apart(
    inputs: ClusterProofInputs,
    context: RegistryContext,
    use: Parameters<ClusterProofRequest["cleaning"]>[0],
): Promise<string[]> {
    const own = { ...context, signal: AbortSignal.timeout(CLEANING_MS) };
    return withCluster(inputs, own, (cluster) => withRegistry(inputs, own, (registry) => use(cluster, registry)));
}

function lines(title: string, { results }: ClusterProof): string {
    return [`${title}:`, ...results.map(formatProbeResult)].join("\n    ");
}

function notProven(inputs: ClusterProofInputs, found: ClusterProof) {
    return clusterError(inputs, lines("it is not proven that nodes pull through the mirror", found), {
        code: "PROBE_FAILED",
        fix: "correct what the lines name; the next `npm run up` proves it again (docs/how-to/prove-pulls.md)",
        isMultiline: true,
    });
}
