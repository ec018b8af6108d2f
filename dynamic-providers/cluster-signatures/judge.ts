import { mapLimited } from "../../lib/concurrency/limiter";
import { MAX_NAMES } from "../../lib/errors/format";
import { counted, firstLines } from "../../lib/errors/text";
import { toImageMap } from "../../lib/import";
import { type ExistingPolicy, policyName, policyTitle } from "../../lib/openshift";
import { checkRequiredSignatures, pullChecks, refusedImageLines } from "../../lib/passthrough";
import { type SignaturePolicy, type SignatureRules, policiesInForce, policiesOf } from "../../lib/signatures";
import { clusterError, clusterLine } from "../cluster/cluster-name";
import { withRegistry } from "../registry/connection";
import type { RegistryContext } from "../registry/registry-process";
import type { ClusterSignaturesInputs } from "./kind";

/** Images asked for at the same time. */
const CONCURRENCY = 8;

/** What nodes make of the images under the policies that are to be written, with those that the cluster has besides. */
export interface Judgement {
    /** Policies of others, as lines: why what nodes refuse because of them is not known. */
    readonly notJudged: readonly string[];
    /** Images that they accept by the policies to be written. */
    readonly accepted: number;
    /** One line for each image that they would refuse because of one of these, or of which that is not known. */
    readonly refused: readonly string[];
    /** The same for policies of others, which are in force already. */
    readonly refusedByOthers: readonly string[];
}

/**
 * Looks up every image under the policies in the mirror, with the account of the nodes, as nodes do: what is not known is
 * not accepted.
 * @param rules of the inputs
 * @param existing the cluster's policies, but for those that are about to be removed
 * @throws RegistryError if the registry cannot be reached
 */
export async function judge(
    inputs: ClusterSignaturesInputs,
    { policies, local }: SignatureRules,
    existing: readonly ExistingPolicy[],
    context: RegistryContext,
): Promise<Judgement> {
    const own = new Set(policies.map(({ name }) => name));
    const others = foreignPolicies(existing, own);
    const rules = { policies: policiesInForce([...policies, ...others], clusterScopes(existing, [...own])), local };
    return withRegistry(inputs, context, async (client, mirror, row) => {
        const { checks } = pullChecks({ ...inputs, images: toImageMap(inputs.images), mirror, wholeImages: 0 });
        const request = { checks, marks: inputs.marks ?? {}, mirrorHost: mirror.host };
        const found = await checkRequiredSignatures(client, rules, request, (read, of) =>
            row.show(`signatures of ${read} of ${counted(of, "image")} read`),
        );
        const known = new Set([...found.images, ...found.unread].map(({ source }) => source));
        const missing = await mapLimited(
            found.covered.filter(({ source }) => !known.has(source)),
            CONCURRENCY,
            async ({ source, repository, digest }) => {
                // A referrer is no image that nodes run.
                const isThere = (await client.manifestHead(repository, digest)) !== undefined;
                return isThere ? [] : [`${source}: it is not in the mirror`];
            },
        );
        const isOwnName = new Set(
            found.covered
                .filter(({ names }) =>
                    names.some((name) => policiesOf(rules.policies, name).some((policy) => own.has(policy.name))),
                )
                .map(({ source }) => source),
        );
        const byOwn = found.images.map((image) => ({
            ...image,
            refusals: image.refusals.filter(({ policy }) => own.has(policy)),
        }));
        const byOthers = found.images.map((image) => ({
            ...image,
            refusals: image.refusals.filter(({ policy }) => !own.has(policy)),
        }));
        const unread = found.unread.filter(({ source }) => isOwnName.has(source));
        return {
            notJudged: notJudged(existing, own),
            accepted: byOwn.filter(({ source, refusals }) => isOwnName.has(source) && refusals.length === 0).length,
            refused: [...refusedImageLines({ images: byOwn, unread }), ...missing.flat()].sort(),
            refusedByOthers: refusedImageLines({ images: byOthers, unread: [] }),
        };
    });
}

/**
 * The scopes of the ClusterImagePolicy objects of others, also of those that this program cannot judge.
 * @param own names of the policies that are to be written: what these have now is about to change
 */
export function clusterScopes(existing: readonly ExistingPolicy[], own: readonly string[]): string[] {
    return existing
        .filter(({ object }) => object.metadata.namespace === undefined && !own.includes(object.metadata.name))
        .flatMap(({ object }) => object.spec.scopes);
}

/** For the log. */
export function namespacesNotRead(reason: string): string {
    return `what nodes refuse because of ImagePolicy objects of namespaces is not known: ${reason}`;
}

/** Policies of the cluster that stay beside ours, and that this program can judge. */
function foreignPolicies(existing: readonly ExistingPolicy[], own: ReadonlySet<string>): SignaturePolicy[] {
    return existing.flatMap(({ policy }) => (policy === undefined || own.has(policy.name) ? [] : [policy]));
}

/** Policies of the cluster that stay beside ours, and that this program cannot judge. */
function notJudged(existing: readonly ExistingPolicy[], own: ReadonlySet<string>): string[] {
    return existing.flatMap(({ object, unjudged }) => {
        const name = policyName(object);
        if (unjudged === undefined || own.has(name)) return [];
        return [`what nodes refuse because of ${policyTitle(name)} is not known: ${unjudged}`];
    });
}

/**
 * Logs what policies of others refuse, and which of them cannot be judged.
 * @throws PassthroughError `IMAGES_UNSIGNED` if nodes would refuse an image, or if that is not known
 */
export function requireAccepted(
    { notJudged: unknown, refused, refusedByOthers }: Judgement,
    inputs: ClusterSignaturesInputs,
    { log }: RegistryContext,
): void {
    for (const text of unknown) log.line("warning", clusterLine(inputs, text));
    if (refusedByOthers.length > 0) {
        const title = `nodes refuse images because of policies that others have given the cluster:`;
        log.line("warning", clusterLine(inputs, [title, ...firstLines(refusedByOthers, MAX_NAMES)].join("\n    ")));
    }
    if (refused.length === 0) return;
    const title =
        `nodes would refuse ${counted(refused.length, "image")} by site.signatures, so no policy was written, and those ` +
        "that the cluster has stay as they are:";
    throw clusterError(inputs, [title, ...firstLines(refused, MAX_NAMES)].join("\n    "), {
        code: "IMAGES_UNSIGNED",
        fix:
            "bring their signatures into the mirror (docs/how-to/signatures.md), narrow the scopes in site.signatures, or " +
            "take the images out of the content; `passthrough verify --signatures` names all",
        isMultiline: true,
    });
}
