import type { PolicyRule } from "./api-server";

/** The rights that ClusterTrust needs, and no others. */
export const TRUST_RULES: readonly PolicyRule[] = [
    { apiGroups: ["config.openshift.io"], resources: ["images"], resourceNames: ["cluster"], verbs: ["get", "patch"] },
    { apiGroups: ["machineconfiguration.openshift.io"], resources: ["machineconfigpools"], verbs: ["list"] },
    {
        apiGroups: ["machineconfiguration.openshift.io"],
        resources: ["machineconfigs", "controllerconfigs"],
        verbs: ["get"],
    },
    { apiGroups: [""], resources: ["nodes"], verbs: ["list"] },
    {
        apiGroups: ["config.openshift.io"],
        resources: ["imagedigestmirrorsets", "imagetagmirrorsets"],
        verbs: ["list"],
    },
    { apiGroups: ["operator.openshift.io"], resources: ["imagecontentsourcepolicies"], verbs: ["list"] },
    {
        namespace: "openshift-config",
        apiGroups: [""],
        resources: ["configmaps"],
        verbs: ["get", "create", "patch", "delete"],
    },
    {
        namespace: "openshift-config",
        apiGroups: [""],
        resources: ["secrets"],
        resourceNames: ["pull-secret"],
        verbs: ["get", "patch"],
    },
];
