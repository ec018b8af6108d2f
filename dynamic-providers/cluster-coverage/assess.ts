import { counted } from "../../lib/errors/text";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import { parseBoundedJson } from "../../lib/oci/bounded-json";
import { type Reference, formatReference, parseReference, repositoryName } from "../../lib/oci/reference";
import {
    type ClusterImages,
    type MirrorObject,
    type RegistriesConf,
    findOwnPair,
    neverInForce,
    readClusterImages,
    readExistingCluster,
    rulesToBe,
} from "../../lib/openshift";
import { type CoveredImage, type NeverDecision, coverage, decideNever } from "../../lib/passthrough";
import { withRegistry } from "../registry/connection";
import type { RegistryInputs } from "../registry/registry-kind";
import type { RegistryContext } from "../registry/registry-process";
import type { ClusterCoverageInputs } from "./kind";

/** What a cluster's objects name, and what follows from it. */
export interface CoverageAssessment {
    readonly named: ClusterImages;
    readonly images: readonly CoveredImage[];
    readonly decision: NeverDecision;
    /** Sources that the cluster forbids now. */
    readonly inForce: readonly string[];
}

type WillHave = (reference: Reference) => boolean;

/** Images looked up at the same time. */
const CONCURRENCY = 8;

/** How coverage is assessed. */
export interface CoverageOptions {
    /** Images that count as covered before the mirror has them; default: none. */
    readonly willHave?: WillHave;
    /** How long the registry is waited for; default: as the site says. What was not looked up then is unknown. */
    readonly retrySeconds?: number;
}

/**
 * Reads what the cluster's objects name, and looks it up with the puller's account.
 * @throws ClusterError, PassthroughError if the cluster cannot be read. Missing rights to some kinds, and a registry that
 * cannot be asked, are part of the result.
 */
export async function assessCoverage(
    client: ClusterClient,
    inputs: ClusterCoverageInputs,
    context: RegistryContext,
    options: CoverageOptions = {},
): Promise<CoverageAssessment> {
    const wanted = parseBoundedJson(inputs.rules) as readonly MirrorObject[];
    const existing = await readExistingCluster(client);
    const rules = rulesToBe(existing, { objects: wanted, version: inputs.version });
    const { named, images } = await lookUpImages({ client, rules }, inputs, context, options);
    const inForce = neverInForce(findOwnPair(existing.objects, wanted));
    const { candidates = [], accept } = inputs;
    const decision = decideNever({ candidates, inForce, images, unread: named.problems, accept });
    return { named, images, decision, inForce };
}

/** A cluster whose images are looked up, and the rules that their pulls are to follow. */
interface LookUp {
    readonly client: ClusterClient;
    readonly rules: RegistriesConf;
}

/** Every image that the cluster's objects name, and whether the mirror has it. @throws as `assessCoverage` does */
export async function lookUpImages(
    { client, rules }: LookUp,
    inputs: RegistryInputs,
    context: RegistryContext,
    { willHave, ...changes }: CoverageOptions,
): Promise<Pick<CoverageAssessment, "named" | "images">> {
    const named = await readClusterImages(client);
    const images = await withRegistry(
        { ...inputs, concurrency: CONCURRENCY },
        context,
        (registry, mirror, row) =>
            coverage({
                uses: named.uses,
                client: registry,
                mirror,
                rules,
                concurrency: CONCURRENCY,
                willHave,
                onProgress: (done, of) => row.show(`${done} of ${counted(of, "image")} of the cluster looked up`),
            }),
        changes,
    );
    // An interrupt fails the requests, and says nothing about the images.
    context.signal.throwIfAborted();
    return { named, images };
}

/** The images of the sets that this run imports, by their names and by their digests. */
export function declaredImages({ registry }: Pick<RegistryInputs, "registry">, { process }: RegistryContext): WillHave {
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
