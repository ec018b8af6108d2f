import { RegistryClient, requestsFor } from "../../lib/distribution/client/registry-client";
import { DEFAULT_RETRY } from "../../lib/distribution/limits/retry";
import { counted } from "../../lib/errors/text";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import { parseBoundedJson } from "../../lib/oci/bounded-json";
import { type Reference, formatReference, parseReference, repositoryName } from "../../lib/oci/reference";
import {
    type ClusterImages,
    type MirrorObject,
    findOwnPair,
    neverInForce,
    readClusterImages,
    readExistingCluster,
    rulesToBe,
} from "../../lib/openshift";
import { AcceptedImages, type CoveredImage, type NeverDecision, coverage, decideNever } from "../../lib/passthrough";
import { registryEndpoint } from "../../lib/site";
import { ProgressRow } from "../lifecycle/progress-row";
import type { RegistryContext } from "../registry/registry-process";
import type { ClusterCoverageInputs } from "./kind";

/** What a cluster's objects name, and what follows from it. */
export interface CoverageAssessment {
    readonly named: ClusterImages;
    readonly images: readonly CoveredImage[];
    readonly decision: NeverDecision;
    /** Patterns that accept no image that is missing; none if not every image is known. */
    readonly unusedAccepts: readonly string[];
    /** Sources that the cluster forbids now. */
    readonly inForce: readonly string[];
}

type WillHave = (reference: Reference) => boolean;

/** Images looked up at the same time. */
const CONCURRENCY = 8;
/** A preview does not wait for a registry that is down: what was not looked up is unknown. */
const RETRY = { ...DEFAULT_RETRY, seconds: 3 };

/**
 * Reads what the cluster's objects name, and looks it up with the puller's account.
 * @param willHave images that count as covered before the mirror has them
 * @throws ClusterError, PassthroughError if the cluster cannot be read. Missing rights to some kinds, and a registry that
 * cannot be asked, are part of the result.
 */
export async function assessCoverage(
    client: ClusterClient,
    inputs: ClusterCoverageInputs,
    context: RegistryContext,
    willHave?: WillHave,
): Promise<CoverageAssessment> {
    const wanted = parseBoundedJson(inputs.rules) as readonly MirrorObject[];
    const existing = await readExistingCluster(client);
    const named = await readClusterImages(client);
    const rules = rulesToBe(existing, { objects: wanted, version: inputs.version });
    const images = await lookUp(inputs, context, (registry, row) =>
        coverage({
            uses: named.uses,
            client: registry,
            mirror: context.process.settings.registry(inputs).mirror,
            rules,
            concurrency: CONCURRENCY,
            willHave,
            onProgress: (done, of) => row.show(`${done} of ${counted(of, "image")} of the cluster looked up`),
        }),
    );
    // An interrupt fails the requests, and says nothing about the images.
    context.signal.throwIfAborted();
    const accepted = new AcceptedImages(inputs.accept);
    const inForce = neverInForce(findOwnPair(existing.objects, wanted));
    const { candidates = [] } = inputs;
    const decision = decideNever({ candidates, inForce, images, unread: named.problems, accepted });
    return {
        named,
        images,
        decision,
        unusedAccepts: named.problems.length > 0 ? [] : accepted.unused(),
        inForce,
    };
}

async function lookUp<T>(
    inputs: ClusterCoverageInputs,
    { process, signal, log }: RegistryContext,
    use: (client: RegistryClient, row: ProgressRow) => Promise<T>,
): Promise<T> {
    const registry = process.settings.registry(inputs);
    const client = new RegistryClient({
        endpoint: registryEndpoint(registry),
        credentials: process.settings.credentials(inputs),
        requests: registry.requests ?? requestsFor(CONCURRENCY),
        maxBody: registry.maxBody,
        retry: RETRY,
        signal,
    });
    const row = new ProgressRow(log);
    try {
        return await use(client, row);
    } finally {
        row.stop();
        await client.close();
    }
}

/** The images of the sets that this run imports, by their names and by their digests. */
export function declaredImages({ registry }: ClusterCoverageInputs, { process }: RegistryContext): WillHave {
    const sets = [...process.declaredSets.at(registry.mirrorBase).values()];
    const names = new Set(
        sets.flatMap(({ wanted }) =>
            Object.entries({ ...wanted.earlier, ...wanted.images }).flatMap(([source, digest]) => [
                source,
                `${repositoryName(parseReference(source))}@${digest}`,
            ]),
        ),
    );
    return (reference) => names.has(formatReference(reference));
}
