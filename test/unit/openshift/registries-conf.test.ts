import { parseMirrorBase } from "../../../lib/mirror/mirror-reference";
import { parse } from "smol-toml";
import type { MirrorEntry, MirrorObject } from "../../../lib/openshift";
import { mirrorRules } from "../../../lib/openshift/rules/create-mirror-objects";
import { registriesConf } from "../../../lib/openshift/rules/registries-conf";
import { formatRegistriesConf, parseRegistriesConf } from "../../../lib/openshift/rules/registries-toml";
import { entry, icsp, idms, itms } from "./mirror-objects";

const M = "reg.test:8443/mirror";
const NEVER = "NeverContactSource";
const ALLOW = "AllowContactingSource";
const SEARCH = 'unqualified-search-registries = ["registry.access.redhat.com", "docker.io"]\n';

/** Both sides as parsed TOML. */
function expectToml(objects: readonly MirrorObject[], version: string | undefined, expected: string): void {
    expect(parse(formatRegistriesConf(registriesConf(objects, version)))).toEqual(parse(SEARCH + expected));
}

const table: [name: string, objects: MirrorObject[], version: string | undefined, toml: string][] = [
    ["no objects", [], undefined, ""],
    [
        "an ICSP up to 4.12",
        [icsp(entry("quay.io", [`${M}/quay.io`]))],
        "4.12.5",
        `[[registry]]
        location = "quay.io"
        mirror-by-digest-only = true
        [[registry.mirror]]
        location = "${M}/quay.io"`,
    ],
    [
        "an ICSP from 4.13 on",
        [icsp(entry("quay.io", [`${M}/quay.io`]))],
        "4.13.0",
        `[[registry]]
        location = "quay.io"
        [[registry.mirror]]
        location = "${M}/quay.io"
        pull-from-mirror = "digest-only"`,
    ],
    [
        "an IDMS without policy",
        [idms(entry("quay.io", ["b.test/x", "a.test/x"]))],
        undefined,
        `[[registry]]
        location = "quay.io"
        [[registry.mirror]]
        location = "b.test/x"
        pull-from-mirror = "digest-only"
        [[registry.mirror]]
        location = "a.test/x"
        pull-from-mirror = "digest-only"`,
    ],
    [
        "an ITMS that forbids the source",
        [itms(entry("quay.io", [`${M}/quay.io`], NEVER))],
        "4.18",
        `[[registry]]
        location = "quay.io"
        blocked = true
        [[registry.mirror]]
        location = "${M}/quay.io"
        pull-from-mirror = "tag-only"`,
    ],
    [
        "a pair: two tables for one mirror, digests first, sources by the alphabet",
        [
            itms(entry("quay.io", [`${M}/quay.io`], NEVER), entry("a.test", [`${M}/a.test`], ALLOW)),
            idms(entry("quay.io", [`${M}/quay.io`], NEVER), entry("a.test", [`${M}/a.test`], ALLOW)),
        ],
        "4.18.20",
        `[[registry]]
        location = "a.test"
        [[registry.mirror]]
        location = "${M}/a.test"
        pull-from-mirror = "digest-only"
        [[registry.mirror]]
        location = "${M}/a.test"
        pull-from-mirror = "tag-only"
        [[registry]]
        location = "quay.io"
        blocked = true
        [[registry.mirror]]
        location = "${M}/quay.io"
        pull-from-mirror = "digest-only"
        [[registry.mirror]]
        location = "${M}/quay.io"
        pull-from-mirror = "tag-only"`,
    ],
    [
        "a wildcard source",
        [idms(entry("*.redhat.io", ["m.test/rh"]))],
        undefined,
        `[[registry]]
        prefix = "*.redhat.io"
        [[registry.mirror]]
        location = "m.test/rh"
        pull-from-mirror = "digest-only"`,
    ],
    [
        "an IDMS and an ICSP of one source, pooled",
        [icsp(entry("quay.io", ["c.test/x", "d.test/x"])), idms(entry("quay.io", ["b.test/x", "c.test/x"], ALLOW))],
        "4.15.0",
        `[[registry]]
        location = "quay.io"
        [[registry.mirror]]
        location = "b.test/x"
        pull-from-mirror = "digest-only"
        [[registry.mirror]]
        location = "c.test/x"
        pull-from-mirror = "digest-only"
        [[registry.mirror]]
        location = "d.test/x"
        pull-from-mirror = "digest-only"`,
    ],
    ["entries without a mirror, policy included", [idms(entry("a.test", [], NEVER), entry("b.test", ["b.test"]))], undefined, ""], // prettier-ignore
    [
        "digest sources first, then those that have tag mirrors alone",
        [itms(entry("a.test", ["m.test/a"])), idms(entry("b.test", ["m.test/b"]))],
        undefined,
        `[[registry]]
        location = "b.test"
        [[registry.mirror]]
        location = "m.test/b"
        pull-from-mirror = "digest-only"
        [[registry]]
        location = "a.test"
        [[registry.mirror]]
        location = "m.test/a"
        pull-from-mirror = "tag-only"`,
    ],
];

describe("registriesConf", () => {
    test.each(table)("renders %s", (_name, objects, version, toml) => {
        expectToml(objects, version, toml);
    });

    test.each([
        [
            [
                ["a", "b", "c"],
                ["c", "d", "e"],
            ],
            ["a", "b", "c", "d", "e"],
        ],
        [
            [
                ["z", "b"],
                ["a", "z"],
            ],
            ["a", "z", "b"],
        ],
        [
            [
                ["a", "b"],
                ["b", "a"],
            ],
            ["a", "b"],
        ],
        [
            [["b"], ["a"]],
            ["a", "b"],
        ],
        // A queue, not the alphabet: what a placed location releases waits behind what is free already.
        [
            [["b", "a"], ["c"]],
            ["b", "c", "a"],
        ],
        [[["a", "src.test"]], ["a"]],
        [[["src.test", "a"]], ["src.test", "a"]],
    ])("merges the mirror lists %j of one source to %j", (lists, merged) => {
        const objects = lists.map((mirrors) => idms(entry("src.test", mirrors)));
        const mirrors = registriesConf(objects).registry?.[0]?.mirror ?? [];
        expect(mirrors.map((mirror) => mirror.location)).toEqual(merged);
    });

    test.each([
        ["IDMS and ITMS", [idms(entry("q.test", ["m.test"], NEVER)), itms(entry("q.test", ["m.test"], ALLOW))]],
        ["set and unset", [idms(entry("q.test", ["m.test"], NEVER)), idms(entry("q.test", ["n.test"]))]],
        ["IDMS and ICSP", [idms(entry("q.test", ["m.test"], NEVER)), icsp(entry("q.test", ["m.test"]))]],
        ["an entry without mirrors", [idms(entry("q.test", ["m.test"], ALLOW)), itms(entry("q.test", [], NEVER))]],
    ])("refuses conflicting policies of %s", (_name, objects) => {
        expect(() => registriesConf(objects)).toThrow(
            expect.objectContaining({
                code: "MIRROR_POLICY_CONFLICT",
                message: expect.stringContaining("conflicting mirrorSourcePolicy is set for the same source"),
            }),
        );
    });

    test("refuses to forbid a source that is one of its mirrors", () => {
        expect(() => registriesConf([idms(entry("q.test", ["q.test", "m.test"], NEVER))])).toThrow("its own mirrors");
    });

    test("reads objects that leave out their lists", () => {
        const empty = [
            { ...idms(), spec: {} },
            { ...itms(), spec: {} },
            { ...icsp(), spec: {} },
        ];
        const withoutMirrors: MirrorEntry = { source: "q.test" };
        expect(registriesConf([...empty, idms(withoutMirrors)])).not.toHaveProperty("registry");
    });

    test.each(["https://q.test", "q.test/", "Q.test/Upper", "q.test/a:1", "*.q.test/path", ""])(
        "refuses the source %j, as the operator does for the whole cluster, and names the object",
        (source) => {
            expect(() => registriesConf([icsp(entry("a.test", ["m.test"])), icsp(entry(source, ["m.test"]))])).toThrow(
                expect.objectContaining({
                    code: "MIRROR_RULE_INVALID",
                    message: expect.stringContaining("ImageContentSourcePolicy some-policy: ") as string,
                }),
            );
        },
    );

    test("refuses what an old cluster does not have, or does not mix", () => {
        const set = idms(entry("q.test", ["m.test"]));
        const policy = icsp(entry("r.test", ["m.test"]));
        expect(() => registriesConf([set], "4.12.1")).toThrow(
            "MIRROR_KINDS_CONFLICT: mirror objects: OpenShift 4.12.1 has no IDMS",
        );
        expect(() => registriesConf([set, policy], "4.13.26")).toThrow("not both");
        expect(() => registriesConf([set, policy], "4.14.2")).toThrow("not both");
        expect(registriesConf([set, policy], "4.13.27").registry).toHaveLength(2);
    });

    test("gives the example of the pair that mirrorRules makes", () => {
        const hosts = [{ host: "quay.io", tags: true, digests: true }];
        const { objects } = mirrorRules({ base: parseMirrorBase(M), hosts, contactSource: "never" });
        expectToml(
            objects,
            undefined,
            `[[registry]]
            location = "quay.io"
            blocked = true
            mirror = [
              {location = "${M}/quay.io", pull-from-mirror = "digest-only"},
              {location = "${M}/quay.io", pull-from-mirror = "tag-only"},
            ]`,
        );
    });
});

describe("a registries.conf as text", () => {
    test.each(table)("is read back: %s", (_name, objects, version) => {
        const conf = registriesConf(objects, version);
        const text = formatRegistriesConf(conf);
        expect(text.endsWith("\n")).toBe(true);
        expect(parseRegistriesConf(text, "test")).toEqual(conf);
    });

    test("means the same with the empty strings that nodes write", () => {
        const conf = registriesConf([idms(entry("quay.io", [`${M}/quay.io`], NEVER))]);
        const onNode = `${SEARCH}short-name-mode = ""
            additional-layer-store-auth-helper = ""
            [[registry]]
            prefix = ""
            location = "quay.io"
            blocked = true
            [[registry.mirror]]
            location = "${M}/quay.io"
            pull-from-mirror = "digest-only"`;
        expect(parseRegistriesConf(onNode, "node-1")).toStrictEqual(conf);
    });

    test.each(["[[registry", '[[registry]]\nlocation = ""', '[[registry]]\nlocation = "a"\nblocked = "yes"'])(
        "is refused by place: %j",
        (text) => {
            expect(() => parseRegistriesConf(text, "node-1:/etc/containers/registries.conf")).toThrow(
                expect.objectContaining({
                    code: "REGISTRIES_CONF_INVALID",
                    message: expect.stringContaining("node-1:/etc/containers/registries.conf"),
                }),
            );
        },
    );
});
