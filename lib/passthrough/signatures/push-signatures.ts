import { MAX_NAMES } from "../../errors/format";
import { PassthroughError } from "../../errors/errors";
import { counted, firstLines } from "../../errors/text";
import type { NamedProblem } from "../../errors/problem";
import { type ImportPlan, signedDigest } from "../../import";
import type { Digest } from "../../oci/digest";
import { parseSourceKey, repositoryName } from "../../oci/reference";
import { type PushSignatures, type SignaturePolicy, policiesOf } from "../../signatures";
import type { MirrorOfSets, OpenSet } from "./archive-reader";
import { checkSetSignatures } from "./archive-signatures";
import { type RequiredSignatures, countRefused, refusedImageLines } from "./required-signatures";

const FIX =
    "bring their signatures with a set of the site or into the mirror (docs/how-to/signatures.md#what-counts), or leave the " +
    "images out with exclude";

/**
 * Judges what a plan pushes of a set, and images that get other signatures by it, as nodes will when it is in the mirror.
 * @param warn gets the images that they will refuse
 * @throws PassthroughError `IMAGES_UNSIGNED` if they will by a policy with `beforePush: refuse`, or if that is not known
 */
export async function checkBeforePush(
    plan: ImportPlan,
    set: OpenSet,
    { rules, refusing, others }: PushSignatures,
    mirror: MirrorOfSets,
    { place, warn }: { readonly place: string; readonly warn: (text: string) => void },
): Promise<void> {
    const sources = new Set(plan.push.map(({ task }) => task.source));
    const judged = new Set([...sources, ...resigned(set.lock, sources)]);
    const { host: mirrorHost } = mirror.base;
    const report = await checkSetSignatures(set, { rules, sources: judged, others, mirrorHost, mirror });
    const problems = refusals(report, rules.policies, refusing);
    if (problems.length > 0) throw notPushed(problems, refusing, place);
    const lines = refusalText(report);
    if (lines !== undefined) warn(lines);
}

/** What nodes will refuse, with the fix, as lines of one message; undefined if they accept all images. */
export function refusalText(report: RequiredSignatures, condition = ""): string | undefined {
    const lines = refusedImageLines(report);
    if (lines.length === 0) return undefined;
    const title = `by site.signatures, nodes of 4.20 and later will refuse ${countRefused(report)}${condition}:`;
    return [title, ...firstLines(lines, MAX_NAMES), FIX].join("\n    ");
}

/** Images of the lock whose signatures are among what is pushed: signatures that they had are replaced by these. */
function resigned({ images, manifests }: OpenSet["lock"], pushed: ReadonlySet<string>): string[] {
    const signed = new Set(
        [...pushed].flatMap((source) => {
            const reference = parseSourceKey(source);
            const digest = signedDigest(reference.tag ?? "");
            return digest === undefined ? [] : [`${repositoryName(reference)}@${digest}`];
        }),
    );
    if (signed.size === 0) return [];
    return Object.entries(images).flatMap(([source, digest]) => {
        const repository = repositoryName(parseSourceKey(source));
        const runnable: readonly Digest[] = [digest, ...(manifests[digest]?.manifests ?? [])];
        return runnable.some((one) => signed.has(`${repository}@${one}`)) ? [source] : [];
    });
}

/** What the policies refuse that keep a set from being pushed. */
function refusals(
    { images, unread, covered }: RequiredSignatures,
    policies: readonly SignaturePolicy[],
    refusing: readonly string[],
): NamedProblem[] {
    const isRefusing = (policy: string) => refusing.includes(policy);
    const byPolicy = images.flatMap(({ source, refusals }) => {
        const reasons = refusals
            .filter(({ policy }) => isRefusing(policy))
            .map(({ policy, scope, reason }) => `policy ${policy} on ${scope}: ${reason}`);
        return [...new Set(reasons)].map((problem) => ({ source, problem }));
    });
    const names = new Map(covered.map((pull) => [pull.source, pull.names]));
    const notKnown = unread.flatMap(({ source, problems }) => {
        const deciding = (names.get(source) ?? []).flatMap((name) => policiesOf(policies, name));
        const policy = deciding.find(({ name }) => isRefusing(name));
        if (policy === undefined) return [];
        return [{ source, problem: `policy ${policy.name}: could not be read: ${problems[0]?.problem ?? ""}` }];
    });
    return [...byPolicy, ...notKnown].map(({ source, problem }) => ({
        name: source,
        kind: "image",
        problem: { code: "IMAGES_UNSIGNED", problem },
    }));
}

function notPushed(problems: readonly NamedProblem[], refusing: readonly string[], place: string): PassthroughError {
    const images = new Set(problems.map(({ name }) => name)).size;
    return new PassthroughError(
        `no image of the set was pushed: nodes would refuse ${counted(images, "image")} of it, and site.signatures has ` +
            `beforePush: refuse (${refusing.join(", ")})`,
        { code: "IMAGES_UNSIGNED", place: { file: place }, problems, fix: `${FIX}; or set beforePush: warn` },
    );
}
