import type { RegistriesConf, RegistryRule } from "../rules/registries-conf";
import { isNestedScope } from "../../oci/scope";
import { ruleScope } from "../rules/registry-sources";
import { hasRealMirror } from "../rules/mirror-entries";
import {
    type ExistingCluster,
    type KnownEntry,
    type PlannedRules,
    type PullForm,
    type ClusterWarning,
    bySource,
    joinNames,
    knownEntries,
} from "./existing-cluster";
import { isInternalReleaseMirror } from "./internal-release";

const FORMS: readonly PullForm[] = ["digest", "tag"];

/** True if a rule for `inner` takes pulls away from one for `outer`: it is more specific (containers/image). */
export function isBelow(inner: string, outer: string): boolean {
    return inner !== outer && (isNestedScope(inner, outer) || inner.startsWith(`${outer}:`));
}

/**
 * How the rules of others and ours meet on nodes, where exactly one rule, the most specific, applies to a pull.
 * @param conf the registries.conf of all objects together
 */
export function meetingRules(cluster: ExistingCluster, planned: PlannedRules, conf: RegistriesConf): ClusterWarning[] {
    const entries = knownEntries(cluster, planned).filter(hasRealMirror);
    const ours = bySource(entries.filter(({ isOurs }) => isOurs));
    const theirs = bySource(entries.filter(({ isOurs }) => !isOurs));
    const rules = new Map((conf.registry ?? []).map((rule) => [ruleScope(rule), rule]));
    return [...theirs].flatMap(([source, foreign]) => {
        const rule = rules.get(source);
        const own = ours.get(source);
        if (rule === undefined) return [];
        if (own !== undefined) return mergedRule(rule, foreign, own);
        // Of several sources of ours around it, the closest one would apply.
        const outer = [...ours.keys()].filter((name) => isBelow(source, name)).sort((a, b) => b.length - a.length)[0];
        const hidden = outer === undefined ? [] : shadowedRule(rule, foreign, ours.get(outer) ?? []);
        return [...hidden, ...[...ours.keys()].filter((name) => isBelow(name, source)).map(shadow(source, foreign))];
    });
}

function mirrorsOf({ mirror = [], "mirror-by-digest-only": digestOnly }: RegistryRule, form: PullForm): string[] {
    if (form === "tag" && digestOnly === true) return [];
    const other = form === "digest" ? "tag-only" : "digest-only";
    return mirror.filter((one) => one["pull-from-mirror"] !== other).map(({ location }) => location);
}

function objectNames(entries: readonly KnownEntry[]): string {
    return joinNames(entries.map(({ object }) => object));
}

/** "by digest a, then b; by tag: none" */
function describeOrder(rule: RegistryRule): string {
    const list = (form: PullForm) => mirrorsOf(rule, form).join(", then ");
    return FORMS.map((form) => `by ${form}: ${list(form) || "none"}`).join("; ");
}

function mergedRule(rule: RegistryRule, foreign: readonly KnownEntry[], own: readonly KnownEntry[]): ClusterWarning[] {
    const known = new Set(own.flatMap(({ mirrors }) => mirrors));
    const added = foreign.flatMap(({ mirrors }) => mirrors).filter((mirror) => !known.has(mirror));
    if (added.length === 0) return [];
    const [source, objects] = [ruleScope(rule), objectNames(foreign)];
    const isRelease = added.some(isInternalReleaseMirror);
    return [
        {
            object: objects,
            problem: isRelease
                ? `${source}: the release registry of the nodes is one of the mirrors, and what it holds counts as covered; nodes ask ${describeOrder(rule)}`
                : `${source}: its mirrors are merged with ours; nodes ask ${describeOrder(rule)}`,
            fix: isRelease
                ? "nothing: leave the object as the platform made it"
                : `take the source out of ${objects}, unless both are meant; only one list of one object has a fixed order`,
        },
    ];
}

function shadowedRule(
    rule: RegistryRule,
    foreign: readonly KnownEntry[],
    ours: readonly KnownEntry[],
): ClusterWarning[] {
    const [source, objects] = [ruleScope(rule), objectNames(foreign)];
    const outer = ours[0]?.source ?? "";
    const wanted = (form: PullForm) =>
        ours.filter((entry) => entry.form === form).flatMap((entry) => entry.mirrors.map(locationBelow(outer, source)));
    const unserved = FORMS.filter((form) => {
        const actual = mirrorsOf(rule, form);
        return wanted(form).length > 0 && !wanted(form).some((mirror) => actual.includes(mirror));
    });
    const release = mirrorsOf(rule, "digest").find(isInternalReleaseMirror);
    const suffering = release === undefined ? unserved : unserved.filter((form) => form !== "digest");
    const upstream = ours.some(({ isNever }) => isNever) && rule.blocked !== true ? "; its upstream is allowed" : "";
    if (suffering.length === 0 && upstream === "" && release === undefined) return [];
    const mirrors = [...new Set([...wanted("digest"), ...wanted("tag")])];
    return [
        {
            object: objects,
            problem:
                `${source} hides our ${outer}: nodes ask ${describeOrder(rule)}${upstream}` +
                (release === undefined ? "" : "; what the release registry of the nodes holds counts as covered") +
                (suffering.length === 0 ? "" : `; pulls by ${joinNames(suffering)} do not reach our mirror`),
            fix:
                release === undefined
                    ? `add ${mirrors.join(" and ")} to its mirrors${upstream === "" ? "" : " and set the same mirrorSourcePolicy"}, or take ${source} out of ${objects}`
                    : `name ${source} as an upstream if the mirror has images of it that the release registry lacks`,
        },
    ];
}

/** A mirror of `outer`, for the part of it that `inner` is. */
function locationBelow(outer: string, inner: string): (mirror: string) => string {
    return (mirror) => (outer.startsWith("*.") ? mirror : `${mirror}${inner.slice(outer.length)}`);
}

function shadow(source: string, foreign: readonly KnownEntry[]): (own: string) => ClusterWarning {
    const objects = objectNames(foreign);
    return (own) => ({
        object: objects,
        problem: `our ${own} hides ${source}: pulls below ${own} no longer reach the mirrors of that object`,
        fix: `leave ${own} out of the upstreams, unless our mirror has all of its images`,
    });
}
