import { computeDigest } from "../../lib/oci/digest";
import { parseReference } from "../../lib/oci/reference";
import {
    DEFAULT_CATALOGS_OFF,
    type MirroredHost,
    catalogSources,
    clusterCatalogs,
    imagePolicies,
    hasClusterCatalogs,
    hasImagePolicies,
    hasPinnedImages,
    parseClusterVersion,
    pinnedImageSets,
    signatureConfigMaps,
    updateService,
} from "../../lib/openshift";
import { clientMachineConfigs } from "../../lib/openshift/objects/client-certificate";
import { mirrorRules } from "../../lib/openshift/rules/create-mirror-objects";
import type { SignaturePolicy, SignedIdentity } from "../../lib/signatures";
import type { NamedObject } from "./cluster/api-client";
import { signingKey } from "./signing-key";

const REGISTRY = "registry.lab.test:8443";
const BASE = { host: REGISTRY, prefix: "mirror" };

/** Sources at the edges of the grammar: addresses, ports, no dot, upper case, punycode, long names, every separator. */
const SOURCES = [
    "quay.io",
    "registry.redhat.io",
    "docker.io",
    "docker.io/library",
    "10.20.30.40:5000",
    "build-host:65535",
    "localhost:1",
    "Registry.Partner.Test",
    "xn--bcher-kva.test",
    `${"x".repeat(63)}.${"y".repeat(63)}.test:5000`,
    "quay.io/openshift-release-dev",
    "quay.io/a.b/c_d/e__f/g-h/i---j/0",
    `quay.io/${"p".repeat(200)}`,
];

/** What the project renders for a cluster of this version, of each kind as much as a large site has. */
export function renderedObjects(clusterVersion: string): readonly NamedObject[] {
    const digest = computeDigest("catalog");
    const catalogs = CATALOGS.map((path) => ({ ...parseReference(`${REGISTRY}/mirror/${path}`), digest }));
    const graph = { ...parseReference(`${REGISTRY}/mirror/openshift/graph-image`), digest: computeDigest("graph") };
    return [
        ...renderedRules(clusterVersion, "allow"),
        ...catalogSources(catalogs),
        ...(hasClusterCatalogs(parseClusterVersion(clusterVersion)) ? clusterCatalogs(catalogs) : []),
        ...signatureConfigMaps(signatures(700)),
        updateService(parseReference(`${REGISTRY}/mirror/quay.io/openshift-release-dev/ocp-release`), graph),
        DEFAULT_CATALOGS_OFF,
        ...(hasImagePolicies(parseClusterVersion(clusterVersion))
            ? imagePolicies([...POLICIES, ...NAMESPACE_POLICIES])
            : []),
        ...(hasPinnedImages(parseClusterVersion(clusterVersion))
            ? pinnedImageSets(PINNED, ["master", "worker"], "passthrough-lab")
            : []),
        ...clientMachineConfigs({ host: REGISTRY, ca: "ca", certificate: "certificate", key: "key" }),
    ];
}

/** More than one set takes, with names at the edges of what the API accepts. */
const PINNED = [
    `quay.io/app@${computeDigest("app")}`,
    `registry.lab.test:65535/${"n".repeat(61)}/a.b_c-d@${computeDigest("app")}`,
    ...Array.from({ length: 600 }, (_, at) => `quay.io/org/app-${at}@${computeDigest(`app ${at}`)}`),
];

/** One of each kind of key and identity, with scopes at the edges of what the API accepts. */
const POLICIES: readonly SignaturePolicy[] = [
    policy("p256", ["quay.io", "quay.io/a.b/c_d/e__f/g-h", "localhost:5000/x"], { matchPolicy: "MatchRepository" }),
    policy("rsa", ["registry.example.com:5000/app:1.0", `quay.io/app@${computeDigest("image")}`], {
        matchPolicy: "ExactRepository",
        exactRepository: { repository: "registry.example.com:5000/team/app" },
    }),
    policy("ed25519", ["*.example.com"], {
        matchPolicy: "RemapIdentity",
        remapIdentity: { prefix: "quay.io/team", signedPrefix: "localhost:5000" },
    }),
    policy("p384", ["docker.io/library/nginx"], { matchPolicy: "MatchRepoDigestOrExact" }),
];

/** The same for pods of a namespace. */
const NAMESPACE_POLICIES = POLICIES.map((one) => ({ ...one, name: `default/${one.name}`, namespace: "default" }));

function policy(
    key: "p256" | "p384" | "rsa" | "ed25519",
    scopes: readonly string[],
    signedIdentity: SignedIdentity,
): SignaturePolicy {
    return { name: key, scopes, publicKey: signingKey(key).publicKey, signedIdentity };
}

/** The mirror rules of a site with some hundred sources. */
export function renderedRules(clusterVersion: string, contactSource: "allow" | "never"): readonly NamedObject[] {
    const many = Array.from({ length: 300 }, (_, at) => `upstream-${at}.test`);
    const hosts = [...SOURCES, ...many].map((host): MirroredHost => ({ host, tags: true, digests: true }));
    return mirrorRules({ base: BASE, hosts, contactSource, clusterVersion }).objects;
}

const CATALOGS = [
    "registry.redhat.io/redhat/redhat-operator-index:v4.18",
    "registry.redhat.io/redhat/certified-operator-index:v4.18",
    `quay.io/org/index@${computeDigest("catalog")}`,
    "quay.io/org/my_index.v2:Latest_1.2.3-build",
    "quay.io/org/index:v4.18-------x",
    "quay.io/a/index:1",
    "quay.io/b/index:1",
    `quay.io/${"x".repeat(80)}:1`,
    // The API takes all after the first colon, of the port, for the tag: 127 characters are the most, then one more.
    ...[127, 128].map((size) => `quay.io/${"x".repeat(size - "8443/mirror/quay.io/:v4.18".length)}:v4.18`),
];

/** Of so many releases, each about as large as the real ones. */
export function signatures(count: number): Record<string, string[]> {
    const message = Buffer.alloc(900, "signature").toString("base64");
    return Object.fromEntries(
        Array.from({ length: count }, (_, at) => [
            computeDigest(`release ${at}`),
            at % 100 === 0 ? [message, message] : [message],
        ]),
    );
}
