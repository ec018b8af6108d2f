import type { ClusterClient } from "../../kubernetes/cluster-client";
import { readExistingCluster } from "../existing/read-existing-cluster";
import { surveyCluster } from "../existing/survey";
import type { MirrorObject } from "../rules/mirror-object-types";
import { type RegistriesConf, type RegistryMirror, type RegistryRule, registriesConf } from "../rules/registries-conf";
import { ruleScope } from "../rules/registry-sources";

/** Mirror rules as nodes are to have them. */
export interface ExpectedRules {
    /** For each source the mirrors of our objects, and whether it is blocked, which Image/cluster may decide as well. */
    readonly rules: readonly RegistryRule[];
    /** Sources whose rules are to be exactly these; without a rule: none. */
    readonly exact?: readonly ExactRule[];
    /** Why the operator renders nothing of what the cluster has now, and what to do. */
    readonly refusal?: { readonly problem: string; readonly fix: string };
}

/** What nodes are to have of a source that others name as well. */
interface ExactRule {
    readonly source: string;
    /** "refused": nobody can tell, since the operator renders nothing of what the cluster has now. */
    readonly rule?: RegistryRule | "refused" | undefined;
}

/**
 * What nodes get of our mirror objects, on the cluster as it is now.
 * @param objects ours, as they were written
 * @param changedSources of objects that were created or removed: their rules are to be what all objects say
 * @throws ClusterError; PassthroughError as `registriesConf` and `readExistingCluster` do
 */
export async function expectedRules(
    client: ClusterClient,
    objects: readonly MirrorObject[],
    changedSources: readonly string[] = [],
): Promise<ExpectedRules> {
    const existing = await readExistingCluster(client);
    const ours = registriesConf(objects, existing.version).registry ?? [];
    const { registriesConf: all, refusals } = surveyCluster(existing, { objects, version: existing.version });
    const [first] = refusals;
    if (all === undefined && first !== undefined) {
        const { object, problem, fix } = first;
        const exact = changedSources.map((source): ExactRule => ({ source, rule: "refused" }));
        return { rules: ours, exact, refusal: { problem: `${object}: ${problem}`, fix } };
    }
    const rendered = new Map((all?.registry ?? []).map((rule) => [ruleScope(rule), rule]));
    return {
        rules: ours.map((rule) => ({ ...rule, blocked: isBlocked(rendered.get(ruleScope(rule)) ?? {}) })),
        exact: changedSources.map((source) => ({ source, rule: rendered.get(source) })),
    };
}

/**
 * The sources whose rules a registries.conf does not have: all their mirrors, each for its form of pulls, and the policy.
 * What it has of others beside them is not looked at, but for sources of objects that were changed.
 */
export function lackingSources({ registry = [] }: RegistriesConf, { rules, exact = [] }: ExpectedRules): string[] {
    const found = new Map(registry.map((rule) => [ruleScope(rule), rule]));
    const lacking = rules.filter((rule) => !hasRule(found.get(ruleScope(rule)), rule)).map(ruleScope);
    const different = exact.filter(({ source, rule }) => !isSameRule(found.get(source), rule));
    return [...new Set([...lacking, ...different.map(({ source }) => source)])];
}

function isSameRule(found: RegistryRule | undefined, expected: ExactRule["rule"]): boolean {
    if (expected === "refused") return false;
    if (found === undefined || expected === undefined) return found === expected;
    return hasRule(found, expected) && hasRule(expected, found);
}

function hasRule(found: RegistryRule | undefined, expected: RegistryRule): boolean {
    if (found === undefined || isBlocked(found) !== isBlocked(expected)) return false;
    if ((found["mirror-by-digest-only"] ?? false) !== (expected["mirror-by-digest-only"] ?? false)) return false;
    const isFound = (mirror: RegistryMirror) =>
        found.mirror?.some(
            (other) => other.location === mirror.location && other["pull-from-mirror"] === mirror["pull-from-mirror"],
        );
    return expected.mirror?.every(isFound) ?? true;
}

function isBlocked({ blocked = false }: Pick<RegistryRule, "blocked">): boolean {
    return blocked;
}
