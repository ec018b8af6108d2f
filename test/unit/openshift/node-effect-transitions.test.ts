import fc from "fast-check";
import type { MirrorEntry, RegistriesConf, RegistryMirror, RegistryRule } from "../../../lib/openshift";
import { forecastNodeEffect } from "../../../lib/openshift/rules/node-effect";
import { registriesConf } from "../../../lib/openshift/rules/registries-conf";
import { formatRegistriesConf } from "../../../lib/openshift/rules/registries-toml";
import { idms, itms } from "./mirror-objects";

/** NODE_EFFECT_SEED=… repeats, or varies, the generated transitions. */
const SEED = Number(process.env["NODE_EFFECT_SEED"] ?? 17);
const TRANSITIONS = 1500;
const SEARCH = ["registry.access.redhat.com", "docker.io"];

const source = fc.constantFrom("quay.io", "quay.io/acme", "*.example.com");
const mirrors = fc.uniqueArray(fc.constantFrom("m.test/q", "n.test/q"), { minLength: 1, maxLength: 2 });
const entries = fc.uniqueArray(fc.record({ source, mirrors }), { maxLength: 2, selector: (one) => one.source });
const registries = fc.uniqueArray(fc.constantFrom("lab.test", "m.test", "quay.io"), { maxLength: 2 });
/** What nodes have at one time. */
const state = fc
    .record({
        digests: entries,
        tags: entries,
        never: fc.subarray(["quay.io", "quay.io/acme"], { maxLength: 1 }),
        insecureRegistries: registries,
        blockedRegistries: registries,
        search: fc.constantFrom([], [], [], [], ["corp.test"], ["docker.io"]),
    })
    .map(({ digests, tags, never, search, ...sources }): RegistriesConf => {
        const withPolicy = (entry: { source: string; mirrors: string[] }): MirrorEntry => ({
            ...entry,
            mirrorSourcePolicy: never.includes(entry.source) ? "NeverContactSource" : "AllowContactingSource",
        });
        const conf = registriesConf([idms(...digests.map(withPolicy)), itms(...tags.map(withPolicy))], "4.18", sources);
        const hosts = search[0] === "docker.io" ? search : [...SEARCH, ...search];
        return { ...conf, "unqualified-search-registries": hosts };
    });
/** Most rules stay: two states drawn alone would nearly always differ in what drains. */
const transition = fc
    .tuple(state, state, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), fc.boolean())
    .map(([before, other, isTaken, keepsRest]) => {
        const [olds, others] = [before.registry ?? [], other.registry ?? []];
        const kept = olds.map((rule, i) => (isTaken[i] === true ? (find(others, scope(rule)) ?? rule) : rule));
        const added = others.filter((rule, i) => isTaken[i + 4] === true && find(olds, scope(rule)) === undefined);
        const registry = keepsRest ? [...kept, ...added] : others;
        const search = isTaken[7] === true ? other : before;
        const hosts = search["unqualified-search-registries"];
        const after = { "unqualified-search-registries": hosts, ...(registry.length === 0 ? {} : { registry }) };
        return { before, after };
    });

function scope({ prefix, location }: RegistryRule): string {
    return prefix ?? location ?? "";
}

function find(rules: readonly RegistryRule[], wanted: string): RegistryRule | undefined {
    return rules.find((rule) => scope(rule) === wanted);
}

/**
 * The rule of the machine-config daemon in words of this test (pkg/daemon/drain.go, isSafeContainerRegistryConfChanges,
 * release-4.18): a change is safe if nobody loses a place to pull from, and what is added serves digests alone.
 */
function isSafe(before: RegistriesConf, after: RegistriesConf): boolean {
    const hosts = after["unqualified-search-registries"] ?? [];
    const isSearchKept = (before["unqualified-search-registries"] ?? []).every((host, i) => hosts[i] === host);
    const [olds, news] = [before.registry ?? [], after.registry ?? []];
    const isNothingRemoved = olds.every((rule) => find(news, scope(rule)) !== undefined);
    return (
        isSearchKept &&
        isNothingRemoved &&
        news.every((rule) => {
            const old = find(olds, scope(rule));
            return old === undefined ? isForDigests(rule) : isSafeRule(old, rule);
        })
    );
}

function isForDigests({ mirror = [], "mirror-by-digest-only": byDigest = false }: RegistryRule): boolean {
    return mirror.length === 0 ? byDigest : mirror.every((one) => one["pull-from-mirror"] === "digest-only");
}

function isSafeRule(old: RegistryRule, rule: RegistryRule): boolean {
    const same = (["prefix", "location", "blocked", "insecure"] as const).every((key) => old[key] === rule[key]);
    // The daemon finds a mirror by its location, and takes the first.
    const first = (mirror: readonly RegistryMirror[], at: string) => mirror.find(({ location }) => location === at);
    const [olds, news] = [old.mirror ?? [], rule.mirror ?? []];
    const isEqual = JSON.stringify(olds) === JSON.stringify(news);
    return (
        same &&
        (isEqual ||
            (olds.every(({ location }) => first(news, location) !== undefined) &&
                news.every(
                    ({ location, "pull-from-mirror": form }) =>
                        form === "digest-only" || form === first(olds, location)?.["pull-from-mirror"],
                )))
    );
}

const transitions = fc.sample(transition, { seed: SEED, numRuns: TRANSITIONS });

test(`the forecast is the daemon's rule, for ${TRANSITIONS} generated transitions (seed ${SEED})`, () => {
    const counts = { none: 0, reload: 0, drain: 0 };
    for (const { before, after } of transitions) {
        const isSame = formatRegistriesConf(before) === formatRegistriesConf(after);
        const drain = !isSame && !isSafe(before, after);
        const { reasons, ...effect } = forecastNodeEffect(
            { registriesConf: before },
            { registriesConf: after },
            "4.18",
        );
        expect({ before, after, effect }).toEqual({
            before,
            after,
            effect: { rollout: !isSame, reboot: false, drain, crio: isSame ? "none" : "reload" },
        });
        expect(reasons.length === 0).toBe(isSame);
        counts[isSame ? "none" : drain ? "drain" : "reload"] += 1;
    }
    expect(Math.min(...Object.values(counts))).toBeGreaterThanOrEqual(20);
});
