import { parseMirrorBase } from "../../../lib/mirror/mirror-reference";
import { parseAllDocuments } from "yaml";
import { isMirrorLocation, isMirrorSource } from "../../../lib/openshift/rules/mirror-object-types";
import { formatObjects } from "../../../lib/openshift/objects/objects-yaml";
import { type MirroredHost, mirrorRules } from "../../../lib/openshift/rules/create-mirror-objects";

const BASE = "registry.lab.test:8443/mirror";
const MIRROR = parseMirrorBase(BASE);
const both = (host: string): MirroredHost => ({ host, tags: true, digests: true });
const entry = (source: string, mirrorSourcePolicy: string): object => ({
    source,
    mirrors: [`${BASE}/${source}`],
    mirrorSourcePolicy,
});

describe("mirrorRules", () => {
    test("makes the pair of one IDMS and one ITMS, sources sorted, the policy always spelled out", () => {
        const { objects, sources, notes } = mirrorRules({
            base: MIRROR,
            hosts: [both("registry.redhat.io"), both("quay.io")],
            contactSource: "never",
            clusterVersion: "4.18.20",
        });
        const entries = [entry("quay.io", "NeverContactSource"), entry("registry.redhat.io", "NeverContactSource")];
        expect(objects).toEqual([
            {
                apiVersion: "config.openshift.io/v1",
                kind: "ImageDigestMirrorSet",
                metadata: { name: "passthrough-digest" },
                spec: { imageDigestMirrors: entries },
            },
            {
                apiVersion: "config.openshift.io/v1",
                kind: "ImageTagMirrorSet",
                metadata: { name: "passthrough-tag" },
                spec: { imageTagMirrors: entries },
            },
        ]);
        expect(sources).toEqual(["quay.io", "registry.redhat.io"]);
        expect(notes).toEqual([]);
    });

    test.each([
        ["never", "NeverContactSource"],
        ["allow", "AllowContactingSource"],
    ] as const)("gives a host that is named by digest alone an entry in both: %s", (contactSource, policy) => {
        const host = { host: "quay.io", tags: false, digests: true };
        const { objects } = mirrorRules({ base: MIRROR, hosts: [host], contactSource });
        expect(objects.map((object) => Object.values(object.spec))).toEqual([
            [[entry("quay.io", policy)]],
            [[entry("quay.io", policy)]],
        ]);
    });

    test("offers a host whose images all lost their digest to tag mirrors only, and says so", () => {
        const hosts = [{ host: "quay.io", tags: true, digests: false }, both("docker.io")];
        const { objects, sources, notes } = mirrorRules({ base: MIRROR, hosts, contactSource: "never" });
        const [docker, quay] = ["docker.io", "quay.io"].map((host) => entry(host, "NeverContactSource"));
        expect(objects.map(({ kind, spec }) => [kind, ...Object.values(spec)])).toEqual([
            ["ImageDigestMirrorSet", [docker]],
            ["ImageTagMirrorSet", [docker, quay]],
        ]);
        expect(sources).toEqual(["docker.io", "quay.io"]);
        expect(notes).toEqual([
            "quay.io: no image in the mirror has its upstream digest, so no pull by digest comes from there.",
        ]);
        const alone = mirrorRules({ base: MIRROR, hosts: hosts.slice(0, 1), contactSource: "never" });
        expect(alone.objects.map(({ kind }) => kind)).toEqual(["ImageTagMirrorSet"]);
    });

    test("makes no ICSP for a host whose images all lost their digest, and says why", () => {
        const hosts = [{ host: "quay.io", tags: true, digests: false }];
        const old = mirrorRules({ base: MIRROR, hosts, contactSource: "allow", clusterVersion: "4.12.3" });
        expect([old.objects, old.sources]).toEqual([[], []]);
        expect(old.notes.join(" ")).toMatch(/quay.io: no rule.*tag only.*4\.12\.3 redirects pulls by digest alone/);
    });

    test("makes an ICSP up to 4.12, and says what it cannot do", () => {
        const { objects, notes } = mirrorRules({
            base: MIRROR,
            hosts: [both("quay.io")],
            contactSource: "never",
            clusterVersion: "4.12.3",
        });
        expect(objects).toEqual([
            {
                apiVersion: "operator.openshift.io/v1alpha1",
                kind: "ImageContentSourcePolicy",
                metadata: { name: "passthrough" },
                spec: { repositoryDigestMirrors: [{ source: "quay.io", mirrors: [`${BASE}/quay.io`] }] },
            },
        ]);
        expect(notes.join(" ")).toMatch(/by digest only.*cannot forbid the upstream.*blockedRegistries/);
    });

    test("takes every spelling of a host as that host", () => {
        const { sources } = mirrorRules({
            base: MIRROR,
            hosts: [both("index.docker.io"), both("docker.io"), both("Quay.IO")],
            contactSource: "allow",
        });
        expect(sources).toEqual(["docker.io", "quay.io"]);
    });

    test("maps a host with a port to a legal mirror", () => {
        const { objects } = mirrorRules({ base: MIRROR, hosts: [both("up.test:5000")], contactSource: "allow" });
        expect(objects[0]?.spec).toEqual({
            imageDigestMirrors: [
                {
                    source: "up.test:5000",
                    mirrors: [`${BASE}/up.test-5000`],
                    mirrorSourcePolicy: "AllowContactingSource",
                },
            ],
        });
    });

    test("skips what is no registry unless told otherwise, and says why", () => {
        const host = "storage.googleapis.com/openshift-release";
        const skipped = mirrorRules({ base: MIRROR, hosts: [both(host), both("quay.io")], contactSource: "allow" });
        expect(skipped.sources).toEqual(["quay.io"]);
        expect(skipped.notes).toEqual([`${host}: no rule, it is a file store of release signatures, not a registry.`]);
        const forced = mirrorRules({ base: MIRROR, hosts: [{ ...both(host), evenIfEgressOnly: true }], contactSource: "allow" }); // prettier-ignore
        expect(forced.objects[0]?.spec).toEqual({ imageDigestMirrors: [entry(host, "AllowContactingSource")] });
    });

    test("makes no rule for a host without content, and no empty object", () => {
        const { objects, sources, notes } = mirrorRules({
            base: MIRROR,
            hosts: [{ host: "quay.io", tags: false, digests: false }],
            contactSource: "never",
            clusterVersion: "4.20.1",
        });
        expect([objects, sources]).toEqual([[], []]);
        expect(notes).toEqual(["quay.io: no rule yet, the mirror has no content of it."]);
    });

    test("warns that pulls by tag fail where nothing has a tag and the source is forbidden", () => {
        const hosts = [{ host: "quay.io", tags: false, digests: true }, both("docker.io")];
        expect(mirrorRules({ base: MIRROR, hosts, contactSource: "never" }).notes).toEqual([
            "quay.io: no image in the mirror has a tag of its own, so every pull by tag will fail.",
        ]);
        expect(mirrorRules({ base: MIRROR, hosts, contactSource: "allow" }).notes).toEqual([]);
    });

    test("adds up what is said of one host in two spellings", () => {
        const hosts = [both("docker.io"), { host: "index.docker.io", tags: false, digests: true }];
        expect(mirrorRules({ base: MIRROR, hosts, contactSource: "never" }).notes).toEqual([]);
    });

    test("takes other names for the objects, if Kubernetes does", () => {
        const rules = (names: object) => mirrorRules({ base: MIRROR, hosts: [both("quay.io")], contactSource: "allow", names }); // prettier-ignore
        expect(rules({ digest: "a.b", tag: "c" }).objects.map((object) => object.metadata.name)).toEqual(["a.b", "c"]);
        expect(() => rules({ tag: "Not_Ok" })).toThrow(expect.objectContaining({ code: "MIRROR_RULE_INVALID" }));
    });

    test("refuses two hosts that map alike", () => {
        const hosts = [both("up.test:5000"), both("up.test-5000")];
        expect(() => mirrorRules({ base: MIRROR, hosts, contactSource: "allow" })).toThrow(
            "MIRROR_CONFLICT: mirror rules: up.test-5000 and up.test:5000 both map to registry.lab.test:8443/mirror/up.test-5000",
        );
    });

    test.each([
        ["registry.lab.test:8443", "registry.lab.test:8443/mirror"],
        ["registry.lab.test", "registry.lab.test:8443/mirror"],
        ["quay.io", "quay.io/mirror"],
    ])("refuses to forbid %s while the mirror is %s", (host, base) => {
        const rules = (contactSource: "never" | "allow") =>
            mirrorRules({ base: parseMirrorBase(base), hosts: [both(host)], contactSource });
        expect(() => rules("never")).toThrow(expect.objectContaining({ code: "MIRROR_BLOCKED" }));
        expect(rules("allow").sources).toEqual([host]);
        const old = mirrorRules({
            base: parseMirrorBase(base),
            hosts: [both(host)],
            contactSource: "never",
            clusterVersion: "4.12",
        });
        expect(old.sources).toEqual([host]);
    });

    test.each(["https://quay.io", "quay.io/Acme", "quay.io/acme:1", "*.redhat.io", "[::1]:5000", "quay"])(
        "refuses the host %s",
        (host) => {
            expect(() => mirrorRules({ base: MIRROR, hosts: [both(host)], contactSource: "allow" })).toThrow(
                expect.objectContaining({ code: expect.stringMatching(/MIRROR_(HOST|RULE)_INVALID/) }),
            );
        },
    );
});

describe("the grammar of the cluster's API", () => {
    test.each([
        "registry.lab.test:8443/mirror/quay.io",
        "10.0.0.5:8443/mirror/registry.redhat.io",
        "storage.googleapis.com/openshift-release",
        "registry/mirror",
        "a.test/x__y/z---1",
    ])("accepts %s as mirror and as source", (text) => {
        expect([isMirrorLocation(text), isMirrorSource(text)]).toEqual([true, true]);
    });

    test.each([
        "https://quay.io",
        "quay.io/",
        "quay.io/Acme",
        "quay.io/acme/app:1",
        `quay.io/acme/app@sha256:${"a".repeat(64)}`,
        "*.redhat.io/ubi9",
        "*.redhat.io:443",
        "my_host/x",
        "[::1]:5000/x",
        "reg.test/mirror/up.example.com:5000",
    ])("rejects %s", (text) => {
        expect([isMirrorLocation(text), isMirrorSource(text)]).toEqual([false, false]);
    });

    test("takes a wildcard as source only", () => {
        expect([isMirrorLocation("*.redhat.io"), isMirrorSource("*.redhat.io")]).toEqual([false, true]);
    });
});

describe("formatObjects", () => {
    const { objects } = mirrorRules({
        base: MIRROR,
        hosts: [both("quay.io"), both("docker.io")],
        contactSource: "allow",
    });

    test("writes one document per object that reads back as the object", () => {
        const documents = parseAllDocuments(formatObjects(objects));
        expect(Array.from(documents, (document) => document.toJS() as unknown)).toEqual(objects);
    });

    test("is plain, stable and ends with a newline", () => {
        expect(formatObjects(objects.slice(0, 1))).toBe(`apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata:
  name: passthrough-digest
spec:
  imageDigestMirrors:
    - source: docker.io
      mirrors:
        - registry.lab.test:8443/mirror/docker.io
      mirrorSourcePolicy: AllowContactingSource
    - source: quay.io
      mirrors:
        - registry.lab.test:8443/mirror/quay.io
      mirrorSourcePolicy: AllowContactingSource
`);
        expect(formatObjects(objects)).not.toMatch(/[&*]a\d/);
        expect(formatObjects([])).toBe("");
    });
});
