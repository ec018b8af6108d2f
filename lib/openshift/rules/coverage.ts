import type { Digest } from "../../oci/digest";
import { type MirrorBase, mirrorReference } from "../../mirror/mirror-reference";
import { type Reference, formatReference, parseSourceKey } from "../../oci/reference";
import type { RegistriesConf } from "./registries-conf";
import { type PullResolution, findRule, rulePrefix, resolvePull } from "./resolve";

/** An image that one form of pull does not bring from the mirror. */
export interface UncoveredImage {
    /** Source key, as in `ImageSet.images`. */
    readonly image: string;
    readonly form: "digest" | "tag";
    /** A whole sentence. */
    readonly reason: string;
}

/** Which pulls the rules redirect to the mirror; lists are sorted by source key. */
export interface Coverage {
    readonly byDigest: readonly string[];
    /** Only images whose key has a tag can be here. */
    readonly byTag: readonly string[];
    readonly uncovered: readonly UncoveredImage[];
}

/**
 * Which images come from the mirror when nodes with this registries.conf pull them. By digest the mirror must be asked
 * at all, since every place has the same bytes; by tag it must be asked first, since the first answer decides.
 * @throws PassthroughError as `parseSourceKey` and `mirrorReference` do
 */
export function coverage(base: MirrorBase, images: Readonly<Record<string, Digest>>, conf: RegistriesConf): Coverage {
    const byDigest: string[] = [];
    const byTag: string[] = [];
    const uncovered: UncoveredImage[] = [];
    for (const [image, digest] of Object.entries(images).sort(([a], [b]) => (a < b ? -1 : 1))) {
        const { registry, repository, tag } = parseSourceKey(image);
        const digestReason = uncoveredReason(base, { registry, repository, digest }, conf);
        if (digestReason === undefined) byDigest.push(image);
        else uncovered.push({ image, form: "digest", reason: digestReason });
        if (tag === undefined) continue;
        const tagReason = uncoveredReason(base, { registry, repository, tag }, conf);
        if (tagReason === undefined) byTag.push(image);
        else uncovered.push({ image, form: "tag", reason: tagReason });
    }
    return { byDigest, byTag, uncovered };
}

function uncoveredReason(base: MirrorBase, source: Reference, conf: RegistriesConf): string | undefined {
    const wanted = formatReference(mirrorReference(base, source));
    const resolution = resolvePull(conf, source);
    const position = resolution.attempts.findIndex((attempt) => attempt.reference === wanted);
    const first = resolution.attempts[0];
    if (position === 0 || (position > 0 && source.digest !== undefined)) return undefined;
    if (position > 0 && first !== undefined) {
        return `Rule ${resolution.rule} asks ${first.location} before the mirror, and the first tag found decides.`;
    }
    return `${missReason(source, wanted, resolution, conf)} ${outcome(resolution)}`;
}

function missReason(source: Reference, wanted: string, resolution: PullResolution, conf: RegistriesConf): string {
    const { rule, failure, refused } = resolution;
    if (failure !== undefined) return `Rule ${rule} makes a name that the container runtime refuses: ${failure}.`;
    if (rule === undefined) return `No rule names ${source.registry}.`;
    const refusal = refused.find((attempt) => attempt.reference === wanted);
    if (refusal !== undefined) return `The mirror itself is blocked by rule ${refusal.blockedBy}.`;
    const form = source.digest === undefined ? "tag" : "digest";
    const elsewhere = [...resolution.attempts, ...refused].find((attempt) => attempt.viaMirror);
    if (elsewhere !== undefined) {
        return `Rule ${rule} sends pulls by ${form} to ${elsewhere.location}${shadowed(rule, conf)}, not to the mirror.`;
    }
    return `Rule ${rule} has no mirror for pulls by ${form}${shadowed(rule, conf)}.`;
}

/** A more specific rule replaces the less specific one completely: say which one it hides. */
function shadowed(rule: string, conf: RegistriesConf): string {
    const parent = rule.includes("/") ? rule.slice(0, rule.lastIndexOf("/")) : undefined;
    const hidden = parent === undefined ? undefined : findRule(conf, parent);
    return hidden === undefined ? "" : ` (and hides rule ${rulePrefix(hidden)})`;
}

function outcome({ attempts, blockedSource, failure }: PullResolution): string {
    if (failure !== undefined) return "The pull fails.";
    if (attempts.some((attempt) => attempt.viaMirror)) return "Another registry serves it, if any does.";
    return blockedSource ? "The source is blocked, so the pull fails." : "The pull goes upstream.";
}
