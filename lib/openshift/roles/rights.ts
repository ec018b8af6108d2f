import { IMAGE_KINDS } from "../coverage/image-kinds";
import { MIRROR_PATHS } from "../existing/read-mirror-objects";
import { PROBE_NAMESPACE } from "../probe/probe-pods";
import { REGISTRY_NAMESPACE, SECRET_NAMES } from "../deployed-registry/deployment";
import { ROLLOUT_NAMES } from "../rollout/rollout-objects";
import { TRUST_NAMES } from "../trust/trusted-ca";
import type { ClusterVersion } from "../versions";
import { hasClusterCatalogs, hasImagePolicies, hasMachineTrust, hasMirrorSets, hasPinnedImages } from "../versions";

/** What this program does at a cluster, each with a role of its own. */
export const CLUSTER_FUNCTIONS = [
    "preview",
    "rules",
    "old-rules",
    "trust",
    "catalogs",
    "operator-hub",
    "signatures",
    "signature-policies",
    "update-service",
    "coverage",
    "proof",
    "pinned-images",
    "registry",
    "imports",
] as const;

export type ClusterFunction = (typeof CLUSTER_FUNCTIONS)[number];

type Verb = "get" | "list" | "watch" | "create" | "patch" | "update" | "delete";

/** Stands for each namespace with archives that are imported there, which the configuration names. */
export const IMPORT_NAMESPACE = "<namespace of an archive>";

/** What a function does with one kind of object, and why. */
export interface Right {
    readonly verbs: readonly Verb[];
    readonly apiGroup: string;
    /** Plural, as in URLs. */
    readonly resource: string;
    /** Absent: everywhere. */
    readonly namespace?: string;
    /** Absent: every object of the kind. */
    readonly names?: readonly string[];
    readonly why: string;
    /** Absent: on every version. */
    readonly isServed?: (version: ClusterVersion | undefined) => boolean;
}

const READ = ["get", "list"] as const;
const LIST = ["list"] as const;
const OLD_RULES = ["get", "list", "create", "delete"] as const;
/** Without list and watch, the kubernetes plugin waits for ten minutes when it deletes an object. */
const MANAGE = ["get", "list", "watch", "create", "patch", "delete"] as const;

const CONFIG = "config.openshift.io";
const MACHINES = "machineconfiguration.openshift.io";
const OPERATOR = "operator.openshift.io";
const OLM = "operators.coreos.com";
const OLM_V1 = "olm.operatorframework.io";
const UPDATES = "updateservice.operator.openshift.io";
const MARKETPLACE = "openshift-marketplace";
const REGISTRY = "openshift-image-registry";
const hasPolicies = (version: ClusterVersion | undefined): boolean => !hasMirrorSets(version);
const hasNodeCa = (version: ClusterVersion | undefined): boolean => !hasMachineTrust(version);

const mirrorSets = ["imagedigestmirrorsets", "imagetagmirrorsets"];

/** Every right of every function: docs/how-to/cluster-access.md. */
export const RIGHTS: Readonly<Record<ClusterFunction, readonly Right[]>> = {
    preview: [
        ...ruleRights(),
        { verbs: ["get"], apiGroup: CONFIG, resource: "clusterversions", names: ["version"], why: "the version" },
        { verbs: READ, apiGroup: MACHINES, resource: "machineconfigpools", why: "how far nodes are" },
        { verbs: READ, apiGroup: MACHINES, resource: "machineconfigs", why: "the rules that nodes have" },
        { verbs: READ, apiGroup: MACHINES, resource: "controllerconfigs", why: "the CAs that nodes have" },
        { verbs: READ, apiGroup: "", resource: "nodes", why: "how far nodes are" },
        ...ownerRights(),
        {
            ...{ verbs: READ, apiGroup: CONFIG, resource: "clusterimagepolicies", isServed: hasImagePolicies },
            why: "signature policies, of others too",
        },
        {
            ...{ verbs: LIST, apiGroup: CONFIG, resource: "imagepolicies", isServed: hasImagePolicies },
            why: "signature policies of namespaces, of others too",
        },
        { verbs: ["get"], apiGroup: "apps", resource: "daemonsets", ...nodeCa(ROLLOUT_NAMES.nodeCa) },
        { verbs: ["get"], apiGroup: "", resource: "configmaps", ...nodeCa(ROLLOUT_NAMES.nodeCaCertificates) },
    ],
    rules: [
        {
            verbs: MANAGE,
            apiGroup: OPERATOR,
            resource: "imagecontentsourcepolicies",
            why: "the mirror rules",
            isServed: hasPolicies,
        },
        {
            verbs: ["get", "list", "watch", "delete"],
            apiGroup: OPERATOR,
            resource: "imagecontentsourcepolicies",
            why: "the mirror rules that this program wrote when the cluster was 4.12 or older",
            isServed: hasMirrorSets,
        },
        ...mirrorSets.map((resource) => ({
            verbs: MANAGE,
            apiGroup: CONFIG,
            resource,
            why: "the mirror rules",
            isServed: hasMirrorSets,
        })),
    ],
    "old-rules": [
        ...Object.values(MIRROR_PATHS).map(({ apiVersion, resource }) => ({
            ...{ verbs: OLD_RULES, apiGroup: apiGroup(apiVersion), resource },
            why: "mirror rules of others that ours replace, and that are created again to go back",
        })),
        {
            ...{ verbs: ["get", "list", "patch"], apiGroup: MACHINES, resource: "machineconfigpools" },
            why: "pauses the pools while several of them are removed or created",
        },
    ],
    trust: [
        {
            ...{ verbs: ["get", "patch"], apiGroup: "", resource: "secrets" },
            ...{ namespace: "openshift-config", names: ["pull-secret"], why: "the account in the global pull secret" },
        },
        {
            ...{ verbs: ["get", "create", "patch"], apiGroup: "", resource: "configmaps" },
            ...{ namespace: "openshift-config", why: "the CA in the ConfigMap that Image/cluster names" },
        },
        {
            ...{ verbs: ["delete"], apiGroup: "", resource: "configmaps", namespace: "openshift-config" },
            ...{ names: [TRUST_NAMES.configMap], why: "that ConfigMap, where this program created it" },
        },
        {
            ...{ verbs: ["get", "patch"], apiGroup: CONFIG, resource: "images", names: ["cluster"] },
            why: "the name of that ConfigMap",
        },
    ],
    catalogs: [
        {
            ...{ verbs: MANAGE, apiGroup: OLM, resource: "catalogsources", namespace: MARKETPLACE },
            why: "catalogs of operators",
        },
        {
            ...{ verbs: MANAGE, apiGroup: OLM_V1, resource: "clustercatalogs" },
            ...{ why: "catalogs of operators, OLM v1", isServed: hasClusterCatalogs },
        },
    ],
    "operator-hub": [
        {
            ...{ verbs: ["get", "list", "watch", "patch", "delete"], apiGroup: CONFIG, resource: "operatorhubs" },
            ...{ names: ["cluster"], why: "switches the default catalogs off" },
        },
    ],
    signatures: [
        {
            ...{ verbs: MANAGE, apiGroup: "", resource: "configmaps", namespace: "openshift-config-managed" },
            why: "signatures of releases",
        },
    ],
    "signature-policies": [
        {
            ...{ verbs: ["get", "list", "create", "patch", "delete"], apiGroup: CONFIG },
            ...{ resource: "clusterimagepolicies", isServed: hasImagePolicies, why: "who must have signed images" },
        },
        {
            ...{ verbs: ["get", "list", "create", "patch", "delete"], apiGroup: CONFIG, resource: "imagepolicies" },
            ...{ isServed: hasImagePolicies, why: "who must have signed images of pods in some namespaces" },
        },
    ],
    "update-service": [
        {
            ...{ verbs: MANAGE, apiGroup: UPDATES, resource: "updateservices", namespace: "openshift-update-service" },
            why: "the update service",
        },
    ],
    coverage: coverageRights(),
    proof: [
        ...ruleRights(),
        { verbs: ["get"], apiGroup: CONFIG, resource: "clusterversions", names: ["version"], why: "the version" },
        { verbs: LIST, apiGroup: MACHINES, resource: "machineconfigpools", why: "the pools that are proven" },
        { verbs: LIST, apiGroup: "", resource: "nodes", why: "the nodes of the pools" },
        { verbs: ["get"], apiGroup: "", resource: "namespaces", names: [PROBE_NAMESPACE], why: "whether it exists" },
        {
            ...{ verbs: ["get", "list", "create", "delete"], apiGroup: "", resource: "pods" },
            ...{ namespace: PROBE_NAMESPACE, why: "the pods that pull test images" },
        },
        {
            verbs: LIST,
            apiGroup: "",
            resource: "events",
            namespace: PROBE_NAMESPACE,
            why: "what the nodes say of them",
        },
    ],
    registry: registryRights(),
    imports: importRights(),
    "pinned-images": [
        {
            ...{ verbs: MANAGE, apiGroup: MACHINES, resource: "pinnedimagesets", isServed: hasPinnedImages },
            why: "the images that nodes pull beforehand",
        },
        {
            ...{ verbs: LIST, apiGroup: MACHINES, resource: "machineconfignodes", isServed: hasPinnedImages },
            why: "which nodes have them",
        },
        { verbs: LIST, apiGroup: MACHINES, resource: "machineconfigpools", why: "the nodes of the pools" },
    ],
};

/**
 * What decides where pulls go, whoever has written it. On every version: the API refuses an account without the right to a
 * kind that is not served, in place of saying so.
 */
function ruleRights(): Right[] {
    const why = "rules of others that conflict";
    return [
        { verbs: READ, apiGroup: OPERATOR, resource: "imagecontentsourcepolicies", why },
        ...mirrorSets.map((resource) => ({ verbs: READ, apiGroup: CONFIG, resource, why })),
        {
            verbs: ["get"],
            apiGroup: CONFIG,
            resource: "images",
            names: ["cluster"],
            why: "registries that are blocked",
        },
    ];
}

/** Who has created what would be created. */
function ownerRights(): Right[] {
    const why = "whom an object of this name belongs to";
    return [
        { verbs: ["get"], apiGroup: OLM, resource: "catalogsources", namespace: MARKETPLACE, why },
        { verbs: ["get"], apiGroup: OLM_V1, resource: "clustercatalogs", why, isServed: hasClusterCatalogs },
        { verbs: ["get"], apiGroup: CONFIG, resource: "operatorhubs", names: ["cluster"], why },
        { verbs: ["get"], apiGroup: "", resource: "configmaps", namespace: "openshift-config-managed", why },
        { verbs: ["get"], apiGroup: UPDATES, resource: "updateservices", namespace: "openshift-update-service", why },
    ];
}

function nodeCa(name: string): Pick<Right, "namespace" | "names" | "why" | "isServed"> {
    return { namespace: REGISTRY, names: [name], why: "the CAs that nodes have", isServed: hasNodeCa };
}

/** An archive that is imported in the cluster: `lib/remote-import/job`. */
function importRights(): Right[] {
    const of = (verbs: readonly Verb[], group: string, resource: string, why: string) => ({
        ...{ verbs, apiGroup: group, resource, why, namespace: IMPORT_NAMESPACE },
    });
    return [
        of(["get"], "", "persistentvolumeclaims", "how many nodes may mount the volume"),
        of(["get", "create", "patch", "delete"], "batch", "jobs", "the import"),
        // Only where the cluster enforces OwnerReferencesPermissionEnforcement, as OpenShift does.
        of(["update"], "batch", "jobs/finalizers", "that its secrets belong to it"),
        of(["get", "create", "patch"], "", "secrets", "its accounts"),
        of(LIST, "", "pods", "what keeps its pods from running"),
        of(LIST, "", "events", "what nodes say of them"),
        of(["get"], "", "pods/log", "its progress and result"),
    ];
}

/** A registry that the program runs: `lib/openshift/deployed-registry`. The namespace itself comes with the role. */
function registryRights(): Right[] {
    const namespace = REGISTRY_NAMESPACE;
    const verbs = ["get", "create", "patch", "delete"] as const;
    const of = (group: string, resource: string, why: string) => ({ verbs, apiGroup: group, resource, namespace, why });
    return [
        { verbs: ["get"], apiGroup: "", resource: "namespaces", names: [namespace], why: "whether it exists" },
        of("", "persistentvolumeclaims", "the volume with the content"),
        of("", "configmaps", "the registry's configuration"),
        // The API lets nobody create under given names alone.
        { ...of("", "secrets", "its certificate and accounts"), verbs: ["create"] },
        { ...of("", "secrets", "the same"), verbs: ["get", "patch", "delete"], names: SECRET_NAMES },
        of("", "services", "its addresses"),
        of("networking.k8s.io", "networkpolicies", "who reaches it, and what it reaches"),
        of("apps", "statefulsets", "the registry"),
        of("route.openshift.io", "routes", "its addresses, if they are Routes"),
        { ...of("route.openshift.io", "routes/custom-host", "the hosts of these Routes"), verbs: ["create"] },
        {
            ...of("", "pods", "why the registry is not ready, and whether its node can run another image"),
            ...{ verbs: ["get", "list", "create", "delete"] },
        },
    ];
}

function coverageRights(): Right[] {
    const why = "the images that they name";
    return [
        ...IMAGE_KINDS.map(({ apiVersion, resource }) => ({
            verbs: LIST,
            apiGroup: apiGroup(apiVersion),
            resource,
            why,
        })),
        { verbs: ["get"], apiGroup: CONFIG, resource: "clusterversions", names: ["version"], why: "the release image" },
        ...ruleRights(),
    ];
}

/** "apps" of "apps/v1", "" of "v1". */
function apiGroup(apiVersion: string): string {
    return apiVersion.includes("/") ? (apiVersion.split("/", 1)[0] ?? "") : "";
}
