import { MAX_NAMES } from "../errors/format";
import { counted, firstLines, formatBytes } from "../errors/text";
import { type Lock, lockDigest, readLock } from "../lock";
import { openArchive, verifyStructure } from "../archives";
import {
    type ExecuteOptions,
    type ImagesBySource,
    type ImportPlan,
    type ImportResult,
    executePlan,
    findRejectedLayers,
    needsArchive,
    problemLines,
} from "../import";
import type { Digest } from "../oci/digest";
import { ArchiveError, PassthroughError } from "../errors/errors";
import type { NamedProblem } from "../errors/problem";
import type { RegistryClient } from "../distribution/client/registry-client";
import { type RegistryCapabilities, type RegistryKind, registryAdmin } from "../registries";
import { NO_ARCHIVE } from "./no-archive";

/** An image set by its files: the archive that holds it, and the lock that says what it holds. */
export interface LockedSet {
    /** Files or folders of the archive. */
    readonly archive: readonly string[];
    /** Path of the lock file, for errors. */
    readonly path: string;
    readonly lock: Lock;
}

/**
 * Reads a set's lock.
 * @param expected the digest of the lock that the run was laid out by
 * @throws PassthroughError `LOCK_CHANGED`, and those of `readLock`
 */
export async function readLockedSet(archive: readonly string[], path: string, expected: Digest): Promise<LockedSet> {
    const lock = await readLock(path);
    if (lockDigest(lock) !== expected) {
        throw new PassthroughError("it changed after this run began", {
            code: "LOCK_CHANGED",
            place: { file: path },
            fix: "run again",
        });
    }
    return { archive, path, lock };
}

export interface CarryOutOptions extends ExecuteOptions {
    /** What is odd about the archive's files. */
    readonly onWarning?: (warning: string) => void;
    /** The kind of registry: what it is known to reject is reported before the first byte, and fails alone. */
    readonly registryKind?: RegistryKind;
    /** Called once the archive is known to be right, before anything is sent. */
    readonly beforeSending?: () => Promise<void>;
}

/**
 * Carries a set's plan out with the bytes of its archive. The archive is opened only if the plan needs bytes of it, and
 * is compared with the lock before the first of them is sent.
 * @returns also after failures: they are in `failed`, by image
 * @throws ArchiveError if it cannot be opened; `ARCHIVE_LOCK_MISMATCH`
 */
export async function carryOut(
    client: RegistryClient,
    plan: ImportPlan,
    set: LockedSet,
    options: CarryOutOptions = {},
): Promise<ImportResult> {
    if (!needsArchive(plan)) return executePlan(client, NO_ARCHIVE, plan, options);
    const archive = await openArchive(set.archive);
    try {
        for (const warning of archive.warnings) options.onWarning?.(warning);
        const differences = await verifyStructure(archive, set.lock);
        if (differences.length > 0) throw lockMismatch(set, differences);
        const { rejectedDockerLayers = [] } = capabilities(options.registryKind);
        const blocked = await findRejectedLayers(archive.source, plan, rejectedDockerLayers, client.host);
        const images = [...blocked].map(([source, problem]) => ({ source, problems: [problem] }));
        if (images.length > 0)
            options.onWarning?.(["the registry would reject:", ...problemLines(images)].join("\n    "));
        await options.beforeSending?.();
        return await executePlan(client, archive.source, plan, { ...options, blocked });
    } finally {
        await archive.close();
    }
}

function capabilities(kind: RegistryKind | undefined): Partial<RegistryCapabilities> {
    return kind === undefined ? {} : registryAdmin(kind).capabilities;
}

/**
 * Tags that point to something this program did not put there: none of them is moved in silence.
 * @param known what it put there, by source reference
 * @returns a heading and the tags as one line each; nothing if there are none
 */
export function movedTags(plan: ImportPlan, known: readonly ImagesBySource[]): string[] {
    const moves = plan.push.filter(
        ({ task, movedFrom }) => movedFrom !== undefined && !known.some((images) => images[task.source] === movedFrom),
    );
    const title = moves.length === 1 ? "1 tag of others moves" : `${moves.length} tags of others move`;
    return headed(
        title,
        moves.map(({ task, movedFrom }) => `${task.repository}:${task.tag} ${movedFrom ?? ""} -> ${task.digest}`),
    );
}

/** Why more was sent than the plan had said; nothing if no mount was refused. */
export function refusedMounts({ refusedMounts: refused, sent, planned }: ImportResult): string[] {
    const title =
        `the registry did not mount ${counted(refused.length, "blob")}, so ${formatBytes(sent.bytes)} were sent ` +
        `where ${formatBytes(planned.bytes)} had been planned`;
    return headed(
        title,
        refused.map(({ repository, digest, from }) => `${digest} from ${from} to ${repository}`),
    );
}

function headed(title: string, lines: readonly string[]): string[] {
    if (lines.length === 0) return [];
    return [title, ...firstLines(lines, MAX_NAMES)];
}

function lockMismatch(set: LockedSet, problems: readonly NamedProblem[]): ArchiveError {
    return new ArchiveError(`it does not match the lock ${set.path}`, {
        code: "ARCHIVE_LOCK_MISMATCH",
        archive: set.archive.join(", "),
        problems,
        fix: "import the archive that was locked, or lock this one with: npm run -s passthrough -- lock --stack <stack>",
    });
}
