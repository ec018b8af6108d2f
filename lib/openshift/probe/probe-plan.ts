import { type MirrorBase, mirrorReference } from "../../mirror/mirror-reference";
import type { Digest } from "../../oci/digest";
import { type Reference, formatReference, repositoryName } from "../../oci/reference";
import type { RegistriesConf } from "../rules/registries-conf";
import { ruleScope } from "../rules/registry-sources";
import { resolvePull } from "../rules/resolve";

/** Pulls by digest and by tag, which different rules redirect, and one of a digest that nobody has. */
export type ProbeForm = "digest" | "tag" | "absent";

type Repository = Pick<Reference, "registry" | "repository">;

/** Why something is not probed. */
export interface NotProbed {
    readonly reason: string;
    /** It is as the rules say, and so nothing is wrong. */
    readonly isExpected: boolean;
}

/** What is probed of one upstream that the rules redirect. */
export interface SourceProbe {
    /** As the rule names it: `quay.io`. */
    readonly source: string;
    /** What pods name; no image of it is upstream. */
    readonly upstream: Repository;
    /** Where it is at the mirror. */
    readonly mirror: Repository;
    /** The rules forbid to ask the upstream. */
    readonly isUpstreamForbidden: boolean;
    /** Absent: the cluster's rules redirect this form of pull to the mirror. */
    readonly notProbed: Readonly<Partial<Record<ProbeForm, NotProbed>>>;
}

/** A path that exists at no upstream, below whatever a rule is for. */
const ONLY_IN_MIRROR = "passthrough-probe/only-in-mirror";
const ANY_DIGEST: Digest = `sha256:${"0".repeat(64)}`;

/**
 * What can be probed, by source. Each rule gets a path that it covers.
 * @param wanted the rules of the site, as nodes should have them
 * @param current the rules of the cluster as they are
 * @param existing a repository below a source that is at the mirror already, for accounts that create none
 * @throws PassthroughError as `mirrorReference` does
 */
export function planSources(
    wanted: RegistriesConf,
    current: RegistriesConf,
    base: MirrorBase,
    existing: (source: string) => Repository | undefined = () => undefined,
): SourceProbe[] {
    const sources = (wanted.registry ?? []).filter(({ mirror }) => (mirror ?? []).length > 0).map(ruleScope);
    return [...new Set(sources)]
        .filter((source) => !source.startsWith("*"))
        .sort()
        .map((source) => planSource(source, existing(source) ?? onlyInMirror(source), { wanted, current }, base));
}

function onlyInMirror(source: string): Repository {
    const [registry = "", ...path] = source.split("/");
    return { registry, repository: [...path, ONLY_IN_MIRROR].join("/") };
}

/** The rules of the site, and those of the cluster. */
interface Rules {
    readonly wanted: RegistriesConf;
    readonly current: RegistriesConf;
}

function planSource(source: string, upstream: Repository, rules: Rules, base: MirrorBase): SourceProbe {
    const byDigest = { ...upstream, digest: ANY_DIGEST };
    const { registry, repository } = mirrorReference(base, byDigest);
    const digest = whyNot(byDigest, rules, base);
    const tag = whyNot({ ...upstream, tag: "any" }, rules, base);
    return {
        source,
        upstream,
        mirror: { registry, repository },
        isUpstreamForbidden: resolvePull(rules.current, byDigest).blockedSource,
        notProbed: {
            ...(digest === undefined ? {} : { digest, absent: digest }),
            ...(tag === undefined ? {} : { tag }),
        },
    };
}

/** @returns undefined if the cluster's rules lead to the mirror first */
function whyNot(asked: Reference, { wanted, current }: Rules, base: MirrorBase): NotProbed | undefined {
    const { attempts, refused, rule, failure } = resolvePull(current, asked);
    const form = asked.digest === undefined ? "tag" : "digest";
    const [first] = attempts;
    if (first?.viaMirror === true) {
        if (first.reference === formatReference(mirrorReference(base, asked))) return undefined;
        return { reason: `the rule of ${rule ?? ""} leads to ${first.location} first`, isExpected: false };
    }
    const blocked = refused.find(({ viaMirror }) => viaMirror);
    if (rule === undefined) {
        return { reason: `no rule of the cluster covers ${repositoryName(asked)}`, isExpected: false };
    }
    if (failure !== undefined)
        return { reason: `the rule of ${rule} redirects nothing: ${failure}`, isExpected: false };
    if (blocked !== undefined) {
        const reason = `the rule of ${blocked.blockedBy} blocks the mirror ${blocked.location}`;
        return { reason, isExpected: false };
    }
    const isWanted = resolvePull(wanted, asked).attempts[0]?.viaMirror === true;
    return { reason: `the cluster's rule of ${rule} redirects no pulls by ${form}`, isExpected: !isWanted };
}
