import { type LivePair, type MirrorEntry, loneNever, rolledOutNever } from "../../../lib/openshift";
import { registriesConf } from "../../../lib/openshift/rules/registries-conf";
import { formatRegistriesConf } from "../../../lib/openshift/rules/registries-toml";
import { entry, idms, itms } from "./mirror-objects";

const MIRROR = "reg.test:8443/mirror/quay.io";
const ALLOW = entry("quay.io", [MIRROR]);
const NEVER = entry("quay.io", [MIRROR], "NeverContactSource");
const GHCR = entry("ghcr.io", ["reg.test:8443/mirror/ghcr.io"]);
const GHCR_NEVER = entry("ghcr.io", ["reg.test:8443/mirror/ghcr.io"], "NeverContactSource");

function pair(digest?: readonly MirrorEntry[], tag?: readonly MirrorEntry[]): LivePair {
    return { digest: digest && idms(...digest), tag: tag && itms(...tag) };
}

/** The file that nodes have for these objects. */
function toml(digest: readonly MirrorEntry[], tag: readonly MirrorEntry[]): string {
    return formatRegistriesConf(registriesConf([idms(...digest), itms(...tag)]));
}

/** A `never` alone blocks pulls of the other form; two policies stop the operator (runtime-utils; MCO helpers.go). */
test.each<[string, LivePair, ReturnType<typeof loneNever>]>([
    ["no objects", pair(), []],
    ["a pair that allows", pair([ALLOW], [ALLOW]), []],
    ["a pair that forbids", pair([NEVER], [NEVER]), []],
    ["an IDMS that allows, alone", pair([ALLOW]), []],
    ["an IDMS that forbids, alone", pair([NEVER]), [{ source: "quay.io", reason: "incomplete" }]],
    ["an ITMS that forbids, alone", pair(undefined, [NEVER]), [{ source: "quay.io", reason: "incomplete" }]],
    ["an ITMS without the source", pair([NEVER, GHCR], [GHCR]), [{ source: "quay.io", reason: "incomplete" }]],
    ["killed between the two", pair([NEVER], [ALLOW]), [{ source: "quay.io", reason: "different-policies" }]],
    ["killed on the way back", pair([ALLOW], [NEVER]), [{ source: "quay.io", reason: "different-policies" }]],
    ["within one object", pair([NEVER, ALLOW], [NEVER]), [{ source: "quay.io", reason: "different-policies" }]],
    [
        "two sources",
        pair([NEVER, GHCR_NEVER], [GHCR]),
        [
            { source: "ghcr.io", reason: "different-policies" },
            { source: "quay.io", reason: "incomplete" },
        ],
    ],
])("lone never: %s", (_name, live, expected) => {
    expect(loneNever(live)).toEqual(expected);
});

const ROLLED = { pool: "worker", registriesConf: toml([ALLOW, GHCR], [ALLOW, GHCR]) };

test.each<[string, LivePair, Parameters<typeof rolledOutNever>[1], string[], string[]]>([
    ["no objects", pair(), [ROLLED], [], []],
    ["a pair that every pool has", pair([ALLOW], [ALLOW]), [{ ...ROLLED, pool: "master" }, ROLLED], ["quay.io"], []],
    [
        "a pair that forbids already",
        pair([NEVER], [NEVER]),
        [{ pool: "worker", registriesConf: toml([NEVER], [NEVER]) }],
        ["quay.io"],
        [],
    ],
    [
        "a pair that forbids already, while a pool is busy",
        pair([NEVER], [NEVER]),
        [{ pool: "worker" }],
        ["quay.io"],
        [],
    ],
    ["a pair that forbids already, and unknown pools", pair([NEVER], [NEVER]), [], ["quay.io"], []],
    [
        "a pair that forbids already, with a source that came later",
        pair([NEVER, GHCR], [NEVER, GHCR]),
        [{ pool: "worker" }],
        ["quay.io"],
        ["is not yet on the nodes of pool worker"],
    ],
    [
        "an IDMS that forbids alone, while a pool is busy",
        pair([NEVER]),
        [],
        [],
        ["is not yet in the ImageTagMirrorSet"],
    ],
    [
        "no mirror, although forbidden",
        pair([entry("quay.io", [], "NeverContactSource")], [NEVER]),
        [],
        [],
        ["has no mirror"],
    ],
    ["unknown pools", pair([ALLOW], [ALLOW]), [], [], ["is on no machine config pool that is known"]],
    [
        "a pool without a file",
        pair([ALLOW], [ALLOW]),
        [ROLLED, { pool: "infra" }],
        [],
        ["is not yet on the nodes of pool infra"],
    ],
    [
        "a pool that lacks the source",
        pair([ALLOW], [ALLOW]),
        [{ pool: "master", registriesConf: toml([GHCR], [GHCR]) }, ROLLED],
        [],
        ["is not yet on the nodes of pool master"],
    ],
    [
        "a pool that has the digest mirror alone",
        pair([ALLOW], [ALLOW]),
        [{ pool: "worker", registriesConf: toml([ALLOW], []) }],
        [],
        ["is not yet on the nodes of pool worker"],
    ],
    [
        "a pool that has another mirror",
        pair([ALLOW], [ALLOW]),
        [{ pool: "worker", registriesConf: toml([entry("quay.io", ["old.test"])], [entry("quay.io", ["old.test"])]) }],
        [],
        ["is not yet on the nodes of pool worker"],
    ],
    ["no ITMS", pair([ALLOW]), [ROLLED], [], ["is not yet in the ImageTagMirrorSet"]],
    ["no IDMS entry", pair([GHCR], [GHCR, ALLOW]), [ROLLED], ["ghcr.io"], ["is not yet in the ImageDigestMirrorSet"]],
    ["two policies", pair([NEVER], [ALLOW]), [ROLLED], [], ["has different policies in the two objects"]],
    ["no mirror", pair([entry("quay.io", [])], [ALLOW]), [ROLLED], [], ["has no mirror"]],
])("may forbid: %s", (_name, live, pools, ready, reasons) => {
    const found = rolledOutNever(live, pools);
    expect([found.ready, found.waiting.map(({ reason }) => reason)]).toEqual([ready, reasons]);
});

test("a file that cannot be read is an error, not a source that is not there", () => {
    expect(() => rolledOutNever(pair([ALLOW], [ALLOW]), [{ pool: "worker", registriesConf: "[[" }])).toThrow(
        "REGISTRIES_CONF_INVALID: registries.conf of pool worker",
    );
});
