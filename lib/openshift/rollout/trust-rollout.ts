import { listed } from "../../errors/text";
import {
    type ClusterNode,
    type ConfigMap,
    type ControllerConfig,
    type DaemonSet,
    ROLLOUT_NAMES,
    hasCondition,
} from "./rollout-objects";
import { DONE, type RolloutResult, waitingForNodes, waitingForOperator } from "./rollout-result";

/** A CA as nodes are to have it. */
export interface ExpectedTrust {
    /** `registry.example..8443` */
    readonly key: string;
    /** PEM; undefined: nodes are to have none. */
    readonly pem: string | undefined;
}

const SYNCED = "machineconfiguration.openshift.io/lastSyncedControllerConfigResourceVersion";
/** How many nodes a line names. */
const MAX_NODES = 3;

/**
 * From OpenShift 4.14 on: the machine-config operator has taken the CA, and the daemon of every node has taken that
 * state of the ControllerConfig. Both are to be read anew for each look: resource versions are compared for equality only
 * (machine-config-operator, pkg/operator/sync.go, pkg/daemon/certificate_writer.go).
 */
export function trustSynced(
    expected: ExpectedTrust,
    controllerConfig: ControllerConfig | undefined,
    nodes: readonly ClusterNode[],
): RolloutResult {
    if (controllerConfig === undefined)
        return waitingForOperator([`ControllerConfig ${ROLLOUT_NAMES.controllerConfig}`]);
    const bundle = controllerConfig.spec.imageRegistryBundleUserData ?? [];
    const found = bundle.find(({ file }) => file === expected.key);
    const pem = found === undefined ? undefined : Buffer.from(found.data, "base64").toString("utf8");
    if (pem !== expected.pem) return waitingForOperator([`the machine-config operator to take the CA ${expected.key}`]);
    const { resourceVersion } = controllerConfig.metadata;
    const managed = nodes.filter(isManaged);
    const behind = managed.filter(({ metadata }) => metadata.annotations?.[SYNCED] !== resourceVersion);
    if (behind.length === 0) return DONE;
    const names = listed(behind.map(describeNode), MAX_NODES);
    return waitingForNodes([`CA: ${managed.length - behind.length} of ${managed.length} nodes (not yet ${names})`]);
}

/** Up to OpenShift 4.13: the image registry's operator has taken the CA, and its DaemonSet is up on every node. */
export function nodeCaRolledOut(
    expected: ExpectedTrust,
    certificates: ConfigMap | undefined,
    daemonSet: DaemonSet | undefined,
): RolloutResult {
    if (certificates?.data?.[expected.key] !== expected.pem) {
        return waitingForOperator([`the image registry's operator to take the CA ${expected.key}`]);
    }
    if (daemonSet?.status === undefined) return waitingForOperator([`DaemonSet ${ROLLOUT_NAMES.nodeCa}`]);
    const { metadata, status } = daemonSet;
    const { desiredNumberScheduled: desired = 0, updatedNumberScheduled: updated = 0, numberReady: ready = 0 } = status;
    const isObserved = (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);
    if (isObserved && updated >= desired && ready >= desired) return DONE;
    return waitingForNodes([`DaemonSet ${metadata.name}: ${Math.min(updated, ready)} of ${desired} nodes`]);
}

/** The machine-config operator does not manage nodes with Windows. */
function isManaged({ metadata }: ClusterNode): boolean {
    return metadata.labels?.["kubernetes.io/os"] !== "windows";
}

function describeNode({ metadata, status }: ClusterNode): string {
    return hasCondition(status?.conditions, "Ready") ? metadata.name : `${metadata.name}, which is not ready`;
}
