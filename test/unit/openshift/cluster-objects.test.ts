import { computeDigest, digestHex } from "../../../lib/oci/digest";
import { parseReference } from "../../../lib/oci/reference";
import {
    catalogSources,
    clusterCatalogs,
    hasClusterCatalogs,
    parseClusterVersion,
    signatureConfigMaps,
    updateService,
} from "../../../lib/openshift";

const base = "registry.lab:8443/mirror";
const digest = computeDigest("catalog");
const at = (...paths: string[]) => paths.map((path) => ({ ...parseReference(`${base}/${path}`), digest }));
const tagged = at("registry.redhat.io/redhat/redhat-operator-index:v4.18");

describe("a catalog at the mirror", () => {
    it("is a CatalogSource and a ClusterCatalog by its tag, which is polled, under oc-mirror's names", () => {
        expect(catalogSources(tagged)).toEqual([
            {
                apiVersion: "operators.coreos.com/v1alpha1",
                kind: "CatalogSource",
                metadata: { name: "cs-redhat-operator-index-v4-18", namespace: "openshift-marketplace" },
                spec: {
                    sourceType: "grpc",
                    image: `${base}/registry.redhat.io/redhat/redhat-operator-index:v4.18`,
                    updateStrategy: { registryPoll: { interval: "30m" } },
                },
            },
        ]);
        expect(clusterCatalogs(tagged)).toEqual([
            {
                apiVersion: "olm.operatorframework.io/v1",
                kind: "ClusterCatalog",
                metadata: { name: "cc-redhat-operator-index-v4-18" },
                spec: {
                    source: {
                        type: "Image",
                        image: {
                            ref: `${base}/registry.redhat.io/redhat/redhat-operator-index:v4.18`,
                            pollIntervalMinutes: 30,
                        },
                    },
                },
            },
        ]);
    });

    it("is named by its digest where it has no tag, and then there is nothing to poll", () => {
        const [source] = catalogSources(at(`quay.io/org/index@${digest}`));
        expect(source?.metadata.name).toBe(`cs-index-${digestHex(digest).slice(0, 12)}`);
        expect(source?.spec).toEqual({ sourceType: "grpc", image: `${base}/quay.io/org/index@${digest}` });
        const [catalog] = clusterCatalogs(at(`quay.io/org/index@${digest}`));
        expect(catalog?.spec.source.image).toEqual({ ref: `${base}/quay.io/org/index@${digest}` });
    });

    it("is a ClusterCatalog by its digest, if the API would take port, path and tag for too long a tag", () => {
        const path = (length: number): string =>
            `quay.io/${"x".repeat(length - "8443/mirror/quay.io/:v4.18".length)}:v4.18`;
        const refs = clusterCatalogs(at(path(127), path(128))).map(({ spec }) => spec.source.image);
        expect(refs[0]).toEqual({ ref: `${base}/${path(127)}`, pollIntervalMinutes: 30 });
        expect(refs[1]).toEqual({ ref: `${base}/${path(128).replace(":v4.18", "")}@${digest}` });
        expect(catalogSources(at(path(128)))[0]?.spec.image).toBe(`${base}/${path(128)}`);
    });

    it.each([
        ["quay.io/org/my_index.v2:Latest_1.2.3-build", "cs-my-index-v2-latest-1-2-3"],
        ["quay.io/org/index:v4.18-------x", "cs-index-v4-18"],
    ])("%s has a name that the API takes", (path, name) => {
        expect(catalogSources(at(path)).map(({ metadata }) => metadata.name)).toEqual([name]);
    });

    it("has a name of its own where oc-mirror would give one to two, and a short one where it would be too long", () => {
        const names = catalogSources(
            at("quay.io/a/index:1", "quay.io/b/index:1", "quay.io/a/other:1", `quay.io/${"x".repeat(80)}:1`),
        ).map(({ metadata }) => metadata.name);
        expect(names[0]).toMatch(/^cs-index-1-[0-9a-f]{8}$/);
        expect(names[1]).toMatch(/^cs-index-1-[0-9a-f]{8}$/);
        expect(names[2]).toBe("cs-other-1");
        expect(names[3]).toMatch(/^cs-x+-[0-9a-f]{8}$/);
        expect(names[3]).toHaveLength(63);
        expect(new Set(names).size).toBe(4);
    });

    it.each([
        [undefined, true],
        ["4.17.9", false],
        ["4.18", true],
        ["5.0", true],
    ])("of a cluster of %s may be a ClusterCatalog: %s", (version, expected) => {
        expect(hasClusterCatalogs(version === undefined ? undefined : parseClusterVersion(version))).toBe(expected);
    });
});

describe("signatures of releases", () => {
    it("are a ConfigMap that the cluster-version operator finds by its label, each under its digest and number", () => {
        expect(signatureConfigMaps({ [digest]: ["AAAA", "BBBB"] })).toEqual([
            {
                apiVersion: "v1",
                kind: "ConfigMap",
                metadata: {
                    name: "mirrored-release-signatures",
                    namespace: "openshift-config-managed",
                    labels: { "release.openshift.io/verification-signatures": "" },
                },
                binaryData: { [`sha256-${digestHex(digest)}-1`]: "AAAA", [`sha256-${digestHex(digest)}-2`]: "BBBB" },
            },
        ]);
        expect(signatureConfigMaps({})).toEqual([]);
    });

    it("are spread over ConfigMaps that `oc apply` can keep in its annotation, none lost and none twice", () => {
        const message = Buffer.alloc(900, 1).toString("base64");
        const all = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [computeDigest(String(i)), [message]]));
        const maps = signatureConfigMaps(all);
        expect(maps.map(({ metadata }) => metadata.name)).toEqual([
            "mirrored-release-signatures",
            ...[2, 3, 4, 5].map((number) => `mirrored-release-signatures-${number}`),
        ]);
        const keys = maps.flatMap(({ binaryData }) => Object.keys(binaryData));
        expect(keys.sort()).toEqual(
            Object.keys(all)
                .map((name) => `sha256-${digestHex(name)}-1`)
                .sort(),
        );
        // Kubernetes: TotalAnnotationSizeLimitB, over keys and values of all annotations.
        const room = 256 * 1024 - "kubectl.kubernetes.io/last-applied-configuration".length;
        for (const map of maps) expect(JSON.stringify(map).length).toBeLessThan(room);
    });
});

it("an update service offers a repository of releases with a graph that is named by its digest", () => {
    const [releases, graph] = at(
        "quay.io/openshift-release-dev/ocp-release:4.18.20-x86_64",
        "localhost/openshift/graph-image:latest",
    );
    if (releases === undefined || graph === undefined) throw new Error("no references");
    expect(updateService(releases, graph)).toEqual({
        apiVersion: "updateservice.operator.openshift.io/v1",
        kind: "UpdateService",
        metadata: { name: "update-service-oc-mirror", namespace: "openshift-update-service" },
        spec: {
            replicas: 2,
            releases: `${base}/quay.io/openshift-release-dev/ocp-release`,
            graphDataImage: `${base}/localhost/openshift/graph-image@${digest}`,
        },
    });
});
