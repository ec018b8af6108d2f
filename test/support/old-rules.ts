import type { MirrorObject } from "../../lib/openshift";

const CONFIG = "config.openshift.io/v1";

/** `<source> <path below the registry>`: oc-mirror drops the host of the source from the path. */
type Paths = readonly (readonly [source: string, path: string])[];

const OPERATORS: Paths = [
    ["registry.redhat.io/redhat", "redhat"],
    ["registry.redhat.io/rhel9", "rhel9"],
];
const GENERIC: Paths = [
    ["quay.io/org", "org"],
    ["registry.redhat.io/ubi8", "ubi8"],
];
const RELEASE: Paths = [
    ["quay.io/openshift-release-dev/ocp-release", "openshift/release-images"],
    ["quay.io/openshift-release-dev/ocp-v4.0-art-dev", "openshift/release"],
];
const TAGGED: Paths = [
    ["docker.io/library", "library"],
    ["quay.io/org", "org"],
    ["registry.redhat.io/redhat", "redhat"],
    ["registry.redhat.io/ubi8", "ubi8"],
];

const entries = (registry: string, paths: Paths) =>
    paths.map(([source, path]) => ({ source, mirrors: [`${registry}/${path}`] }));

/** What oc-mirror v1 writes: `imageContentSourcePolicy.yaml` (openshift/oc-mirror, v1, pkg/cli/mirror/manifests.go). */
export function contentSourcePolicies(registry: string): MirrorObject[] {
    const policy = (name: string, paths: Paths): MirrorObject => ({
        apiVersion: "operator.openshift.io/v1alpha1",
        kind: "ImageContentSourcePolicy",
        metadata: { name, labels: { "operators.openshift.org/catalog": "true" } } as MirrorObject["metadata"],
        spec: { repositoryDigestMirrors: entries(registry, paths) },
    });
    return [policy("generic-0", GENERIC), policy("operator-0", OPERATORS), policy("release-0", RELEASE)];
}

/**
 * What oc-mirror v2 writes: `idms-oc-mirror.yaml` and `itms-oc-mirror.yaml` (openshift/oc-mirror,
 * internal/pkg/clusterresources/clusterresources.go), by category, without a policy.
 */
export function mirrorSets(registry: string): MirrorObject[] {
    const digests = (name: string, paths: Paths): MirrorObject => ({
        apiVersion: CONFIG,
        kind: "ImageDigestMirrorSet",
        metadata: { name },
        spec: { imageDigestMirrors: entries(registry, paths) },
    });
    return [
        digests("idms-generic-0", GENERIC),
        digests("idms-operator-0", OPERATORS),
        digests("idms-release-0", RELEASE),
        {
            apiVersion: CONFIG,
            kind: "ImageTagMirrorSet",
            metadata: { name: "itms-generic-0" },
            spec: { imageTagMirrors: entries(registry, TAGGED) },
        },
    ];
}
