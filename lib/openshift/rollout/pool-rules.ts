import type { ClusterClient } from "../../kubernetes/cluster-client";
import type { MirrorObject } from "../rules/mirror-object-types";
import { readByName, readPools } from "./check-nodes";
import { expectedRules } from "./expected-rules";
import { isRolledOut } from "./pool-rollout";
import { missingRules } from "./rules-rollout";

/** What the nodes of a pool have of our mirror rules. */
export interface PoolRules {
    readonly pool: string;
    /** At least one. */
    readonly nodes: number;
    /** The rendered configuration that all its nodes have, or had before they began to take another one; "": none yet. */
    readonly configuration: string;
    /** Sources whose rules that one lacks. */
    readonly lacking: readonly string[];
    /** The rendered configuration that the pool wants; "": none yet. */
    readonly wanted: string;
    /** Sources whose rules that one lacks. */
    readonly lackingNext: readonly string[];
    /** Every node has what the pool wants. */
    readonly isRolledOut: boolean;
}

/**
 * What the nodes of every pool have of our mirror rules; pools without nodes are left out.
 * @param objects ours, as they were written
 * @throws ClusterError, PassthroughError if something could not be read: then nothing is known
 */
export async function readPoolRules(client: ClusterClient, objects: readonly MirrorObject[]): Promise<PoolRules[]> {
    const pools = (await readPools(client)).filter(({ status }) => status?.machineCount !== 0);
    const expected = await expectedRules(client, objects);
    const named = pools.map((pool) => ({
        pool,
        configuration: pool.status?.configuration?.name ?? "",
        wanted: pool.spec.configuration?.name ?? "",
    }));
    const names = named.flatMap(({ configuration, wanted }) => [configuration, wanted]);
    const configs = await readByName(
        client,
        [...new Set(names)].filter((name) => name !== ""),
    );
    return named.map(({ pool, configuration, wanted }) => ({
        ...{ pool: pool.metadata.name, nodes: pool.status?.machineCount ?? 0, configuration, wanted },
        lacking: missingRules(configs.get(configuration), expected),
        lackingNext: missingRules(configs.get(wanted), expected),
        isRolledOut: isRolledOut(pool),
    }));
}
