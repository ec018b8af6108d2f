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
    /** Why the operator renders nothing of what the cluster has now, and what to do. */
    readonly refusal?: { readonly problem: string; readonly fix: string };
}

/**
 * What nodes get of our mirror objects, on the cluster as it is now.
 * @param objects ours, as they were written
 * @throws ClusterError; PassthroughError as `registriesConf` and `readExistingCluster` do
 */
export async function expectedRules(client: ClusterClient, objects: readonly MirrorObject[]): Promise<ExpectedRules> {
    const existing = await readExistingCluster(client);
    const ours = registriesConf(objects, existing.version).registry ?? [];
    const { registriesConf: all, refusals } = surveyCluster(existing, { objects, version: existing.version });
    const [first] = refusals;
    if (all === undefined && first !== undefined) {
        const { object, problem, fix } = first;
        return { rules: ours, refusal: { problem: `${object}: ${problem}`, fix } };
    }
    const blocked = new Set((all?.registry ?? []).filter((rule) => rule.blocked === true).map(ruleScope));
    return { rules: ours.map((rule) => ({ ...rule, blocked: blocked.has(ruleScope(rule)) })) };
}

/**
 * The sources whose rules a registries.conf does not have: all their mirrors, each for its form of pulls, and the policy.
 * What it has of others beside them is not looked at.
 */
export function lackingSources({ registry = [] }: RegistriesConf, { rules }: ExpectedRules): string[] {
    const found = new Map(registry.map((rule) => [ruleScope(rule), rule]));
    return rules.filter((rule) => !hasRule(found.get(ruleScope(rule)), rule)).map(ruleScope);
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

function isBlocked({ blocked = false }: RegistryRule): boolean {
    return blocked;
}
