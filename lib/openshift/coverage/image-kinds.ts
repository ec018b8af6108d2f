import type { ResourcePath } from "../../kubernetes/cluster-client";

/** A kind whose objects name images, as it is listed in all namespaces. */
interface ImageKind extends ResourcePath {
    /** Objects in a list do not repeat it. */
    readonly kind: string;
}

/** All of them: what coverage reads, and has rights for. */
export const IMAGE_KINDS: readonly ImageKind[] = [
    { apiVersion: "v1", resource: "pods", kind: "Pod" },
    { apiVersion: "v1", resource: "replicationcontrollers", kind: "ReplicationController" },
    { apiVersion: "apps/v1", resource: "deployments", kind: "Deployment" },
    { apiVersion: "apps/v1", resource: "statefulsets", kind: "StatefulSet" },
    { apiVersion: "apps/v1", resource: "daemonsets", kind: "DaemonSet" },
    { apiVersion: "apps/v1", resource: "replicasets", kind: "ReplicaSet" },
    { apiVersion: "batch/v1", resource: "jobs", kind: "Job" },
    { apiVersion: "batch/v1", resource: "cronjobs", kind: "CronJob" },
    { apiVersion: "apps.openshift.io/v1", resource: "deploymentconfigs", kind: "DeploymentConfig" },
    { apiVersion: "build.openshift.io/v1", resource: "buildconfigs", kind: "BuildConfig" },
    { apiVersion: "image.openshift.io/v1", resource: "imagestreams", kind: "ImageStream" },
    { apiVersion: "operators.coreos.com/v1alpha1", resource: "catalogsources", kind: "CatalogSource" },
    // Also before 4.18: the technology preview has them, and without the right a kind that is not served is forbidden.
    { apiVersion: "olm.operatorframework.io/v1", resource: "clustercatalogs", kind: "ClusterCatalog" },
];
