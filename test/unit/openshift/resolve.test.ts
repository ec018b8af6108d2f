import { type MirrorObject, type RegistriesConf, resolvePull } from "../../../lib/openshift";
import { registriesConf } from "../../../lib/openshift/rules/registries-conf";
import { parseReference } from "../../../lib/oci/reference";
import { entry, icsp, idms, itms } from "./mirror-objects";

const M = "reg.test:8443/mirror";
const D = `sha256:${"ab".repeat(32)}`;
const NEVER = "NeverContactSource";

const pair = (...sources: [source: string, policy?: "NeverContactSource"][]): MirrorObject[] => {
    const entries = sources.map(([source, policy]) => entry(source, [`${M}/${source}`], policy));
    return [idms(...entries), itms(...entries)];
};
/** The places asked in order; refused ones in brackets. */
function route(conf: RegistriesConf, text: string): string[] {
    const { attempts, refused } = resolvePull(conf, parseReference(text));
    return [...attempts.map((attempt) => attempt.reference), ...refused.map((attempt) => `[${attempt.reference}]`)];
}

describe("resolvePull", () => {
    const allow = registriesConf(pair(["quay.io"]));
    const never = registriesConf(pair(["quay.io", NEVER], ["docker.io", NEVER]));
    const digestOnly = registriesConf([idms(entry("quay.io", [`${M}/quay.io`], NEVER))]);
    const tagOnly = registriesConf([itms(entry("quay.io", [`${M}/quay.io`]))]);
    const oldPolicy = registriesConf([icsp(entry("quay.io", [`${M}/quay.io`]))], "4.12");
    const newPolicy = registriesConf([icsp(entry("quay.io", [`${M}/quay.io`]))], "4.18");
    const shadow = registriesConf(pair(["quay.io", NEVER], ["quay.io/acme"]));
    const wildcard = registriesConf([idms(entry("*.redhat.io", ["m.test/rh"]))]);
    const dockerRepository = registriesConf(pair(["docker.io/nginx"]));
    const dockerLibrary = registriesConf(pair(["docker.io/library"], ["docker.io/bitnami"]));

    test.each<[string, RegistriesConf, string, string[]]>([
        ["no rule", allow, "ghcr.io/a/b:1", ["ghcr.io/a/b:1"]],
        ["allow by digest", allow, `quay.io/a/b@${D}`, [`${M}/quay.io/a/b@${D}`, `quay.io/a/b@${D}`]],
        ["allow by tag", allow, "quay.io/a/b:1", [`${M}/quay.io/a/b:1`, "quay.io/a/b:1"]],
        ["never by digest", never, `quay.io/a/b@${D}`, [`${M}/quay.io/a/b@${D}`, `[quay.io/a/b@${D}]`]],
        ["never by tag", never, "quay.io/a/b:1", [`${M}/quay.io/a/b:1`, "[quay.io/a/b:1]"]],
        [
            "tag and digest: the tag is not asked for",
            never,
            `quay.io/a/b:1@${D}`,
            [`${M}/quay.io/a/b@${D}`, `[quay.io/a/b@${D}]`],
        ],
        ["a lone IDMS-never leaves tags nowhere to go", digestOnly, "quay.io/a/b:1", ["[quay.io/a/b:1]"]],
        ["an ITMS redirects no digest", tagOnly, `quay.io/a/b@${D}`, [`quay.io/a/b@${D}`]],
        ["an ITMS redirects no tag with digest", tagOnly, `quay.io/a/b:1@${D}`, [`quay.io/a/b@${D}`]],
        ["an ITMS redirects tags", tagOnly, "quay.io/a/b:1", [`${M}/quay.io/a/b:1`, "quay.io/a/b:1"]],
        ["an old ICSP redirects digests", oldPolicy, `quay.io/a/b@${D}`, [`${M}/quay.io/a/b@${D}`, `quay.io/a/b@${D}`]],
        ["an old ICSP redirects no tag", oldPolicy, "quay.io/a/b:1", ["quay.io/a/b:1"]],
        [
            "a newer ICSP redirects digests",
            newPolicy,
            `quay.io/a/b@${D}`,
            [`${M}/quay.io/a/b@${D}`, `quay.io/a/b@${D}`],
        ],
        ["a newer ICSP redirects no tag", newPolicy, "quay.io/a/b:1", ["quay.io/a/b:1"]],
        ["a host is no prefix of a longer host", allow, "quay.io.test/a:1", ["quay.io.test/a:1"]],
        [
            "a more specific source reopens upstream",
            shadow,
            "quay.io/acme/x:1",
            [`${M}/quay.io/acme/x:1`, "quay.io/acme/x:1"],
        ],
        ["only on whole path segments", shadow, "quay.io/acme2/x:1", [`${M}/quay.io/acme2/x:1`, "[quay.io/acme2/x:1]"]],
        ["the source repository itself", shadow, "quay.io/acme:1", [`${M}/quay.io/acme:1`, "quay.io/acme:1"]],
        [
            "a wildcard drops the host",
            wildcard,
            `registry.redhat.io/ubi9/ubi@${D}`,
            [`m.test/rh/ubi9/ubi@${D}`, `registry.redhat.io/ubi9/ubi@${D}`],
        ],
        ["a wildcard matches no apex", wildcard, `redhat.io/x@${D}`, [`redhat.io/x@${D}`]],
        ["a wildcard matches no path", wildcard, `a.test/x.redhat.io/y@${D}`, [`a.test/x.redhat.io/y@${D}`]],
        [
            "a wildcard matches every level",
            wildcard,
            `a.b.redhat.io/x@${D}`,
            [`m.test/rh/x@${D}`, `a.b.redhat.io/x@${D}`],
        ],
        ["nginx", never, "nginx", [`${M}/docker.io/library/nginx:latest`, "[docker.io/library/nginx:latest]"]],
        [
            "docker.io/nginx",
            never,
            "docker.io/nginx:1",
            [`${M}/docker.io/library/nginx:1`, "[docker.io/library/nginx:1]"],
        ],
        [
            "index.docker.io/nginx",
            never,
            "index.docker.io/nginx:1",
            [`${M}/docker.io/library/nginx:1`, "[docker.io/library/nginx:1]"],
        ],
        [
            "docker.io/bitnami/x",
            never,
            "docker.io/bitnami/x:1",
            [`${M}/docker.io/bitnami/x:1`, "[docker.io/bitnami/x:1]"],
        ],
        [
            "registry-1.docker.io",
            never,
            "registry-1.docker.io/library/nginx:1",
            ["registry-1.docker.io/library/nginx:1"],
        ],
        [
            "source docker.io/nginx matches nothing",
            dockerRepository,
            "docker.io/nginx:1",
            ["docker.io/library/nginx:1"],
        ],
        [
            "source docker.io/library",
            dockerLibrary,
            "nginx:1",
            [`${M}/docker.io/library/nginx:1`, "docker.io/library/nginx:1"],
        ],
        [
            "source docker.io/bitnami",
            dockerLibrary,
            "bitnami/x:1",
            [`${M}/docker.io/bitnami/x:1`, "docker.io/bitnami/x:1"],
        ],
    ])("%s", (_name, conf, text, expected) => {
        // prettier-ignore
        expect(route(conf, text)).toEqual(expected);
    });

    test("tells mirror from source, and which rule decided", () => {
        expect(resolvePull(never, parseReference("quay.io/a/b:1"))).toEqual({
            attempts: [{ reference: `${M}/quay.io/a/b:1`, location: `${M}/quay.io`, viaMirror: true }],
            refused: [{ reference: "quay.io/a/b:1", location: "quay.io", viaMirror: false, blockedBy: "quay.io" }],
            blockedSource: true,
            rule: "quay.io",
        });
        expect(resolvePull(allow, parseReference("ghcr.io/a/b:1"))).toEqual({
            attempts: [{ reference: "ghcr.io/a/b:1", location: "ghcr.io", viaMirror: false }],
            refused: [],
            blockedSource: false,
        });
        expect(resolvePull(shadow, parseReference("quay.io/acme/x:1"))).toMatchObject({
            blockedSource: false,
            rule: "quay.io/acme",
        });
    });

    test("goes by the longest prefix, in whatever order a file has its rules", () => {
        const registry = ["a.test/b/c", "a.test", "a.test/b"].map((location) => ({ location }));
        expect(resolvePull({ registry }, parseReference("a.test/b/c/d:1")).rule).toBe("a.test/b/c");
        expect(resolvePull({ registry }, parseReference("a.test/b/d:1")).rule).toBe("a.test/b");
    });

    test.each([
        ["x.example.com/a:1", ["*.com", "*.example.com"], "*.example.com"],
        ["registry.redhat.io/a:1", ["*.redhat.io", "registry.redhat.io"], "registry.redhat.io"],
        ["a.much.longer.host.redhat.io/a:1", ["*.redhat.io", "*.io"], "*.redhat.io"],
    ])("%s goes by the longest prefix as it is written, of %j", (image, prefixes, rule) => {
        const rules = prefixes.map((prefix) => (prefix.startsWith("*") ? { prefix } : { location: prefix }));
        for (const registry of [rules, rules.toReversed()]) {
            expect(resolvePull({ registry }, parseReference(image)).rule).toBe(rule);
        }
    });

    test("a host in upper case matches no rule: the runtime compares by case", () => {
        const registry = [{ location: "Quay.io", blocked: true }];
        expect(resolvePull({ registry }, parseReference("quay.io/a:1"))).not.toHaveProperty("rule");
    });

    test("tries several mirrors in their order", () => {
        const conf = registriesConf([idms(entry("quay.io", ["z.test/q", "a.test/q"]))]);
        expect(route(conf, `quay.io/x@${D}`)).toEqual([`z.test/q/x@${D}`, `a.test/q/x@${D}`, `quay.io/x@${D}`]);
    });

    test("refuses a mirror whose own place is blocked", () => {
        const conf = registriesConf([idms(entry("a.test", ["b.test/a"]), entry("b.test", ["c.test/b"], NEVER))]);
        expect(resolvePull(conf, parseReference(`a.test/x@${D}`))).toMatchObject({
            attempts: [{ reference: `a.test/x@${D}` }],
            refused: [{ reference: `b.test/a/x@${D}`, viaMirror: true, blockedBy: "b.test" }],
            blockedSource: false,
        });
    });

    test("takes mirrors for all pulls, and a prefix apart from its location", () => {
        const conf: RegistriesConf = {
            registry: [{ prefix: "quay.io/a", location: "other.test/b", mirror: [{ location: "m.test" }] }],
        };
        expect(route(conf, "quay.io/a/x:1")).toEqual(["m.test/x:1", "other.test/b/x:1"]);
        expect(route(conf, `quay.io/a/x@${D}`)).toEqual([`m.test/x@${D}`, `other.test/b/x@${D}`]);
    });

    test("gives up as the runtime does where a rule makes no image name", () => {
        const port = resolvePull(allow, parseReference("quay.io:5000/a:1"));
        expect(port).toMatchObject({ attempts: [], rule: "quay.io", failure: expect.stringContaining(`${M}/quay.io:5000/a:1`) }); // prettier-ignore
        const short = registriesConf([itms(entry("quay.io", ["registry/mirror"]))]);
        expect(resolvePull(short, parseReference("quay.io/a:1")).failure).toMatch("not a canonical image reference");
    });
});
