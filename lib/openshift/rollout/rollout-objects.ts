import type { KubernetesObject, ResourcePath } from "../../kubernetes/cluster-client";

/** A condition of a pool or a node. */
export interface StatusCondition {
    readonly type: string;
    readonly status: string;
    readonly message?: string;
    readonly lastTransitionTime?: string;
}

/** The nodes that get one rendered configuration (machineconfiguration/v1/types.go). */
export interface MachineConfigPool extends KubernetesObject {
    readonly spec: {
        readonly paused?: boolean;
        /** Nodes that may be at work at the same time: a number, or a percentage as text; absent: 1. */
        readonly maxUnavailable?: number | string;
        /** The rendered configuration that its nodes are to have: `rendered-worker-<hash>`. */
        readonly configuration?: { readonly name?: string };
        /** The sets of images that its nodes are to have: those that its selector selects (4.19.12 and later). */
        readonly pinnedImageSets?: readonly { readonly name: string }[] | null;
    };
    readonly status?: {
        readonly observedGeneration?: number;
        readonly machineCount?: number;
        readonly updatedMachineCount?: number;
        readonly readyMachineCount?: number;
        readonly unavailableMachineCount?: number;
        readonly degradedMachineCount?: number;
        /** The rendered configuration that all its nodes have. */
        readonly configuration?: { readonly name?: string };
        readonly conditions?: readonly StatusCondition[];
    };
}

/** What the machine-config operator gives its daemons on the nodes; the only one is `machine-config-controller`. */
export interface ControllerConfig extends KubernetesObject {
    readonly spec: {
        /** CAs of registries, from the ConfigMap that Image/cluster names; `data` is base64. */
        readonly imageRegistryBundleUserData?: readonly { readonly file: string; readonly data: string }[] | null;
    };
}

export interface MachineConfig extends KubernetesObject {
    readonly spec?: {
        /** Ignition. */
        readonly config?: {
            readonly storage?: {
                readonly files?: readonly IgnitionFile[] | null;
            };
        };
    };
}

export interface IgnitionFile {
    readonly path: string;
    readonly contents?: { readonly source?: string; readonly compression?: string };
}

export interface ClusterNode extends KubernetesObject {
    readonly status?: { readonly conditions?: readonly StatusCondition[] };
}

/** What the daemon of a node reports (machineconfiguration/v1/types_machineconfignode.go); it has the name of the node. */
export interface MachineConfigNode extends KubernetesObject {
    readonly spec: { readonly pool: { readonly name: string } };
    readonly status?: {
        readonly conditions?: readonly StatusCondition[];
        readonly pinnedImageSets?: readonly NodePinnedImageSet[];
    };
}

/** How far a node is with a set of pinned images: generations of that set. */
export interface NodePinnedImageSet {
    readonly name: string;
    readonly desiredGeneration?: number;
    /** All its images are on the node, and pinned. */
    readonly currentGeneration?: number;
    readonly lastFailedGeneration?: number;
    readonly lastFailedGenerationError?: string;
}

export interface DaemonSet extends KubernetesObject {
    readonly status?: {
        readonly observedGeneration?: number;
        readonly desiredNumberScheduled?: number;
        readonly updatedNumberScheduled?: number;
        readonly numberReady?: number;
    };
}

export interface ConfigMap extends KubernetesObject {
    readonly data?: Readonly<Record<string, string>>;
    /** Base64. */
    readonly binaryData?: Readonly<Record<string, string>>;
}

const MACHINE_CONFIGURATION = "machineconfiguration.openshift.io/v1";

/** Where the objects are that tell how far nodes are. */
export const ROLLOUT_PATHS = {
    pools: { apiVersion: MACHINE_CONFIGURATION, resource: "machineconfigpools" },
    controllerConfigs: { apiVersion: MACHINE_CONFIGURATION, resource: "controllerconfigs" },
    machineConfigs: { apiVersion: MACHINE_CONFIGURATION, resource: "machineconfigs" },
    machineConfigNodes: { apiVersion: MACHINE_CONFIGURATION, resource: "machineconfignodes" },
    nodes: { apiVersion: "v1", resource: "nodes" },
    registryDaemonSets: { apiVersion: "apps/v1", resource: "daemonsets", namespace: "openshift-image-registry" },
    registryConfigMaps: { apiVersion: "v1", resource: "configmaps", namespace: "openshift-image-registry" },
} as const satisfies Record<string, ResourcePath>;

/** Which objects of those kinds are read by name. */
export const ROLLOUT_NAMES = {
    controllerConfig: "machine-config-controller",
    /** Copies the CAs of registries to the nodes, up to OpenShift 4.13. */
    nodeCa: "node-ca",
    /** What `node-ca` copies. */
    nodeCaCertificates: "image-registry-certificates",
} as const;

/** True if an object has a condition of this type with this status. */
export function hasCondition(
    conditions: readonly StatusCondition[] | undefined,
    type: string,
    status: "True" | "False" = "True",
): boolean {
    return conditions?.some((condition) => condition.type === type && condition.status === status) ?? false;
}
