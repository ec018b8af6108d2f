import type { KubernetesObject, ResourcePath } from "../../kubernetes/cluster-client";
import type { MachineConfigPool, StatusCondition } from "../rollout/rollout-objects";

/** `machineconfiguration.openshift.io/v1`: how a pool says which nodes it has. */
export interface SelectingPool extends MachineConfigPool {
    readonly spec: MachineConfigPool["spec"] & { readonly nodeSelector?: LabelSelector | null };
}

/** `meta/v1` LabelSelector. */
export interface LabelSelector {
    readonly matchLabels?: Readonly<Record<string, string>> | null;
    readonly matchExpressions?: readonly LabelExpression[] | null;
}

export interface LabelExpression {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[] | null;
}

/** What a kubelet says about a container (v1 ContainerStatus). */
export interface ContainerStatus {
    readonly name: string;
    /** `quay.io/org/app@sha256:…`, or the digest alone. */
    readonly imageID?: string;
    readonly state?: {
        readonly waiting?: { readonly reason?: string; readonly message?: string };
        readonly running?: object;
        readonly terminated?: { readonly reason?: string; readonly message?: string; readonly exitCode?: number };
    };
}

export interface ProbePod extends KubernetesObject {
    readonly spec?: {
        readonly nodeName?: string;
        readonly containers?: readonly {
            readonly name: string;
            readonly image?: string;
            readonly imagePullPolicy?: string;
        }[];
    };
    readonly status?: {
        readonly phase?: string;
        readonly reason?: string;
        readonly message?: string;
        readonly conditions?: readonly StatusCondition[];
        readonly containerStatuses?: readonly ContainerStatus[];
    };
}

/** v1 Event. */
export interface PodEvent extends KubernetesObject {
    readonly involvedObject?: {
        readonly name?: string;
        /** Of a container: `spec.containers{probe}`. */
        readonly fieldPath?: string;
    };
    readonly type?: string;
    readonly reason?: string;
    readonly message?: string;
}

/** Where the pods of a probe, and what is said about them, are. */
export function probePaths(namespace: string) {
    return {
        namespaces: { apiVersion: "v1", resource: "namespaces" },
        pods: { apiVersion: "v1", resource: "pods", namespace },
        events: { apiVersion: "v1", resource: "events", namespace },
    } as const satisfies Record<string, ResourcePath>;
}
