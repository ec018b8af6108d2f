import { type MirrorObject, findRule } from "../../../lib/openshift";
import { type Facts, CORP_DIGEST, CORP_TAG, MIRROR, NEVER, RELEASE, pair, survey, warnings } from "./cluster-survey";
import { entry } from "./mirror-objects";

/** runtime-utils, mirrorsAdjustedForNestedScope; MCO helpers.go, updatePolicyJSON, validateImagePolicyWithAllowedBlockedRegistries. */
describe("registrySources of Image/cluster that refuse", () => {
    const covered = ["quay.io", "reg.test:8443", "image-registry.openshift-image-registry.svc:5000"];
    test.each<[string, Facts, string[]]>([
        [
            "a blocked registry below a wildcard source",
            { theirs: [CORP_DIGEST(entry("*.corp.test", ["m.test"]))], blockedRegistries: ["a.corp.test"] },
            ["a.corp.test of Image/cluster lies inside it"],
        ],
        ["an invalid entry", { insecureRegistries: ["*.corp.test/x"] }, ['"*.corp.test/x" in insecureRegistries']],
        ["an invalid allowed entry", { allowedRegistries: [...covered, "corp.*"] }, ['"corp.*" in allowedRegistries']],
        [
            "both lists",
            { allowedRegistries: covered, blockedRegistries: ["evil.test"] },
            ["allowedRegistries and blockedRegistries exclude each other"],
        ],
        [
            "two blocked registries around the payload, which the operator allows once for each",
            {
                blockedRegistries: ["quay.io/openshift-release-dev", RELEASE],
                ours: pair(),
            },
            ["allowedRegistries and blockedRegistries exclude each other"],
        ],
        ["our source is not allowed", { allowedRegistries: ["reg.test:8443"] }, ["allowedRegistries lacks quay.io,"]],
        [
            "our mirror is not allowed",
            { allowedRegistries: ["quay.io"] },
            [`allowedRegistries lacks the mirror ${MIRROR}`],
        ],
        [
            "the signed release is not allowed, 4.21",
            { allowedRegistries: ["quay.io/acme", "reg.test:8443"], version: "4.21.0" },
            [`allowedRegistries lacks ${RELEASE} of the ClusterImagePolicy`],
        ],
        [
            "its parts are not allowed, 4.22",
            { allowedRegistries: [RELEASE, "reg.test:8443"], version: "4.22.0" },
            [
                "lacks quay.io/openshift-release-dev/ocp-v4.0-art-dev and quay.io/openshift-release-dev/ocp-v5.0-art-dev of",
            ],
        ],
        [
            "our mirror is blocked",
            { blockedRegistries: ["reg.test:8443"] },
            [`blockedRegistries has reg.test:8443, so nodes may not contact the mirror ${MIRROR}`],
        ],
        [
            "our source is blocked",
            { blockedRegistries: ["quay.io"] },
            ["blockedRegistries has quay.io, so nodes reject images of quay.io by that name"],
        ],
        [
            "quay.io is blocked around the signed release, 4.21",
            { blockedRegistries: ["quay.io"], version: "4.21.3" },
            [`blockedRegistries has quay.io, around ${RELEASE} of the ClusterImagePolicy`],
        ],
    ])("%s", (_name, facts, problems) => {
        const found = survey(facts).refusals;
        expect(found.map(({ problem }) => problem)).toEqual(
            problems.map((problem) => expect.stringContaining(problem) as string),
        );
        for (const { code, fix } of found) {
            expect(code).toMatch(/^(REGISTRY_SOURCES|MIRROR_WILDCARD)_CONFLICT$/);
            expect(fix).not.toBe("");
        }
    });

    test("what is allowed in full is none, on any version", () => {
        for (const version of ["4.18.0", "4.21.0", "4.22.1", "5.0.0"]) {
            expect(survey({ allowedRegistries: covered, version })).toMatchObject({ refusals: [], warnings: [] });
        }
    });

    test("up to 4.20 no signed release has to be allowed", () => {
        const allowedRegistries = ["quay.io/acme", "reg.test:8443"];
        expect(survey({ allowedRegistries, version: "4.20.9" }).refusals).toEqual([]);
    });

    test("the payload's own repository is blocked without being rejected, since it has a mirror", () => {
        for (const version of ["4.18.0", "4.21.0"]) {
            expect(survey({ blockedRegistries: [RELEASE], version }).refusals).toEqual([]);
            const ours = pair(RELEASE, `${MIRROR}/x`);
            expect(survey({ blockedRegistries: [RELEASE], version, ours }).refusals).toEqual([]);
            // Without a release image it is a registry as any other.
            expect(
                survey({ blockedRegistries: [RELEASE], version, ours, releaseImage: undefined }).refusals,
            ).toHaveLength(1);
        }
    });

    test("a blocked registry that does not touch ours is none, before and after 4.21", () => {
        for (const version of ["4.18.0", "4.21.0"]) {
            expect(survey({ blockedRegistries: ["evil.test"], version })).toMatchObject({ refusals: [], warnings: [] });
        }
    });
});

describe("registrySources of Image/cluster that warn", () => {
    const forbidding = pair("quay.io", MIRROR, NEVER);
    test.each<[string, Facts, string[]]>([
        [
            "an insecure registry opens a part of a forbidden source",
            { ours: forbidding, insecureRegistries: ["quay.io/lab"] },
            ["Image cluster: insecureRegistries has quay.io/lab, which allows its upstream again although quay.io"],
        ],
        ["of an allowed one: nothing new", { insecureRegistries: ["quay.io/lab"] }, []],
        [
            "an insecure registry around our mirror",
            { insecureRegistries: ["reg.test:8443"] },
            ["Image cluster: insecureRegistries has reg.test:8443, so nodes do not verify"],
        ],
        [
            "a part of our source is blocked",
            { blockedRegistries: ["quay.io/evil"] },
            ["Image cluster: blockedRegistries has quay.io/evil, so nodes reject these images of quay.io"],
        ],
        [
            "the payload has no digest mirror",
            { ours: pair("ghcr.io", "reg.test:8443/mirror/ghcr.io"), blockedRegistries: ["quay.io"] },
            ["Image cluster: blockedRegistries has quay.io, which the operator ignores"],
        ],
        [
            "only a part of our source is allowed",
            {
                allowedRegistries: [
                    "quay.io/acme",
                    "reg.test:8443",
                    "image-registry.openshift-image-registry.svc:5000",
                ],
            },
            ["Image cluster: allowedRegistries has only quay.io/acme of quay.io"],
        ],
        [
            "the cluster's own registry is not allowed",
            { allowedRegistries: ["quay.io", "reg.test:8443"] },
            ["Image cluster: allowedRegistries lacks image-registry.openshift-image-registry.svc:5000"],
        ],
    ])("%s", (_name, facts, expected) => {
        expect(survey(facts).refusals).toEqual([]);
        expect(warnings(facts)).toEqual(expected.map((text) => expect.stringContaining(text) as string));
    });

    test("the registries.conf has what they change; search registries are a file of their own", () => {
        const { registriesConf } = survey({
            ours: forbidding,
            insecureRegistries: ["quay.io/lab"],
            containerRuntimeSearchRegistries: ["corp.test"],
        });
        expect(registriesConf).toMatchObject({
            "unqualified-search-registries": ["registry.access.redhat.com", "docker.io"],
            registry: [{ blocked: true }, { location: "quay.io/lab", insecure: true }],
        });
        expect(registriesConf && findRule(registriesConf, "quay.io/lab/x")).not.toHaveProperty("blocked");
    });

    test("blocked registries around the payload are blocked if it has a mirror, and only then", () => {
        const ghcr = pair("ghcr.io", "reg.test:8443/mirror/ghcr.io");
        const blocked = (ours: readonly MirrorObject[]) =>
            survey({ ours, blockedRegistries: [RELEASE] }).registriesConf?.registry?.filter((rule) => rule.blocked);
        expect(blocked(ghcr)).toEqual([]);
        expect(blocked(pair())).toMatchObject([{ location: RELEASE }]);
        // The payload is pulled by digest.
        const tags = survey({ ours: ghcr, theirs: [CORP_TAG(entry("quay.io", ["corp.test"]))], blockedRegistries: ["quay.io"] }); // prettier-ignore
        expect(tags.warnings).toContainEqual(
            expect.objectContaining({ problem: expect.stringContaining("which the operator ignores") as string }),
        );
        // Nor does the operator see that an ITMS hides the mirror.
        const hidden = [CORP_DIGEST(entry("quay.io", ["corp.test"])), CORP_TAG(entry(RELEASE, ["corp.test"]))];
        expect(survey({ ours: ghcr, theirs: hidden, blockedRegistries: [RELEASE] }).warnings).toEqual([]);
        // A mirror that is blocked too is of no use.
        const within = survey({ ours: ghcr, theirs: [CORP_DIGEST(entry("quay.io", ["corp.test"]))], blockedRegistries: ["quay.io", "corp.test"] }); // prettier-ignore
        expect(within.warnings).toContainEqual(
            expect.objectContaining({ problem: expect.stringContaining("which the operator ignores") as string }),
        );
    });
});
