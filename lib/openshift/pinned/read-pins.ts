import { PassthroughError } from "../../errors/errors";
import type { ClusterClient } from "../../kubernetes/cluster-client";
import { readPools } from "../rollout/check-nodes";
import { type MachineConfigNode, type MachineConfigPool, ROLLOUT_PATHS } from "../rollout/rollout-objects";
import {
    type ExpectedPins,
    type LivePinnedImageSet,
    PINNED_IMAGE_SETS,
    imagesDigest,
    pinnedNames,
} from "./pinned-image-set";

/** What a cluster has of the images that it is to pin. */
export interface PinState {
    /** Sets that the cluster does not have, or that pin other images. */
    readonly different: readonly string[];
    /** Pools that sets are for, and that the cluster does not have. */
    readonly missingPools: readonly string[];
    /** Sets that the operator has not given to their pool. */
    readonly unlisted: readonly ExpectedPins[];
    /** Pools with nodes that are to have sets: those that sets are for, and custom ones that select the same sets. */
    readonly pools: readonly PoolPins[];
}

/** How far the nodes of one pool are. */
export interface PoolPins {
    readonly pool: string;
    /** Absent: the pool has no status yet. */
    readonly nodes?: number;
    /** Nodes that have every image. */
    readonly holding: number;
    /** The others, as far as they report at all. */
    readonly behind: readonly NodePins[];
}

/** A node that lacks images. */
export interface NodePins {
    readonly name: string;
    /** Sets that are complete on it, and how many there are. */
    readonly complete: number;
    readonly sets: number;
    /** Why its last attempt failed; it tries again by itself. Absent: it is at work. */
    readonly error?: string;
    /** Tells one attempt that failed from another. */
    readonly attempt?: string;
}

/**
 * Reads which nodes hold the images of sets. What counts is what the daemon of each node reports of each set, by the
 * generation that the set has now: the pool's own counters (`poolSynchronizersStatus`) are about the sets of everybody, and
 * name no generation (machine-config-operator, pkg/controller/node/status.go).
 * @throws ClusterError; PassthroughError `CLUSTER_KIND_MISSING` if nodes report nothing of the kind
 */
export async function readPins(client: ClusterClient, expected: readonly ExpectedPins[]): Promise<PinState> {
    const [sets, pools, nodes] = await Promise.all([
        Promise.all(expected.map(({ name }) => client.get<LivePinnedImageSet>(PINNED_IMAGE_SETS, name))),
        readPools(client),
        client.list<MachineConfigNode>(ROLLOUT_PATHS.machineConfigNodes),
    ]);
    if (nodes === undefined) {
        throw new PassthroughError("it does not have the kind MachineConfigNode, in which nodes report pinned images", {
            code: "CLUSTER_KIND_MISSING",
            place: { cluster: client.server },
            fix: "leave out cluster.pin, or update the cluster to OpenShift 4.19.12 or later",
        });
    }
    const generations = generationsOf(sets);
    const named = new Map(pools.map((pool) => [pool.metadata.name, pool]));
    return {
        different: expected.filter(({ images }, i) => images !== contentOf(sets[i])).map(({ name }) => name),
        missingPools: [...new Set(expected.map(({ pool }) => pool))].filter((pool) => !named.has(pool)),
        unlisted: expected.filter((set) => {
            const pool = named.get(set.pool);
            return pool !== undefined && hasNodes(pool) && !listedSets(pool).includes(set.name);
        }),
        pools: pools.filter(hasNodes).flatMap((pool) => poolPins(pool, generations, nodes)),
    };
}

/** True if every node of every pool has every image. */
export function areHeld({ different, missingPools, unlisted, pools }: PinState): boolean {
    const isComplete = ({ nodes, holding, behind }: PoolPins) =>
        nodes !== undefined && behind.length === 0 && holding >= nodes;
    return different.length + missingPools.length + unlisted.length === 0 && pools.every(isComplete);
}

function contentOf(set: LivePinnedImageSet | undefined): string | undefined {
    return set === undefined ? undefined : imagesDigest(pinnedNames(set));
}

function generationsOf(sets: readonly (LivePinnedImageSet | undefined)[]): ReadonlyMap<string, number> {
    return new Map(
        sets.flatMap((set) => (set === undefined ? [] : [[set.metadata.name, set.metadata.generation ?? 0]])),
    );
}

/** A pool without nodes has none that could lack anything. */
function hasNodes({ status }: MachineConfigPool): boolean {
    return status?.machineCount !== 0;
}

function listedSets({ spec }: MachineConfigPool): string[] {
    return (spec.pinnedImageSets ?? []).map(({ name }) => name);
}

/** Nothing for a pool that is to have none of the sets. */
function poolPins(
    pool: MachineConfigPool,
    generations: ReadonlyMap<string, number>,
    all: readonly MachineConfigNode[],
): PoolPins[] {
    const own = listedSets(pool).filter((name) => generations.has(name));
    if (own.length === 0) return [];
    const nodes = all.filter(({ spec }) => spec.pool.name === pool.metadata.name);
    const behind = nodes.flatMap((node) => nodePins(node, own, generations));
    const { machineCount } = pool.status ?? {};
    return [
        {
            pool: pool.metadata.name,
            ...(machineCount === undefined ? {} : { nodes: machineCount }),
            holding: nodes.length - behind.length,
            behind,
        },
    ];
}

/** Nothing for a node that holds all of them. */
function nodePins(
    { metadata, status }: MachineConfigNode,
    sets: readonly string[],
    generations: ReadonlyMap<string, number>,
): NodePins[] {
    const reported = new Map((status?.pinnedImageSets ?? []).map((set) => [set.name, set]));
    const lacking = sets.filter((name) => {
        const { currentGeneration, desiredGeneration } = reported.get(name) ?? {};
        const generation = generations.get(name);
        return currentGeneration !== generation || desiredGeneration !== generation;
    });
    if (lacking.length === 0) return [];
    const failed = lacking.flatMap((name) => {
        const { lastFailedGeneration, lastFailedGenerationError = "" } = reported.get(name) ?? {};
        return lastFailedGeneration === generations.get(name) ? [lastFailedGenerationError] : [];
    });
    const [error] = failed;
    const degraded = status?.conditions?.find(({ type }) => type === "PinnedImageSetsDegraded");
    return [
        {
            ...{ name: metadata.name, complete: sets.length - lacking.length, sets: sets.length },
            ...(error === undefined ? {} : { error, attempt: `${degraded?.lastTransitionTime ?? ""} ${error}` }),
        },
    ];
}
