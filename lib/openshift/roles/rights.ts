import type { ClusterVersion } from "../versions";
import { hasClusterCatalogs, hasMirrorSets } from "../versions";

/** What this program does at a cluster, each with a role of its own. */
export const CLUSTER_FUNCTIONS = [
    "preview",
    "rules",
    "trust",
    "catalogs",
    "operator-hub",
    "signatures",
    "update-service",
    "coverage",
] as const;

export type ClusterFunction = (typeof CLUSTER_FUNCTIONS)[number];

/** The functions that change nothing: an account for pull requests needs no others. */
export const READING_FUNCTIONS: readonly ClusterFunction[] = ["preview", "coverage"];

type Verb = "get" | "list" | "watch" | "create" | "patch" | "delete";

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
/** What the OpenShift documentation calls the ConfigMap with the CAs of registries. */
const CA_CONFIG_MAP = "registry-cas";

const hasPolicies = (version: ClusterVersion | undefined): boolean => !hasMirrorSets(version);
/** Up to 4.13 a DaemonSet brings the CAs of registries to nodes, later the machine-config daemon. */
const hasNodeCa = (version: ClusterVersion | undefined): boolean =>
    version !== undefined && version.major === 4 && version.minor <= 13;

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
        { verbs: ["get"], apiGroup: "apps", resource: "daemonsets", ...nodeCa("node-ca") },
        { verbs: ["get"], apiGroup: "", resource: "configmaps", ...nodeCa("image-registry-certificates") },
    ],
    rules: [
        {
            verbs: MANAGE,
            apiGroup: OPERATOR,
            resource: "imagecontentsourcepolicies",
            why: "the mirror rules",
            isServed: hasPolicies,
        },
        ...mirrorSets.map((resource) => ({
            verbs: MANAGE,
            apiGroup: CONFIG,
            resource,
            why: "the mirror rules",
            isServed: hasMirrorSets,
        })),
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
            ...{ names: [CA_CONFIG_MAP], why: "that ConfigMap, where this program created it" },
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
    "update-service": [
        {
            ...{ verbs: MANAGE, apiGroup: UPDATES, resource: "updateservices", namespace: "openshift-update-service" },
            why: "the update service",
        },
    ],
    coverage: coverageRights(),
};

/** What decides where pulls go, whoever has written it. */
function ruleRights(): Right[] {
    const why = "rules of others that conflict";
    return [
        { verbs: READ, apiGroup: OPERATOR, resource: "imagecontentsourcepolicies", why },
        ...mirrorSets.map((resource) => ({
            ...{ verbs: READ, apiGroup: CONFIG, resource, why },
            isServed: hasMirrorSets,
        })),
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

function coverageRights(): Right[] {
    const named: Readonly<Record<string, readonly string[]>> = {
        "": ["pods", "replicationcontrollers"],
        apps: ["deployments", "statefulsets", "daemonsets", "replicasets"],
        batch: ["jobs", "cronjobs"],
        "apps.openshift.io": ["deploymentconfigs"],
        "build.openshift.io": ["buildconfigs"],
        "image.openshift.io": ["imagestreams"],
        [OLM]: ["catalogsources"],
        // Also before 4.18: the technology preview has them, and without the right a kind that is not served is forbidden.
        [OLM_V1]: ["clustercatalogs"],
    };
    const why = "the images that they name";
    return [
        ...Object.entries(named).flatMap(([apiGroup, resources]) =>
            resources.map((resource) => ({ verbs: LIST, apiGroup, resource, why })),
        ),
        { verbs: ["get"], apiGroup: CONFIG, resource: "clusterversions", names: ["version"], why: "the release image" },
        ...ruleRights(),
    ];
}
