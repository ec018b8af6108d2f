import { listEntries, objectLabel } from "../rules/mirror-entries";
import type { ImageDigestMirrorSet, ImageTagMirrorSet, MirrorObject } from "../rules/mirror-object-types";
import type { RegistryMirror, RegistryRule } from "../rules/registries-conf";
import { parseRegistriesConf } from "../rules/registries-toml";
import { ruleScope } from "../rules/registry-sources";

/** Our two objects as the cluster has them now; absent: there is none of that name. */
export interface LivePair {
    readonly digest?: ImageDigestMirrorSet | undefined;
    readonly tag?: ImageTagMirrorSet | undefined;
}

/** Those of a cluster's objects that `planned` replaces, by kind and name. */
export function findOwnPair(objects: readonly MirrorObject[], planned: readonly MirrorObject[]): LivePair {
    const names = new Set(planned.map(objectLabel));
    const own = objects.filter((object) => names.has(objectLabel(object)));
    return {
        digest: own.find((object) => object.kind === "ImageDigestMirrorSet"),
        tag: own.find((object) => object.kind === "ImageTagMirrorSet"),
    };
}

/** A source that is forbidden although not both forms of pulls have a rule for it that forbids it. */
export interface LoneNever {
    readonly source: string;
    /** `incomplete`: pulls of the other form all fail. `different-policies`: the operator renders no rules at all. */
    readonly reason: "incomplete" | "different-policies";
}

/** The registries.conf that a pool's nodes have: of the rendered configuration that the pool has rolled out. */
export interface PoolConfiguration {
    readonly pool: string;
    /** TOML; absent: its nodes have no generated file. */
    readonly registriesConf?: string | undefined;
}

/** Which sources may be forbidden now. */
export interface NeverSources {
    /** Sorted. */
    readonly ready: readonly string[];
    /** Sorted by source; the reason is the end of a sentence that starts with the source. */
    readonly waiting: readonly { readonly source: string; readonly reason: string }[];
}

/** Sources of the live pair that are forbidden alone; the next run must write them with AllowContactingSource. */
export function loneNever(pair: LivePair): LoneNever[] {
    return liveSources(pair).flatMap(({ source, digest, tag }): LoneNever[] => {
        const policies = new Set([...(digest?.policies ?? []), ...(tag?.policies ?? [])]);
        if (!policies.has(true)) return [];
        if (policies.size > 1) return [{ source, reason: "different-policies" }];
        return digest === undefined || tag === undefined ? [{ source, reason: "incomplete" }] : [];
    });
}

/** Sources that the live pair forbids for both forms of pulls, sorted. */
export function neverInForce(pair: LivePair): string[] {
    return liveSources(pair)
        .filter(({ digest, tag }) =>
            [digest, tag].every((form) => form?.policies.size === 1 && form.policies.has(true)),
        )
        .map(({ source }) => source);
}

/**
 * The sources that may carry NeverContactSource: both live objects have them with one policy, and either that policy
 * forbids them already, or the nodes of every pool have the mirrors of both. Without pools nothing is known, so no source
 * that is allowed now is ready.
 * @throws PassthroughError `REGISTRIES_CONF_INVALID`, naming the pool
 */
export function rolledOutNever(pair: LivePair, pools: readonly PoolConfiguration[]): NeverSources {
    const rules = pools.map(({ pool, registriesConf }) => {
        const conf =
            registriesConf === undefined ? {} : parseRegistriesConf(registriesConf, `registries.conf of pool ${pool}`);
        return { pool, rules: new Map((conf.registry ?? []).map((rule) => [ruleScope(rule), rule])) };
    });
    const judged = liveSources(pair).map((live) => ({ source: live.source, reason: waitingReason(live, rules) }));
    return {
        ready: judged.filter(({ reason }) => reason === undefined).map(({ source }) => source),
        waiting: judged.flatMap(({ source, reason }) => (reason === undefined ? [] : [{ source, reason }])),
    };
}

/** What one object has of a source, in all its entries. */
interface LiveForm {
    readonly mirrors: readonly string[];
    /** True for never. */
    readonly policies: ReadonlySet<boolean>;
}

interface LiveSource {
    readonly source: string;
    readonly digest: LiveForm | undefined;
    readonly tag: LiveForm | undefined;
}

function liveSources({ digest, tag }: LivePair): LiveSource[] {
    const digestEntries = digest === undefined ? [] : listEntries(digest);
    const tagEntries = tag === undefined ? [] : listEntries(tag);
    const sources = [...new Set([...digestEntries, ...tagEntries].map(({ source }) => source))].sort();
    const liveForm = (entries: typeof digestEntries, source: string): LiveForm | undefined => {
        const own = entries.filter((entry) => entry.source === source);
        if (own.length === 0) return undefined;
        return {
            mirrors: own.flatMap(({ mirrors }) => mirrors),
            policies: new Set(own.map(({ isNever }) => isNever)),
        };
    };
    return sources.map((source) => ({
        source,
        digest: liveForm(digestEntries, source),
        tag: liveForm(tagEntries, source),
    }));
}

/** Undefined if the source may be forbidden. */
function waitingReason(
    { source, digest, tag }: LiveSource,
    pools: readonly { readonly pool: string; readonly rules: ReadonlyMap<string, RegistryRule> }[],
): string | undefined {
    if (digest === undefined || tag === undefined) {
        return `is not yet in the ${digest === undefined ? "ImageDigestMirrorSet" : "ImageTagMirrorSet"}`;
    }
    if (new Set([...digest.policies, ...tag.policies]).size > 1) return "has different policies in the two objects";
    if (digest.mirrors.length === 0 || tag.mirrors.length === 0) return "has no mirror";
    // Forbidden by both already: to allow it while a pool is busy would open the upstream, and drain every node twice.
    if (digest.policies.has(true)) return undefined;
    if (pools.length === 0) return "is on no machine config pool that is known";
    const behind = pools.find(({ rules }) => {
        const rule = rules.get(source);
        return !serves(rule, "digest-only", digest.mirrors) || !serves(rule, "tag-only", tag.mirrors);
    });
    return behind === undefined ? undefined : `is not yet on the nodes of pool ${behind.pool}`;
}

function serves(
    rule: RegistryRule | undefined,
    form: RegistryMirror["pull-from-mirror"],
    mirrors: readonly string[],
): boolean {
    const served = (rule?.mirror ?? []).filter((mirror) => mirror["pull-from-mirror"] === form);
    return mirrors.every((location) => served.some((mirror) => mirror.location === location));
}
