import { isDeepStrictEqual } from "node:util";
import { PassthroughError, errorMessage } from "../../errors/errors";
import { listed } from "../../errors/text";
import type { ClusterClient, NewObject, ResourcePath } from "../../kubernetes/cluster-client";
import { MIRROR_PATHS } from "../existing/read-mirror-objects";
import { type NodeExpectation, readPools } from "../rollout/check-nodes";
import { objectLabel } from "../rules/mirror-entries";
import type { MirrorObject } from "../rules/mirror-object-types";
import type { WriteOptions } from "../trust/conflict-retry";
import { type LiveObject, copyObject, needsOneStep, sourcesOf } from "./old-objects";
import { isPausedFor, pausePools, resumePools } from "./pause-pools";

/** Mirror objects that a cluster is to lose and to get. */
export interface ObjectChanges {
    readonly remove: readonly LiveObject[];
    readonly create: readonly MirrorObject[];
}

export interface ChangeOptions extends WriteOptions {
    /** Whose the pools are paused for. */
    readonly owner: string;
    /** Our mirror objects as they are in the cluster. */
    readonly rules: readonly MirrorObject[];
    /** Sources whose rules may be in between because of an earlier run. */
    readonly sources: readonly string[];
    /** Waits until the operator has rendered what is expected, or until the nodes have it. */
    readonly wait: (expectation: NodeExpectation, until: "operator" | "nodes") => Promise<void>;
}

/**
 * Removes and creates mirror objects in such a way that no node ever has the rules in between: where the order of the
 * writes would matter, pools are paused until all of it is rendered. Resumes also what an earlier run, which was ended, has
 * left paused. What fails is undone.
 * @throws ClusterError, PassthroughError if something could not be written; `ROLLOUT_FAILED`, `ROLLOUT_TIMEOUT`
 */
export async function changeObjects(
    client: ClusterClient,
    changes: ObjectChanges,
    options: ChangeOptions,
): Promise<void> {
    const { owner, rules, wait } = options;
    const touched = [...changes.remove, ...changes.create];
    const changedSources = [...new Set([...sourcesOf(touched), ...options.sources])].sort();
    const expectation = { rules, changedSources };
    const wasPaused = (await readPools(client)).some((pool) => isPausedFor(pool, owner));
    const isPausing = wasPaused || needsOneStep(touched);
    if (isPausing) await pauseAll(client, { owner, wasPaused }, options);
    const failure = await writeAll(client, changes);
    if (isPausing) {
        await wait({ ...expectation, ignorePaused: true }, "operator");
        await resumePools(client, owner, options);
    }
    if (failure !== undefined) throw failure.error;
    await wait(expectation, "nodes");
}

/** Pauses every pool, or none: unless an earlier run has left rules in between, no pool stays paused for nothing. */
async function pauseAll(
    client: ClusterClient,
    { owner, wasPaused }: { readonly owner: string; readonly wasPaused: boolean },
    options: WriteOptions,
): Promise<void> {
    try {
        await pausePools(client, owner, options);
    } catch (error) {
        // What failed is reported; a pool that cannot be resumed either is resumed by the next run.
        if (!wasPaused) await resumePools(client, owner, options).catch(() => undefined);
        throw error;
    }
}

/** @returns what has failed, after all writes were undone; undefined: nothing */
async function writeAll(
    client: ClusterClient,
    { remove, create }: ObjectChanges,
): Promise<{ readonly error: unknown } | undefined> {
    try {
        for (const object of create) await createObject(client, object);
        for (const object of remove) await removeObject(client, object);
        return undefined;
    } catch (error) {
        try {
            await undo(client, { remove, create });
        } catch (second) {
            throw halfDone(client, [...remove, ...create], { first: error, second });
        }
        return { error };
    }
}

/** By what is there: a write whose response was lost may have been done. */
async function undo(client: ClusterClient, { remove, create }: ObjectChanges): Promise<void> {
    for (const object of remove) {
        const isGone = (await client.get(pathOf(object), object.metadata.name)) === undefined;
        if (isGone) await createObject(client, copyObject(object));
    }
    for (const object of create) {
        const found = await client.get<LiveObject>(pathOf(object), object.metadata.name);
        if (found !== undefined && isDeepStrictEqual(copyObject(found), object)) await removeObject(client, found);
    }
}

function halfDone(
    client: ClusterClient,
    objects: readonly MirrorObject[],
    { first, second }: { readonly first: unknown; readonly second: unknown },
): PassthroughError {
    return new PassthroughError(
        `not all of ${listed(objects.map(objectLabel), objects.length)} could be changed (${errorMessage(first)}), and what ` +
            `was done could not be undone (${errorMessage(second)})`,
        {
            code: "OLD_RULES_IN_USE",
            place: { cluster: client.server },
            fix: "run up again: it continues, and resumes the pools that this run has paused",
        },
    );
}

function createObject(client: ClusterClient, object: MirrorObject): Promise<LiveObject> {
    return client.create<LiveObject>(pathOf(object), object as unknown as NewObject);
}

function removeObject(client: ClusterClient, object: LiveObject): Promise<void> {
    const { name, resourceVersion = "" } = object.metadata;
    return client.remove(pathOf(object), name, resourceVersion);
}

function pathOf({ kind }: MirrorObject): ResourcePath {
    return MIRROR_PATHS[kind];
}
