import { isNestedScope } from "../../oci/scope";
import { PassthroughError } from "../../errors/errors";
import type { RegistryMirror, RegistryRule } from "./registries-conf-types";

/** `spec.registrySources` of `Image/cluster`. */
export interface RegistrySources {
    /** Reached without verified TLS. */
    readonly insecureRegistries?: readonly string[] | undefined;
    /** Never contacted, and rejected by policy.json. */
    readonly blockedRegistries?: readonly string[] | undefined;
    /** If there are any, policy.json rejects everything else. */
    readonly allowedRegistries?: readonly string[] | undefined;
    /** Written to a drop-in of registries.conf.d. */
    readonly containerRuntimeSearchRegistries?: readonly string[] | undefined;
}

/** True if the operator accepts it in a list of registries: no wildcard, or `*.host` alone. */
export function isRegistryScope(scope: string): boolean {
    if (scope === "" || !scope.includes("*")) return scope !== "";
    return scope.startsWith("*.") && !/[/@:*]/.test(scope.slice(2));
}

/** What a rule is matched by. */
export function ruleScope({ prefix, location }: RegistryRule): string {
    return prefix ?? location ?? "";
}

/** A rule of this scope that says nothing yet. */
export function emptyRule(scope: string): RegistryRule {
    return scope.startsWith("*.") ? { prefix: scope } : { location: scope };
}

/**
 * Adds insecure and blocked registries to the rules of mirrors, as openshift/runtime-utils does (pkg/registries,
 * EditRegistriesConfig). Only the most specific rule counts for a pull, so what applies to a scope is copied to the rules
 * below it. A blocked or insecure scope below a source gets that source's mirrors, but not its policy.
 * @param mirrored sources in the order in which the operator hands their mirrors down
 * @throws PassthroughError `MIRROR_WILDCARD_CONFLICT`
 */
export function withRegistrySources(
    rules: readonly RegistryRule[],
    mirrored: readonly string[],
    { insecureRegistries = [], blockedRegistries = [] }: RegistrySources,
): RegistryRule[] {
    const withBlocked = addScopes(rules, blockedRegistries);
    const insecure = insecureRegistries.reduce<readonly RegistryRule[]>(
        (found, scope) => addScopes(found, [scope]).map((rule) => markInsecure(rule, scope)),
        withBlocked,
    );
    const blocked = insecure.map((rule) =>
        blockedRegistries.some((scope) => isNestedScope(ruleScope(rule), scope)) ? { ...rule, blocked: true } : rule,
    );
    return mirrored.reduce(handDownMirrors, blocked);
}

function addScopes(rules: readonly RegistryRule[], scopes: readonly string[]): RegistryRule[] {
    const known = new Set(rules.map(ruleScope));
    const added = [...new Set(scopes)].filter((scope) => !known.has(scope));
    return [...rules, ...added.map(emptyRule)];
}

function markInsecure(rule: RegistryRule, scope: string): RegistryRule {
    const mirror = rule.mirror?.map((one): RegistryMirror =>
        isNestedScope(one.location, scope) ? { ...one, insecure: true } : one,
    );
    return {
        ...rule,
        ...(isNestedScope(ruleScope(rule), scope) ? { insecure: true } : {}),
        ...(mirror === undefined ? {} : { mirror }),
    };
}

function handDownMirrors(rules: RegistryRule[], source: string): RegistryRule[] {
    const parent = rules.find((rule) => ruleScope(rule) === source);
    return rules.map((rule) => {
        const scope = ruleScope(rule);
        const isOpen = scope !== source && isNestedScope(scope, source) && (rule.mirror ?? []).length === 0;
        if (parent === undefined || !isOpen) return rule;
        if (source.startsWith("*.")) throw wildcardConflict(source, scope);
        const digestOnly = parent["mirror-by-digest-only"];
        const suffix = scope.slice(source.length);
        return {
            ...rule,
            ...(digestOnly === undefined ? {} : { "mirror-by-digest-only": digestOnly }),
            mirror: (parent.mirror ?? []).map((one) => ({ ...one, location: `${one.location}${suffix}` })),
        };
    });
}

function wildcardConflict(source: string, scope: string): PassthroughError {
    return new PassthroughError(
        `${scope} of Image/cluster lies inside it, and the operator cannot hand the mirrors of a wildcard down`,
        {
            code: "MIRROR_WILDCARD_CONFLICT",
            thing: `mirror source ${source}`,
            fix: `take ${scope} out of blockedRegistries and insecureRegistries of Image/cluster, or name the hosts one by one instead of ${source}`,
        },
    );
}
