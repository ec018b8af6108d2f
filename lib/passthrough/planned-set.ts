import type { RegistryClient } from "../distribution/client/registry-client";
import { PassthroughError } from "../errors/errors";
import { type ImagesBySource, type ImportPlan, type RegistryQuestions, planImport } from "../import";
import { type Lock, lockDigest, readLock } from "../lock";
import type { MirrorBase } from "../mirror/mirror-reference";
import type { Override } from "../mirror/override";
import type { Digest } from "../oci/digest";
import type { RegistryKind } from "../registries";
import { refusesSparseIndexes } from "./sparse-indexes";

/** An image set by its files: the archive that holds it, and the lock that says what it holds. */
export interface LockedSet {
    /** Files or folders of the archive. */
    readonly archive: readonly string[];
    /** Path of the lock file, for errors. */
    readonly path: string;
    readonly lock: Lock;
    /** As they are configured; absent: not known. */
    readonly overrides?: readonly Override[] | undefined;
}

/** A set to plan, as a site's configuration has it. */
export interface SetToPlan {
    /** Files or folders of the archive. */
    readonly archive: readonly string[];
    /** Path of the lock file. */
    readonly lock: string;
    /** The digest of the lock that the run was laid out by. */
    readonly lockDigest: Digest;
    readonly images: ImagesBySource;
    /** As they are configured; absent: not known. */
    readonly overrides?: readonly Override[] | undefined;
}

export interface PlanSetOptions {
    readonly base: MirrorBase;
    readonly kind: RegistryKind;
    /** Source references of images that were found broken: each of their blobs is looked at. */
    readonly suspects?: ReadonlySet<string>;
    /** What the plan asks; absent: the registry as it is now. */
    readonly questions?: RegistryQuestions;
}

/**
 * Reads the lock of a set, and plans what the registry lacks of it.
 * @throws PassthroughError `LOCK_CHANGED`, and those of `readLock` and `planImport`
 */
export async function planLockedSet(
    client: RegistryClient,
    { archive, lock: path, lockDigest: expected, images, overrides }: SetToPlan,
    { base, kind, suspects, questions = client }: PlanSetOptions,
): Promise<{ readonly set: LockedSet; readonly plan: ImportPlan }> {
    const lock = await readLock(path);
    if (lockDigest(lock) !== expected) throw lockChanged(path);
    const refusesSparse = await refusesSparseIndexes(client, kind, lock);
    const request = { images, set: lock, base, refusesSparseIndexes: refusesSparse };
    const plan = await planImport(questions, suspects === undefined ? request : { ...request, suspects });
    return { set: { archive, path, lock, overrides }, plan };
}

function lockChanged(file: string): PassthroughError {
    return new PassthroughError("it changed after this run began", {
        code: "LOCK_CHANGED",
        place: { file },
        fix: "run again",
    });
}
