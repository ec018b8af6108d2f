import { type Reference, formatReference, parseReference, repositoryName } from "../../oci/reference";
import type { RegistriesConf, RegistryRule } from "./registries-conf";
import { ruleScope } from "./registry-sources";

/** One place that the container runtime asks. */
export interface PullAttempt {
    /** What is asked for there: `host/path:tag` or `host/path@sha256:…`. */
    readonly reference: string;
    /** The mirror's or the source's location as the rule names it; the host for a pull without a rule. */
    readonly location: string;
    readonly viaMirror: boolean;
}

/** A place that would be asked, were it not that a blocked rule covers it. */
export interface RefusedAttempt extends PullAttempt {
    /** Prefix of the rule that blocks it. */
    readonly blockedBy: string;
}

/** Where one pull goes. */
export interface PullResolution {
    /** In order; the first that has the manifest serves the image. */
    readonly attempts: readonly PullAttempt[];
    readonly refused: readonly RefusedAttempt[];
    /** True if the source itself may not be contacted. */
    readonly blockedSource: boolean;
    /** Prefix of the one rule that applies; absent if none does. */
    readonly rule?: string;
    /** Why the runtime gives up before it asks anybody; attempts are then empty. */
    readonly failure?: string;
}

/**
 * The one rule that applies to a name `host/path`: of those that match, the one with the longest prefix as it is written,
 * so that `*.example.com` wins over `*.com` and `registry.redhat.io` over `*.redhat.io` (containers/image,
 * pkg/sysregistriesv2, findRegistryWithParsedConfig). Host names match by case. Drop-in files must already be merged into
 * the conf.
 */
export function findRule(conf: RegistriesConf, name: string): RegistryRule | undefined {
    let best: RegistryRule | undefined;
    let longest = 0;
    for (const rule of conf.registry ?? []) {
        const prefix = ruleScope(rule);
        if (prefix.length > longest && matchedLength(name, prefix) > 0) [best, longest] = [rule, prefix.length];
    }
    return best;
}

/**
 * Where a pull goes, exactly as the container runtime decides it (containers-registries.conf(5); containers/image,
 * pkg/sysregistriesv2 and docker): mirrors that take this form of pull in their order, then the source. A reference
 * with tag and digest is a pull by digest, and the tag is not looked up.
 */
export function resolvePull(conf: RegistriesConf, reference: Reference): PullResolution {
    const { registry, repository, digest } = reference;
    const asked = digest === undefined ? reference : { registry, repository, digest };
    const rule = findRule(conf, repositoryName(asked));
    if (rule === undefined) {
        const direct = { reference: formatReference(asked), location: asked.registry, viaMirror: false };
        return { attempts: [direct], refused: [], blockedSource: false };
    }
    const attempts: PullAttempt[] = [];
    const refused: RefusedAttempt[] = [];
    for (const { location, viaMirror } of pullLocations(rule, asked)) {
        const rewritten = rewrite(asked, rule, location);
        if (typeof rewritten === "string") {
            return {
                attempts: [],
                refused: [],
                blockedSource: rule.blocked === true,
                rule: ruleScope(rule),
                failure: rewritten,
            };
        }
        const attempt = { reference: formatReference(rewritten), location: location ?? asked.registry, viaMirror };
        const blocking = findRule(conf, repositoryName(rewritten));
        if (blocking?.blocked === true) refused.push({ ...attempt, blockedBy: ruleScope(blocking) });
        else attempts.push(attempt);
    }
    const blockedSource = refused.some((attempt) => !attempt.viaMirror);
    return { attempts, refused, blockedSource, rule: ruleScope(rule) };
}

/** How much of a name a prefix matches; 0 if it does not. A host also matches itself with a port, as in the runtime. */
function matchedLength(name: string, prefix: string): number {
    if (!prefix.startsWith("*.")) {
        const follows = name.charAt(prefix.length);
        return name.startsWith(prefix) && (follows === "" || follows === "/" || follows === ":") ? prefix.length : 0;
    }
    const domain = prefix.slice(1);
    const host = /^[^:/]*/.exec(name)?.[0] ?? "";
    return host.endsWith(domain) ? host.length : 0;
}

function pullLocations(rule: RegistryRule, asked: Reference): { location: string | undefined; viaMirror: boolean }[] {
    const isDigested = asked.digest !== undefined;
    const refusedForm = isDigested ? "tag-only" : "digest-only";
    const mirrors = rule["mirror-by-digest-only"] === true && !isDigested ? [] : (rule.mirror ?? []);
    return [
        ...mirrors
            .filter((mirror) => mirror["pull-from-mirror"] !== refusedForm)
            .map(({ location }) => ({ location, viaMirror: true })),
        { location: rule.location, viaMirror: false },
    ];
}

/** The reference at a location, or why the runtime refuses to build it. */
function rewrite(asked: Reference, rule: RegistryRule, location: string | undefined): Reference | string {
    if (location === undefined) return asked;
    const text = formatReference(asked);
    const rewritten = location + text.slice(matchedLength(repositoryName(asked), ruleScope(rule)));
    try {
        const reference = parseReference(rewritten);
        return formatReference(reference) === rewritten ? reference : `${rewritten} is not a canonical image reference`;
    } catch {
        return `${rewritten} is not an image reference`;
    }
}
