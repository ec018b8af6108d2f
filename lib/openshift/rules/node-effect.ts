import { isDeepStrictEqual } from "node:util";
import { type ClusterVersion, hasMirrorSets, parseClusterVersion } from "../versions";
import type { RegistriesConf, RegistryMirror, RegistryRule } from "./registries-conf";
import { ruleScope } from "./registry-sources";

/**
 * What nodes are configured with, as far as registries are concerned. An absent part is one that does not exist. Texts are
 * only compared, so a digest of the real one is enough.
 */
export interface NodeConfiguration {
    /** /etc/containers/registries.conf. */
    readonly registriesConf: RegistriesConf;
    /** policy.json, registries.d and CRI-O's policies: signatures, allowed and blocked registries. */
    readonly imagePolicy?: string | undefined;
    /** The global pull secret. */
    readonly pullSecret?: string | undefined;
    /** The ConfigMap that `additionalTrustedCA` of Image/cluster names. */
    readonly additionalTrustedCa?: string | undefined;
    /** `user-ca-bundle`, or the CA that the cluster's proxy trusts. */
    readonly trustBundle?: string | undefined;
    /** registries.conf.d: `containerRuntimeSearchRegistries`, and MachineConfigs that write there. */
    readonly dropIns?: string | undefined;
}

/** What a change does to each node. */
export interface NodeEffect {
    /** True if pools roll out a new rendered MachineConfig, node by node. */
    readonly rollout: boolean;
    readonly reboot: boolean;
    /** Pods are moved away before. A cluster of a single node never drains it. */
    readonly drain: boolean;
    readonly crio: "none" | "reload" | "restart";
    /** Why, in the order of the configuration; empty if nothing changes. */
    readonly reasons: readonly string[];
}

type Effect = Omit<NodeEffect, "reasons">;
/** The effect of one change, and what the change is. */
type Change = readonly [effect: Effect, reason: string];

const NONE: Effect = { rollout: false, reboot: false, drain: false, crio: "none" };
const CYCLE: Effect = { ...NONE, rollout: true };
const RELOAD: Effect = { ...CYCLE, crio: "reload" };
const DRAIN: Effect = { ...RELOAD, drain: true };
const RESTART: Effect = { ...CYCLE, crio: "restart" };
const REBOOT: Effect = { rollout: true, reboot: true, drain: true, crio: "none" };

/**
 * What the machine-config operator does on nodes when their configuration changes (machine-config-operator,
 * pkg/daemon/drain.go, isSafeContainerRegistryConfChanges; pkg/apihelpers, default node-disruption policy).
 * @param version of the cluster, `4.18.20` or `4.18`; absent: the newest
 * @throws PassthroughError `CLUSTER_VERSION_INVALID`
 */
export function forecastNodeEffect(before: NodeConfiguration, after: NodeConfiguration, version?: string): NodeEffect {
    const cluster = version === undefined ? undefined : parseClusterVersion(version);
    const changes = [
        ...registriesConfChanges(before.registriesConf, after.registriesConf, cluster),
        ...partChanges(before, after, cluster),
    ];
    const effects = changes.map(([effect]) => effect);
    const crio = effects.some((effect) => effect.crio === "restart") ? "restart" : "reload";
    const reboot = effects.some((effect) => effect.reboot);
    return {
        rollout: effects.some(({ rollout }) => rollout),
        reboot,
        drain: effects.some(({ drain }) => drain),
        // A reboot starts it anyway.
        crio: reboot || effects.every((effect) => effect.crio === "none") ? "none" : crio,
        reasons: changes.map(([, reason]) => reason),
    };
}

/** "nodes drain and reload CRI-O, one after the other", as the end of a sentence. */
export function describeNodeEffect({ rollout, reboot, drain, crio }: NodeEffect): string {
    if (reboot) return "nodes drain and reboot, one after the other";
    const crioText = crio === "none" ? [] : [`${crio} CRI-O`];
    const steps = [...(drain ? ["drain"] : []), ...crioText];
    if (steps.length === 0) return rollout ? "nodes get new files, without a drain" : "no effect on nodes";
    return `nodes ${steps.join(" and ")}, one after the other${drain ? "" : ", without a drain"}`;
}

function partChanges(
    before: NodeConfiguration,
    after: NodeConfiguration,
    cluster: ClusterVersion | undefined,
): Change[] {
    const isOld = cluster !== undefined && cluster.major === 4 && cluster.minor < 14;
    const parts = [
        ["imagePolicy", RELOAD, "image policy"],
        ["pullSecret", CYCLE, "global pull secret"],
        ["additionalTrustedCa", isOld ? CYCLE : NONE, "additionalTrustedCA"],
        ["trustBundle", isOld ? REBOOT : RESTART, "trust bundle"],
        ["dropIns", REBOOT, "registries.conf.d"],
    ] as const;
    return parts.flatMap(([name, effect, text]): Change[] =>
        before[name] === after[name] ? [] : [[effect, `${text} changes`]],
    );
}

function registriesConfChanges(
    before: RegistriesConf,
    after: RegistriesConf,
    cluster: ClusterVersion | undefined,
): Change[] {
    const olds = rulesByScope(before);
    const news = rulesByScope(after);
    const perMirror = hasMirrorSets(cluster);
    const removed = [...olds.keys()].filter((scope) => !news.has(scope));
    const found = [...news].flatMap(([scope, rule]): Change[] => {
        const old = olds.get(scope);
        if (old === undefined) return [addedRule(scope, rule, perMirror)];
        return isDeepStrictEqual(old, rule) ? [] : [changedRule(scope, old, rule, perMirror)];
    });
    const search = [before, after].map((conf) => conf["unqualified-search-registries"] ?? []);
    const changes = [
        ...searchChange(search[0] ?? [], search[1] ?? []),
        ...removed.map((scope): Change => [DRAIN, `${scope}: removed`]),
        ...found,
    ];
    // The order of the rules means nothing, but pools roll out every file that is not the same.
    const isReordered = changes.length === 0 && !isDeepStrictEqual([...olds.keys()], [...news.keys()]);
    return isReordered ? [[RELOAD, "order of the registries changes"]] : changes;
}

/** By prefix, else location, as the operator does. */
function rulesByScope({ registry = [] }: RegistriesConf): Map<string, RegistryRule> {
    return new Map(registry.map((rule) => [ruleScope(rule), rule]));
}

function searchChange(before: readonly string[], after: readonly string[]): Change[] {
    if (isDeepStrictEqual(before, after)) return [];
    const isExtended = before.every((host, i) => after[i] === host);
    return [[isExtended ? RELOAD : DRAIN, "search registries change"]];
}

function addedRule(scope: string, rule: RegistryRule, perMirror: boolean): Change {
    const mirrors = rule.mirror ?? [];
    const isDigestOnly =
        perMirror && mirrors.length > 0 ? mirrors.every(isDigestMirror) : rule["mirror-by-digest-only"] === true;
    return isDigestOnly
        ? [RELOAD, `${scope}: added, for digests`]
        : [DRAIN, `${scope}: added, ${describeForms(mirrors)}`];
}

function describeForms(mirrors: readonly RegistryMirror[]): string {
    if (mirrors.length === 0) return "without a mirror";
    return mirrors.every(isDigestMirror) ? "for digests" : "for tags";
}

function isDigestMirror(mirror: RegistryMirror): boolean {
    return mirror["pull-from-mirror"] === "digest-only";
}

function changedRule(scope: string, old: RegistryRule, rule: RegistryRule, perMirror: boolean): Change {
    const property = (["prefix", "location", "blocked", "insecure"] as const).find(
        (name) => (old[name] ?? false) !== (rule[name] ?? false),
    );
    if (property === "blocked") {
        return [DRAIN, `${scope}: ${rule.blocked === true ? "upstream is forbidden" : "upstream is allowed"}`];
    }
    if (property !== undefined) return [DRAIN, `${scope}: ${property} changes`];
    const unsafe = perMirror ? unsafeMirror(old, rule) : unsafeSetting(old, rule);
    return unsafe === undefined ? [RELOAD, `${scope}: mirrors change`] : [DRAIN, `${scope}: ${unsafe}`];
}

/** Up to 4.12 a source has one setting for all its mirrors. */
function unsafeSetting(old: RegistryRule, rule: RegistryRule): string | undefined {
    if (old["mirror-by-digest-only"] !== rule["mirror-by-digest-only"]) return "mirror-by-digest-only changes";
    const locations = new Set(rule.mirror?.map(({ location }) => location));
    const removed = old.mirror?.find(({ location }) => !locations.has(location));
    if (removed !== undefined) return `mirror ${removed.location} is removed`;
    return rule["mirror-by-digest-only"] === true ? undefined : "a mirror for tags is added";
}

/**
 * The operator looks a mirror up by its location alone, and finds the first one. So where one location serves digests and
 * tags, it takes the tag mirror for a changed digest mirror at every change of the source.
 */
function unsafeMirror(old: RegistryRule, rule: RegistryRule): string | undefined {
    const [olds, news] = [old.mirror ?? [], rule.mirror ?? []];
    const first = (mirrors: readonly RegistryMirror[], wanted: string) =>
        mirrors.find(({ location }) => location === wanted);
    const removed = olds.find(({ location }) => first(news, location) === undefined);
    if (removed !== undefined) return `mirror ${removed.location} is removed`;
    const unsafe = news.find((mirror) => {
        const before = first(olds, mirror.location);
        if (isDigestMirror(mirror)) return false;
        if (before === undefined) return rule["mirror-by-digest-only"] !== true;
        return before["pull-from-mirror"] !== mirror["pull-from-mirror"];
    });
    if (unsafe === undefined) return undefined;
    return olds.some((mirror) => isDeepStrictEqual(mirror, unsafe))
        ? "changes, and one location serves its digests and tags"
        : `mirror ${unsafe.location} for tags is added`;
}
