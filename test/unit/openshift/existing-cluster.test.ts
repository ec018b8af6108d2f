import { type ExistingCluster, type MirrorObject, currentRegistriesConf } from "../../../lib/openshift";
import { isInternalReleaseMirror } from "../../../lib/openshift/existing/internal-release";
import {
    type Facts,
    ALLOW,
    CORP_DIGEST,
    CORP_POLICY,
    CORP_TAG,
    MIRROR,
    NEVER,
    RELEASE,
    named,
    pair,
    refusals,
    survey,
    warnings,
} from "./cluster-survey";
import { entry, icsp, idms, itms } from "./mirror-objects";

const CLUSTER: ExistingCluster = {
    objects: [],
    version: "4.18.20",
    servedKinds: ["ICSP", "IDMS", "ITMS"],
    releaseImage: `${RELEASE}@sha256:${"a".repeat(64)}`,
};

test("a cluster without anything of others has no refusal, no warning, and our registries.conf", () => {
    const { refusals: refused, warnings: warned, registriesConf } = survey({});
    expect([refused, warned]).toEqual([[], []]);
    expect(registriesConf?.registry).toHaveLength(1);
});

test("what nodes have now is without registries that are blocked around the release payload", () => {
    const cluster = { ...CLUSTER, registrySources: { blockedRegistries: ["quay.io"] } };
    expect(currentRegistriesConf(cluster)?.registry).toBeUndefined();
    const blocked = { ...CLUSTER, registrySources: { blockedRegistries: ["docker.io"] } };
    expect(currentRegistriesConf(blocked)?.registry).toEqual([{ location: "docker.io", blocked: true }]);
    const conflict = [CORP_DIGEST(entry("quay.io", ["a.test"], NEVER)), CORP_TAG(entry("quay.io", ["a.test"]))];
    expect(currentRegistriesConf({ ...CLUSTER, objects: conflict })).toBeUndefined();
});

test("our objects of the last run are recognised by kind and name, and count as they will be", () => {
    const before = pair("quay.io", "old.test/mirror/quay.io", NEVER);
    expect(survey({ theirs: before })).toEqual(survey({}));
    // Of the same name, but another kind: not ours.
    const other = named("passthrough-tag", idms(entry("quay.io", ["corp.test"], NEVER)));
    expect(survey({ theirs: [other] }).refusals).toHaveLength(1);
});

/** Machine-config operator, container-runtime-config/helpers.go, validateRegistriesConfScopes: all entries count. */
describe("one policy per source", () => {
    const forbidding = pair("quay.io", MIRROR, NEVER);
    test.each<[string, Facts, string, string]>([
        [
            "an IDMS of others allows what ours forbid",
            { theirs: [CORP_DIGEST(entry("quay.io", ["corp.test"]))], ours: forbidding },
            "ImageDigestMirrorSet corp",
            "set contactSource: allow, or set mirrorSourcePolicy: NeverContactSource for quay.io in ImageDigestMirrorSet corp",
        ],
        [
            "an ICSP always allows",
            { theirs: [CORP_POLICY(entry("quay.io", ["corp.test"]))], ours: forbidding },
            "ImageContentSourcePolicy corp",
            "set contactSource: allow, or replace ImageContentSourcePolicy corp, which cannot forbid,",
        ],
        [
            "an entry without mirrors counts",
            { theirs: [CORP_TAG(entry("quay.io", [], ALLOW))], ours: forbidding },
            "ImageTagMirrorSet corp",
            "set contactSource: allow",
        ],
        [
            "an entry whose mirror is the source counts",
            { theirs: [CORP_TAG(entry("quay.io", ["quay.io"]))], ours: forbidding },
            "ImageTagMirrorSet corp",
            "set contactSource: allow",
        ],
        [
            "an IDMS of others forbids what ours allow",
            { theirs: [CORP_DIGEST(entry("quay.io", [], NEVER))] },
            "ImageDigestMirrorSet corp",
            "take NeverContactSource for quay.io out of ImageDigestMirrorSet corp; with contactSource: never",
        ],
        [
            "others disagree among themselves, about a source that is not ours",
            {
                theirs: [
                    CORP_DIGEST(entry("ghcr.io", ["corp.test"], NEVER)),
                    CORP_POLICY(entry("ghcr.io", ["corp.test"])),
                ],
            },
            "ImageDigestMirrorSet corp and ImageContentSourcePolicy corp",
            "set the same mirrorSourcePolicy for ghcr.io in ImageDigestMirrorSet corp and ImageContentSourcePolicy corp",
        ],
    ])("%s", (_name, facts, object, fix) => {
        const { refusals: found, registriesConf } = survey(facts);
        expect(found).toHaveLength(1);
        expect(found[0]).toMatchObject({ code: "MIRROR_POLICY_CONFLICT", object });
        expect(found[0]?.problem).toContain("renders no mirror rules at all");
        expect(found[0]?.fix).toContain(fix);
        expect(registriesConf).toBeUndefined();
    });

    test("the same policy, set or unset, is none", () => {
        const theirs = [CORP_DIGEST(entry("quay.io", [MIRROR])), CORP_POLICY(entry("quay.io", [MIRROR]))];
        expect(refusals({ theirs })).toEqual([]);
    });

    test("never with the source among the mirrors", () => {
        expect(refusals({ theirs: [CORP_TAG(entry("ghcr.io", ["corp.test", "ghcr.io"], NEVER))] })).toEqual([
            "MIRROR_POLICY_CONFLICT ImageTagMirrorSet corp: ghcr.io is forbidden (NeverContactSource) and is one of its own " +
                "mirrors -> take ghcr.io out of its mirrors, or set AllowContactingSource",
        ]);
    });

    test("an odd name in an ICSP stops the operator from 4.16 on", () => {
        const theirs = [CORP_POLICY(entry("ghcr.io/Upper", ["corp.test"]))];
        expect(refusals({ theirs, version: "4.15.3" })).toEqual([]);
        expect(refusals({ theirs, version: "4.16.0" })).toEqual([
            expect.stringMatching(
                /^MIRROR_RULE_INVALID ImageContentSourcePolicy corp: "ghcr\.io\/Upper" is not a valid source/,
            ),
        ]);
        expect(refusals({ theirs: [CORP_POLICY(entry("ghcr.io", ["https://corp.test"]))] })).toEqual([
            expect.stringContaining('"https://corp.test" is not a valid mirror'),
        ]);
    });
});

/** Kinds by version: MCO PR #3898 and backports; openshift/api has IDMS and ITMS from 4.13 on. */
describe("kinds and versions", () => {
    const ourPolicy = [named("passthrough", icsp(entry("quay.io", [MIRROR])))];
    const theirs = [CORP_POLICY(entry("ghcr.io", ["corp.test"]))];

    test.each([
        ["4.13.26", "4.13.27"],
        ["4.14.2", "4.14.3"],
    ])("an ICSP on %s", (version, first) => {
        expect(refusals({ theirs, version })).toEqual([
            `MIRROR_KINDS_CONFLICT ImageContentSourcePolicy corp: it exists, and OpenShift ${version} accepts either ICSP or ` +
                "IDMS and ITMS, not both -> migrate every ImageContentSourcePolicy (oc adm migrate icsp) and delete it, or " +
                `upgrade to ${first}`,
        ]);
        expect(refusals({ theirs, version: first })).toEqual([]);
        expect(refusals({ version })).toEqual([]);
    });

    test("an ICSP, and a site that leaves the patch release out where it matters", () => {
        expect(refusals({ theirs, version: "4.14.9", site: "4.14" })).toEqual([
            expect.stringMatching(/^MIRROR_KINDS_CONFLICT .*leaves out -> set cluster.version: "4\.14\.9"$/),
        ]);
        expect(refusals({ theirs, version: "4.15.1", site: "4.15" })).toEqual([]);
        expect(refusals({ version: "4.14.9", site: "4.14" })).toEqual([]);
    });

    test.each<[string | undefined, string, readonly MirrorObject[]]>([
        ["4.12.30", "4.14.9", ourPolicy],
        ["4.14.9", "4.12.30", pair()],
        ["4.13.40", "4.14.9", pair()],
        ["4.14.9", "4.13.40", pair()],
        [undefined, "4.12.30", pair()],
        ["4.17.1", "4.18.0", pair()],
    ])("made for %s, the cluster is %s", (site, version, ours) => {
        expect(refusals({ ours, site, version })).toEqual([
            `CLUSTER_VERSION_DIFFERENT ClusterVersion version: the cluster is ${version}, the objects, and the way in which ` +
                `nodes get the CA, are for ${site ?? "the newest version"} -> set cluster.version: "${version}"`,
        ]);
    });

    test("a difference without an effect is a warning, one of patch releases is nothing", () => {
        expect(warnings({ version: "4.19.2", site: "4.18.20" })).toEqual([
            "ClusterVersion version: the cluster is 4.19.2, the site's configuration says 4.18.20 -> " +
                'set cluster.version: "4.19.2"',
        ]);
        expect(warnings({ version: "4.18.20", site: "4.18" })).toEqual([]);
        expect(warnings({ version: "4.19.2", site: undefined })).toEqual([]);
    });

    test("an update that is under way is a warning", () => {
        expect(warnings({ updatingTo: "4.18.21" })).toEqual([
            "ClusterVersion version: an update to 4.18.21 is under way, and new mirror rules would roll out to its nodes at the " +
                "same time -> wait until it is complete: oc get clusterversion",
        ]);
    });

    test("a kind that the API does not serve", () => {
        expect(refusals({ servedKinds: ["ICSP", "IDMS"] })).toEqual([
            expect.stringMatching(
                /^MIRROR_KINDS_CONFLICT ImageTagMirrorSet passthrough-tag: the API .* does not serve/,
            ),
        ]);
    });

    test("ICSPs up to 4.12 meet as they do later", () => {
        const facts = { ours: ourPolicy, version: "4.12.30", theirs: [CORP_POLICY(entry("quay.io", ["a.test"]))] };
        expect(refusals(facts)).toEqual([]);
        expect(warnings(facts)).toEqual([expect.stringContaining(`by digest: a.test, then ${MIRROR}; by tag: none`)]);
    });
});

/** containers/image, pkg/sysregistriesv2: exactly one rule, the most specific, applies to a pull. */
describe("rules of others beside ours", () => {
    const forbidding = pair("quay.io", MIRROR, NEVER);
    const problems = (facts: Facts) => survey(facts).warnings.map(({ problem }) => problem);

    test.each<[string, Facts, RegExp[]]>([
        [
            "a more specific IDMS takes both forms away",
            { theirs: [CORP_DIGEST(entry("quay.io/acme", ["corp.test/acme"]))] },
            [/^quay\.io\/acme hides our quay\.io:.*; pulls by digest and tag do not reach our mirror$/],
        ],
        [
            "one that has our mirror for digests lacks it for tags",
            { theirs: [CORP_DIGEST(entry("quay.io/acme", ["corp.test/acme", `${MIRROR}/acme`]))] },
            [/^quay\.io\/acme hides our quay\.io:.*; pulls by tag do not reach our mirror$/],
        ],
        [
            "a pair that has our mirror takes nothing away",
            {
                theirs: [
                    CORP_DIGEST(entry("quay.io/acme", [`${MIRROR}/acme`])),
                    CORP_TAG(entry("quay.io/acme", [`${MIRROR}/acme`])),
                ],
            },
            [],
        ],
        [
            "but opens the upstream that ours forbid",
            {
                ours: forbidding,
                theirs: [
                    CORP_DIGEST(entry("quay.io/acme", [`${MIRROR}/acme`])),
                    CORP_TAG(entry("quay.io/acme", [`${MIRROR}/acme`])),
                ],
            },
            [/^quay\.io\/acme hides our quay\.io:.*; its upstream is allowed$/],
        ],
        ["an entry without mirrors makes no rule", { theirs: [CORP_DIGEST(entry("quay.io/acme", []))] }, []],
        ["the host with a port", { theirs: [CORP_TAG(entry("quay.io:443", ["corp.test"]))] }, [/^quay\.io:443 hides our quay\.io:.*; pulls by digest and tag do not reach our mirror$/]], // prettier-ignore
        ["an unrelated source", { theirs: [CORP_DIGEST(entry("quay.iox", ["corp.test"]))] }, []],
        [
            "ours is more specific",
            { ours: pair("quay.io/acme", `${MIRROR}/acme`), theirs: [CORP_DIGEST(entry("quay.io", ["corp.test"]))] },
            [/^our quay\.io\/acme hides quay\.io:/],
        ],
        [
            "ours is inside a wildcard of others",
            { theirs: [CORP_DIGEST(entry("*.io", ["corp.test"]))] },
            [/^our quay\.io hides \*\.io:/],
        ],
        ["the same source, other mirrors", { theirs: [CORP_DIGEST(entry("quay.io", ["corp.test"]))] }, [/^quay\.io: its mirrors are merged with ours/]], // prettier-ignore
        ["the same source, the same mirror", { theirs: [CORP_DIGEST(entry("quay.io", [MIRROR]))] }, []],
    ])("%s", (_name, facts, expected) => {
        expect(survey(facts).refusals).toEqual([]);
        expect(problems(facts)).toEqual(expected.map((text) => expect.stringMatching(text) as string));
    });

    test("of two sources of ours, the closer one counts", () => {
        const ours = [...pair()];
        const both = [entry("quay.io", [MIRROR]), entry("quay.io/acme", ["other.test/acme"])];
        const digests = [idms(...both), itms(...both)].map((object, i) => ({ ...object, metadata: ours[i]?.metadata }));
        const theirs = [CORP_DIGEST(entry("quay.io/acme/app", ["corp.test"]))];
        expect(warnings({ ours: digests as MirrorObject[], theirs })).toEqual([
            expect.stringContaining("quay.io/acme/app hides our quay.io/acme:"),
        ]);
    });

    test("the text names the object, what nodes ask, and the fix", () => {
        const theirs = [CORP_DIGEST(entry("quay.io/acme", ["corp.test/acme"]))];
        expect(warnings({ ours: forbidding, theirs })).toEqual([
            "ImageDigestMirrorSet corp: quay.io/acme hides our quay.io: nodes ask by digest: corp.test/acme; by tag: " +
                "none; its upstream is allowed; pulls by digest and tag do not reach our mirror -> " +
                `add ${MIRROR}/acme to its mirrors and set the same mirrorSourcePolicy, or take quay.io/acme out of ` +
                "ImageDigestMirrorSet corp",
        ]);
        expect(warnings({ theirs: [CORP_DIGEST(entry("quay.io", ["a.test", "b.test"]))] })).toEqual([
            "ImageDigestMirrorSet corp: quay.io: its mirrors are merged with ours; nodes ask by digest: a.test, then " +
                `${MIRROR}, then b.test; by tag: ${MIRROR} -> take the source out of ImageDigestMirrorSet corp, unless both ` +
                "are meant; only one list of one object has a fixed order",
        ]);
    });
});

/** Its registry listens on port 22625 of the control plane (machine-config-operator, IRIRegistryPort). */
describe("the IDMS of an InternalReleaseImage", () => {
    const IRI = "api-int.lab.test:22625/openshift/release-images";
    const theirs = [named("image-digest-mirror", idms(entry(RELEASE, [IRI])))];

    test.each([
        [IRI, true],
        ["localhost:22625/x", true],
        ["registry.appliance.openshift.com:22625", true],
        ["reg.test:22625/x", false],
        ["api-int.lab.test:8443/x", false],
        ["api-int.lab.test:226250/x", false],
    ])("%s is its registry: %s", (location, expected) => {
        expect(isInternalReleaseMirror(location)).toBe(expected);
    });

    test("more specific than ours: what it holds counts as covered, pulls by tag do not", () => {
        const { warnings: found, refusals: refused } = survey({ theirs });
        expect(refused).toEqual([]);
        expect(found).toEqual([
            expect.objectContaining({
                object: "ImageDigestMirrorSet image-digest-mirror",
                problem: expect.stringContaining("counts as covered; pulls by tag do not reach our mirror") as string,
            }),
        ]);
    });

    test("the same source as ours: both mirrors are asked", () => {
        const own = `${MIRROR}/openshift-release-dev/ocp-release`;
        const { warnings: found, registriesConf } = survey({ theirs, ours: pair(RELEASE, own) });
        expect(found).toEqual([
            expect.objectContaining({
                problem: expect.stringContaining(`${RELEASE}: the release registry of the nodes`) as string,
            }),
        ]);
        expect(registriesConf?.registry?.[0]?.mirror?.map(({ location }) => location)).toEqual([IRI, own, own]);
    });

    test("ours may not be more specific", () => {
        const around = [named("image-digest-mirror", idms(entry("quay.io/openshift-release-dev", [IRI])))];
        expect(refusals({ theirs: around, ours: pair(RELEASE, `${MIRROR}/x`) })).toEqual([
            `MIRROR_SHADOWS_RELEASE ImageDigestMirrorSet image-digest-mirror: our source ${RELEASE} would hide ` +
                "quay.io/openshift-release-dev, which the release registry of the nodes serves -> name " +
                `quay.io/openshift-release-dev as the upstream, so that both mirrors are merged, or leave ${RELEASE} out`,
        ]);
    });
});
