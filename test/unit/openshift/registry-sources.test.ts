import { isNestedScope } from "../../../lib/oci/scope";
import { registriesConf } from "../../../lib/openshift/rules/registries-conf";
import { isRegistryScope } from "../../../lib/openshift/rules/registry-sources";
import { entry, icsp, idms, itms } from "./mirror-objects";

const MIRROR = "reg.test:8443/mirror/quay.io";
const NEVER = "NeverContactSource";

/** The rules as lines of their own: "scope [flags] -> mirrors". */
function lines(...args: Parameters<typeof registriesConf>): string[] {
    return (registriesConf(...args).registry ?? []).map(({ prefix, location, blocked, insecure, mirror = [] }) => {
        const flags = [blocked === true ? "blocked" : "", insecure === true ? "insecure" : ""].filter(Boolean);
        const mirrors = mirror.map((one) => `${one.location}${one.insecure === true ? " (insecure)" : ""}`);
        return [prefix ?? location, ...flags, ...(mirrors.length === 0 ? [] : ["->", mirrors.join(", ")])].join(" ");
    });
}

test.each([
    ["quay.io", "quay.io", true],
    ["quay.io/org", "quay.io", true],
    ["quay.io", "quay.io/org", false],
    ["quay.iox", "quay.io", false],
    ["quay.io:443", "quay.io", false],
    ["a.example.com", "*.example.com", true],
    ["a.example.com/x", "*.example.com", true],
    ["a.example.com:5000/x", "*.example.com", true],
    ["*.a.example.com", "*.example.com", true],
    ["example.com", "*.example.com", false],
    ["quay.io/a.example.com", "*.example.com", false],
    ["quay.io/a.example.com:1", "*.example.com", false],
])("%s in %s: %s", (inner, outer, isNested) => {
    expect(isNestedScope(inner, outer)).toBe(isNested);
});

test.each([
    ["quay.io", true],
    ["quay.io:443/x", true],
    ["*.quay.io", true],
    ["*.quay.io/x", false],
    ["*.quay.io:443", false],
    ["quay.*", false],
    ["*", false],
    ["", false],
])("%j is an entry that the operator accepts: %s", (scope, isValid) => {
    expect(isRegistryScope(scope)).toBe(isValid);
    const render = () => registriesConf([], undefined, { blockedRegistries: [scope] });
    const refusal = expect.objectContaining({ code: "REGISTRY_SOURCES_CONFLICT" }) as unknown;
    if (isValid) expect(render).not.toThrow();
    else expect(render).toThrow(refusal as Error);
});

test("an insecure scope below a forbidden source gets its mirrors, and opens the upstream again", () => {
    expect(lines([idms(entry("quay.io", [MIRROR], NEVER))], "4.18", { insecureRegistries: ["quay.io/lab"] })).toEqual([
        `quay.io blocked -> ${MIRROR}`,
        `quay.io/lab insecure -> ${MIRROR}/lab`,
    ]);
});

test("a mirror below an insecure scope is insecure, and a blocked scope blocks what lies below it", () => {
    const objects = [idms(entry("quay.io/org", [MIRROR]))];
    const sources = { insecureRegistries: ["reg.test:8443"], blockedRegistries: ["quay.io"] };
    expect(lines(objects, "4.18", sources)).toEqual([
        `quay.io/org blocked -> ${MIRROR} (insecure)`,
        "quay.io blocked",
        "reg.test:8443 insecure",
    ]);
});

test("a nested scope keeps the digest-only setting that sources have up to 4.12", () => {
    const conf = registriesConf([icsp(entry("quay.io", [MIRROR]))], "4.12.9", { blockedRegistries: ["quay.io/x"] });
    expect(conf.registry?.[1]).toEqual({
        location: "quay.io/x",
        blocked: true,
        "mirror-by-digest-only": true,
        mirror: [{ location: `${MIRROR}/x` }],
    });
});

test("a registry of Image/cluster below a wildcard source is what the operator cannot render", () => {
    const objects = [itms(entry("*.example.com", [MIRROR]))];
    const render = () => registriesConf(objects, "4.18", { blockedRegistries: ["a.example.com"] });
    expect(render).toThrow("MIRROR_WILDCARD_CONFLICT: mirror source *.example.com: a.example.com of Image/cluster");
    const own = [...objects, idms(entry("a.example.com", [MIRROR]))];
    expect(() => registriesConf(own, "4.18", { blockedRegistries: ["a.example.com"] })).not.toThrow();
});

test("an odd name of an ICSP stops the operator from 4.16 on, and is taken as it is before", () => {
    const objects = [icsp(entry("quay.io/Upper", [MIRROR]))];
    expect(lines(objects, "4.15.9")).toEqual([`quay.io/Upper -> ${MIRROR}`]);
    expect(() => registriesConf(objects, "4.16.0")).toThrow("MIRROR_RULE_INVALID");
});
