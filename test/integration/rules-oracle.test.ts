import fc from "fast-check";
import { parse } from "smol-toml";
import type { MirrorEntry, MirrorObject } from "../../lib/openshift";
import { PassthroughError } from "../../lib/errors/errors";
import { registriesConf } from "../../lib/openshift/rules/registries-conf";
import { formatRegistriesConf } from "../../lib/openshift/rules/registries-toml";
import { type OracleResult, type RuleCase, askRulesOracle } from "../support/rules-oracle";

/** RULES_ORACLE_SEED=… repeats, or varies, the generated cases. */
const SEED = Number(process.env["RULES_ORACLE_SEED"] ?? 17);
const CASES = 1500;
/** The first run builds the oracle. */
const BUILD_TIMEOUT = 1_200_000;

/** Few names, so that sources meet in several objects, nest, and are each other's mirrors. */
const SOURCES = [
    "quay.io",
    "quay.io/acme",
    "quay.io/acme/app",
    "quay.io:443/acme",
    "Quay.IO",
    "registry.redhat.io",
    "docker.io/library",
    "a.example.com",
    "a.example.com/x",
    "b.a.example.com:5000/y",
    "*.example.com",
    "*.a.example.com",
];
const MIRRORS = [
    "m.test:8443/mirror/quay.io",
    "m.test:8443/mirror/other",
    "A.test/x",
    "b.test/y",
    "b.test/y/z",
    "c.test",
    "quay.io",
    "quay.io/acme",
    "a.example.com/x",
];
const SCOPES = [
    ...SOURCES,
    "quay.io/lab",
    "quay.io/acme/app/deep",
    "z.example.com",
    "z.a.example.com:5000/w",
    "*.test",
    "m.test:8443",
    "b.test",
    "evil.test/x",
];
const INVALID_SCOPES = ["", "*", "quay.*", "*.example.com/x", "*.example.com:5000"];

interface DrawnEntry {
    readonly source: string;
    readonly mirrors: readonly string[] | undefined;
    /** Says the opposite of what the other entries say of the source. */
    readonly disagrees: boolean;
    readonly isUnset: boolean;
}

const rarely = (weight: number) => fc.nat(weight).map((drawn) => drawn === 0);
const drawnEntry: fc.Arbitrary<DrawnEntry> = fc.record({
    source: fc.constantFrom(...SOURCES),
    mirrors: fc.oneof(
        { weight: 12, arbitrary: fc.array(fc.constantFrom(...MIRRORS), { minLength: 1, maxLength: 4 }) },
        { weight: 1, arbitrary: fc.constantFrom([], undefined) },
    ),
    disagrees: rarely(60),
    isUnset: fc.boolean(),
});
const drawnObject = fc.record({
    kind: fc.constantFrom("ICSP", "IDMS", "IDMS", "ITMS", "ITMS"),
    entries: fc.array(drawnEntry, { maxLength: 4 }),
});
const scopes = fc.oneof(
    { weight: 5, arbitrary: fc.constant<string[]>([]) },
    { weight: 5, arbitrary: fc.array(fc.constantFrom(...SCOPES), { minLength: 1, maxLength: 3 }) },
    { weight: 1, arbitrary: fc.constantFrom(...INVALID_SCOPES).map((scope) => [scope]) },
);
const ruleCase: fc.Arbitrary<RuleCase> = fc
    .record({
        objects: fc.array(drawnObject, { maxLength: 5 }),
        never: fc.subarray(SOURCES, { maxLength: 5 }),
        insecureRegistries: scopes,
        blockedRegistries: scopes,
    })
    .map(({ objects, never, ...sources }) => ({
        objects: objects.map(({ kind, entries }, i) => toObject(kind, `o${i}`, entries, never)),
        sources,
    }));

function toObject(kind: string, name: string, drawn: readonly DrawnEntry[], never: readonly string[]): MirrorObject {
    const metadata = { name };
    if (kind === "ICSP") {
        // It cannot forbid, so a forbidden source in it would always be an error.
        const entries = drawn.filter(({ source, disagrees }) => disagrees || !never.includes(source));
        const repositoryDigestMirrors = entries.map(({ source, mirrors }) => ({ source, mirrors }));
        return {
            apiVersion: "operator.openshift.io/v1alpha1",
            kind: "ImageContentSourcePolicy",
            metadata,
            spec: { repositoryDigestMirrors },
        };
    }
    const entries = drawn.map((entry) => toEntry(entry, never));
    const apiVersion = "config.openshift.io/v1";
    return kind === "IDMS"
        ? { apiVersion, kind: "ImageDigestMirrorSet", metadata, spec: { imageDigestMirrors: entries } }
        : { apiVersion, kind: "ImageTagMirrorSet", metadata, spec: { imageTagMirrors: entries } };
}

function toEntry({ source, mirrors, disagrees, isUnset }: DrawnEntry, never: readonly string[]): MirrorEntry {
    const forbids = never.includes(source) !== disagrees;
    if (!forbids) return { source, mirrors, ...(isUnset ? {} : { mirrorSourcePolicy: "AllowContactingSource" }) };
    const others = disagrees ? mirrors : mirrors?.filter((mirror) => mirror !== source);
    return { source, mirrors: others, mirrorSourcePolicy: "NeverContactSource" };
}

/**
 * What the operator checks itself before it calls the library (machine-config-operator,
 * pkg/controller/container-runtime-config/helpers.go, validateRegistriesConfScopes), in words of this test: every entry
 * counts, also one without mirrors; unset means allow.
 */
function isRefusedByOperator({ objects }: RuleCase): boolean {
    const policies: Record<string, Set<string>> = {};
    let isOwnMirror = false;
    for (const { spec } of objects) {
        for (const { source, mirrors, mirrorSourcePolicy } of Object.values(spec).flat() as MirrorEntry[]) {
            (policies[source] ??= new Set()).add(mirrorSourcePolicy ?? "AllowContactingSource");
            isOwnMirror ||= mirrorSourcePolicy === "NeverContactSource" && mirrors?.includes(source) === true;
        }
    }
    return isOwnMirror || Object.values(policies).some(({ size }) => size > 1);
}

/** Parsed TOML; the writer on the nodes spells what is unset as an empty string. */
function parseToml(toml: string): unknown {
    return JSON.parse(JSON.stringify(parse(toml), (_key, value: unknown) => (value === "" ? undefined : value)));
}

/** Ours, in the form of the oracle's result. */
function render({ objects, sources }: RuleCase, version?: string): OracleResult {
    try {
        return { toml: formatRegistriesConf(registriesConf(objects, version, sources)) };
    } catch (error) {
        if (error instanceof PassthroughError) return { error: error.code };
        throw error;
    }
}

const cases = fc.sample(ruleCase, { seed: SEED, numRuns: CASES });
let results: OracleResult[];

beforeAll(async () => {
    results = askRulesOracle(cases);
}, BUILD_TIMEOUT);

/** What must come out: the oracle's, unless the operator would not ask it. */
function expected(one: RuleCase, index: number): OracleResult | undefined {
    return isRefusedByOperator(one) ? { error: "refused by the operator" } : results[index];
}

test("the generated cases are of every kind: many that render, some that do not, for each reason", () => {
    expect(results).toHaveLength(CASES);
    const all = cases.map(expected);
    const errors = all.flatMap((one) => (one !== undefined && "error" in one ? [one.error] : []));
    expect(all.length - errors.length).toBeGreaterThanOrEqual(500);
    for (const reason of ["refused by the operator", "wildcard scope", "invalid entry"]) {
        expect(errors.filter((error) => error.includes(reason)).length).toBeGreaterThanOrEqual(20);
    }
    const rendered = all.flatMap((one) => (one !== undefined && "toml" in one ? [one.toml] : []));
    for (const part of ["blocked = true", "insecure = true", "tag-only", 'prefix = "*.']) {
        expect(rendered.filter((toml) => toml.includes(part)).length).toBeGreaterThanOrEqual(100);
    }
});

test(`nodes get what openshift/runtime-utils renders, and an error where it errors (seed ${SEED})`, () => {
    for (const [index, one] of cases.entries()) {
        const [ours, theirs] = [render(one), expected(one, index)];
        const compare = (result: OracleResult | undefined) =>
            result === undefined || "error" in result ? "error" : parseToml(result.toml);
        expect({ index, one, result: compare(ours) }).toEqual({ index, one, result: compare(theirs) });
    }
});

test("the error names what is wrong in the words of the operator's kind of refusal", () => {
    const codes: Readonly<Record<string, string>> = {
        "refused by the operator": "MIRROR_POLICY_CONFLICT",
        "wildcard scope": "MIRROR_WILDCARD_CONFLICT",
        "invalid entry": "REGISTRY_SOURCES_CONFLICT",
    };
    for (const [index, one] of cases.entries()) {
        const theirs = expected(one, index);
        if (theirs === undefined || !("error" in theirs)) continue;
        const { error } = theirs;
        const code = Object.entries(codes).find(([reason]) => error.includes(reason))?.[1];
        expect({ index, one, ours: render(one) }).toEqual({ index, one, ours: { error: code } });
    }
});

test("up to 4.12 a source has one setting for all its mirrors instead of one each", () => {
    let compared = 0;
    for (const [index, one] of cases.entries()) {
        const theirs = expected(one, index);
        const isOld = one.objects.every(({ kind }) => kind === "ImageContentSourcePolicy");
        if (!isOld || theirs === undefined || "error" in theirs) continue;
        const conf = parseToml(theirs.toml) as { registry?: Record<string, unknown>[] };
        const registry = conf.registry?.map(({ mirror, ...rule }) =>
            mirror === undefined ? rule : { ...rule, "mirror-by-digest-only": true, mirror: withoutForm(mirror) },
        );
        const ours = render(one, "4.12.30");
        expect("toml" in ours && parseToml(ours.toml)).toEqual({ ...conf, ...(registry && { registry }) });
        compared += 1;
    }
    expect(compared).toBeGreaterThanOrEqual(50);
});

function withoutForm(mirrors: unknown): unknown {
    return (mirrors as Record<string, unknown>[]).map(({ "pull-from-mirror": _form, ...mirror }) => mirror);
}
