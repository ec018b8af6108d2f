import type { ClusterClient } from "../../kubernetes/cluster-client";
import { readPools } from "../rollout/check-nodes";
import { type MachineConfigPool, ROLLOUT_PATHS } from "../rollout/rollout-objects";
import { type WriteOptions, retryConflicts } from "../trust/conflict-retry";

/** On a pool that this program has paused: for which cluster of which stack. */
const PAUSED_FOR = "registry-passthrough/paused-for";

/** True if a run for this owner has paused the pool, and has not resumed it. */
export function isPausedFor({ metadata, spec }: MachineConfigPool, owner: string): boolean {
    return spec.paused === true && metadata.annotations?.[PAUSED_FOR] === owner;
}

/**
 * Pauses every pool: its nodes keep their configuration, whatever the operator renders meanwhile (machine-config-operator,
 * pkg/controller/node, syncMachineConfigPool).
 * @throws ClusterError
 */
export async function pausePools(client: ClusterClient, owner: string, options: WriteOptions): Promise<void> {
    for (const { metadata } of await readPools(client)) {
        await setPaused(client, metadata.name, options, (pool) =>
            pool.spec.paused === true ? undefined : { paused: true, owner },
        );
    }
}

/** Resumes the pools that were paused for this owner, and no other. @throws ClusterError */
export async function resumePools(client: ClusterClient, owner: string, options: WriteOptions): Promise<void> {
    for (const { metadata } of await readPools(client)) {
        await setPaused(client, metadata.name, options, (pool) =>
            isPausedFor(pool, owner) ? { paused: false, owner: null } : undefined,
        );
    }
}

type PauseChange = { readonly paused: boolean; readonly owner: string | null };

/** The operator writes to pools as well. */
async function setPaused(
    client: ClusterClient,
    name: string,
    options: WriteOptions,
    change: (pool: MachineConfigPool) => PauseChange | undefined,
): Promise<void> {
    await retryConflicts(options, async () => {
        const pool = await client.get<MachineConfigPool>(ROLLOUT_PATHS.pools, name);
        const wanted = pool === undefined ? undefined : change(pool);
        if (pool === undefined || wanted === undefined) return;
        const { resourceVersion = "" } = pool.metadata;
        await client.patch(ROLLOUT_PATHS.pools, name, {
            metadata: { resourceVersion, annotations: { [PAUSED_FOR]: wanted.owner } },
            spec: { paused: wanted.paused },
        });
    });
}
