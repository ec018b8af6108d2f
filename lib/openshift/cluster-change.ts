import { isDeepStrictEqual } from "node:util";
import type { ObjectList } from "./objects/object-list";
import { type NodeEffect, forecastNodeEffect } from "./rules/node-effect";
import type { RegistriesConf, RegistryRule } from "./rules/registries-conf";
import { ruleScope } from "./rules/registry-sources";
import { parseRegistriesConf } from "./rules/registries-toml";

/** What clusters get of a site. */
export interface ClusterConfiguration {
    /** Absent: not known, so objects are not compared. */
    readonly objects?: ObjectList | undefined;
    /** What nodes generate from the mirror objects, TOML. */
    readonly registriesConf: string;
    /** `4.18.20` or `4.18`; absent: not known. */
    readonly version?: string | undefined;
}

/** What happens to one source or object, and what about it changes. */
export interface NamedChange {
    readonly change: "added" | "removed" | "changed";
    readonly name: string;
    readonly detail?: string;
}

/** What a run changes for clusters. */
export interface ClusterChange {
    /** By source of the mirror rules. */
    readonly sources: readonly NamedChange[];
    /** By kind and name; empty also if one side does not know its objects. */
    readonly objects: readonly NamedChange[];
    /** "4.17 -> 4.18"; absent if it stays, or one side does not know it. */
    readonly version?: string;
    /** What applying the new rules does to nodes that have the old ones. */
    readonly effect: NodeEffect;
}

/** Nothing was applied before. */
export const NO_CLUSTER: ClusterConfiguration = {
    objects: {},
    registriesConf: 'unqualified-search-registries = ["registry.access.redhat.com", "docker.io"]\n',
};

/**
 * Compares what clusters have with what they get.
 * @throws PassthroughError `REGISTRIES_CONF_INVALID`, naming which side; `CLUSTER_VERSION_INVALID`
 */
export function compareClusters(before: ClusterConfiguration, after: ClusterConfiguration): ClusterChange {
    const olds = parseRegistriesConf(before.registriesConf, "the old mirror rules");
    const news = parseRegistriesConf(after.registriesConf, "the new mirror rules");
    const isMoved = before.version !== undefined && after.version !== undefined && before.version !== after.version;
    return {
        sources: compareNamed(describeSources(olds), describeSources(news), describeSourceChange),
        objects:
            before.objects === undefined || after.objects === undefined
                ? []
                : compareNamed(before.objects, after.objects, () => undefined),
        ...(isMoved ? { version: `${before.version} -> ${after.version}` } : {}),
        effect: forecastNodeEffect({ registriesConf: olds }, { registriesConf: news }, knownVersion(after.version)),
    };
}

/** True if clusters get what they have. */
export function isSameCluster({ sources, objects, version }: ClusterChange): boolean {
    return sources.length === 0 && objects.length === 0 && version === undefined;
}

/** The newest has no number. */
function knownVersion(version: string | undefined): string | undefined {
    return version === NEWEST ? undefined : version;
}

/** How a `ClusterConfiguration` names the version of a site that gives none. */
export const NEWEST = "newest";

function compareNamed<T>(
    before: Readonly<Record<string, T>>,
    after: Readonly<Record<string, T>>,
    detail: (before: T | undefined, after: T) => string | undefined,
): NamedChange[] {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return names.flatMap((name): NamedChange[] => {
        const [old, now] = [before[name], after[name]];
        if (now === undefined) return [{ change: "removed", name }];
        if (isDeepStrictEqual(old, now)) return [];
        const text = detail(old, now);
        return [
            { change: old === undefined ? "added" : "changed", name, ...(text === undefined ? {} : { detail: text }) },
        ];
    });
}

/** What a source does, by what people call it. */
type SourceText = Readonly<Record<"digests" | "tags" | "upstream", string>>;

function describeSources({ registry = [] }: RegistriesConf): Record<string, SourceText> {
    return Object.fromEntries(registry.map((rule) => [ruleScope(rule), describeSource(rule)]));
}

function describeSource(rule: RegistryRule): SourceText {
    const locations = (refused: "digest-only" | "tag-only") =>
        (rule.mirror ?? []).filter((mirror) => mirror["pull-from-mirror"] !== refused).map(({ location }) => location);
    const tags = rule["mirror-by-digest-only"] === true ? [] : locations("digest-only");
    const listed = (found: readonly string[]) => (found.length === 0 ? "no mirror" : found.join(", "));
    return {
        digests: listed(locations("tag-only")),
        tags: listed(tags),
        upstream: rule.blocked === true ? "forbidden" : "allowed",
    };
}

function describeSourceChange(before: SourceText | undefined, after: SourceText): string {
    const parts = ["digests", "tags", "upstream"] as const;
    if (before !== undefined) {
        const changed = parts.filter((part) => before[part] !== after[part]);
        if (changed.length === 0) return "other settings";
        return changed.map((part) => `${part}: ${before[part]} -> ${after[part]}`).join("; ");
    }
    if (after.digests === after.tags) return `digests and tags: ${after.digests}; upstream: ${after.upstream}`;
    return parts.map((part) => `${part}: ${after[part]}`).join("; ");
}
