import type {
    ClusterNode,
    ControllerConfig,
    MachineConfig,
    MachineConfigPool,
} from "../../lib/openshift/rollout/rollout-objects";

/** How a pool differs from one of three nodes that has rolled out `rendered-<name>-1`. */
export interface PoolDifference {
    readonly paused?: boolean;
    /** What it wants. */
    readonly wanted?: string;
    /** What all its nodes have. */
    readonly has?: string;
    readonly machines?: number;
    readonly updated?: number;
    readonly ready?: number;
    readonly unavailable?: number;
    readonly degraded?: number;
    readonly generation?: number;
    readonly observed?: number;
    readonly conditions?: Readonly<Record<string, string>>;
    /** Of the condition `Degraded`. */
    readonly message?: string;
}

export function pool(name: string, difference: PoolDifference = {}): MachineConfigPool {
    const { machines = 3, generation = 2, conditions = {}, message, paused } = difference;
    const { updated = machines, ready = machines, unavailable = 0, degraded = 0, observed = generation } = difference;
    const statuses = { Updated: "True", Updating: "False", Degraded: "False", ...conditions };
    return {
        apiVersion: "machineconfiguration.openshift.io/v1",
        kind: "MachineConfigPool",
        metadata: { name, uid: `uid-${name}`, generation },
        spec: {
            ...(paused === undefined ? {} : { paused }),
            configuration: { name: difference.wanted ?? `rendered-${name}-1` },
        },
        status: {
            observedGeneration: observed,
            machineCount: machines,
            updatedMachineCount: updated,
            readyMachineCount: ready,
            unavailableMachineCount: unavailable,
            degradedMachineCount: degraded,
            configuration: { name: difference.has ?? `rendered-${name}-1` },
            conditions: Object.entries(statuses).map(([type, status]) => ({
                type,
                status,
                ...(message !== undefined && status === "True" && type.includes("Degraded") ? { message } : {}),
            })),
        },
    };
}

/** A MachineConfig with these files, as the machine-config operator writes them. */
export function machineConfig(name: string, files: Readonly<Record<string, string>>): MachineConfig {
    return {
        apiVersion: "machineconfiguration.openshift.io/v1",
        kind: "MachineConfig",
        metadata: { name },
        spec: {
            config: {
                storage: {
                    files: Object.entries(files).map(([path, text]) => ({
                        path,
                        contents: {
                            source: `data:text/plain;charset=utf-8;base64,${Buffer.from(text).toString("base64")}`,
                        },
                    })),
                },
            },
        },
    };
}

const SYNCED = "machineconfiguration.openshift.io/lastSyncedControllerConfigResourceVersion";

export function node(name: string, synced: string | undefined, isReady = true): ClusterNode {
    return {
        apiVersion: "v1",
        kind: "Node",
        metadata: { name, ...(synced === undefined ? {} : { annotations: { [SYNCED]: synced } }) },
        status: { conditions: [{ type: "Ready", status: isReady ? "True" : "Unknown" }] },
    };
}

export function controllerConfig(
    resourceVersion: string,
    bundle: Readonly<Record<string, string>> | undefined,
): ControllerConfig {
    const data = Object.entries(bundle ?? {}).map(([file, pem]) => ({
        file,
        data: Buffer.from(pem).toString("base64"),
    }));
    return {
        apiVersion: "machineconfiguration.openshift.io/v1",
        kind: "ControllerConfig",
        metadata: { name: "machine-config-controller", resourceVersion },
        spec: bundle === undefined ? {} : { imageRegistryBundleUserData: data },
    };
}
