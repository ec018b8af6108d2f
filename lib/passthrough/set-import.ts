import { MAX_NAMES } from "../errors/format";
import { counted, firstLines, formatBytes } from "../errors/text";
import { type Lock, lockDigest } from "../lock";
import { type Archive, openArchive, verifyNames, verifyStructure } from "../archives";
import {
    type ExecuteOptions,
    type ImagesBySource,
    type ImportPlan,
    type ImportResult,
    PassingImport,
    executePlan,
    findRejectedLayers,
    needsArchive,
    offerExclusion,
    problemLines,
} from "../import";
import { ArchiveError } from "../errors/errors";
import type { NamedProblem, Problem } from "../errors/problem";
import type { MirrorBase } from "../mirror/mirror-reference";
import type { RegistryClient } from "../distribution/client/registry-client";
import { type RegistryKind, registryAdmin } from "../registries";
import type { PushSignatures } from "../signatures";
import { NO_ARCHIVE } from "./no-archive";
import { checkBeforeFirstImport } from "./doctor/before-first-import";
import { nameMissingRepositories } from "./doctor/missing-repositories";
import { checkBeforePush } from "./signatures/push-signatures";
import type { LockedSet } from "./planned-set";

export interface CarryOutOptions extends Omit<ExecuteOptions, "set"> {
    /** What is odd about the archive's files. */
    readonly onWarning?: (warning: string) => void;
    /** The kind of registry: what it is known to reject is reported before anything of it is put, and fails alone. */
    readonly registryKind: RegistryKind;
    /** Nothing of the set was imported before: the registry is checked before the first byte is sent. */
    readonly isFirstImport?: boolean;
    /** Called when the registry is about to be checked. */
    readonly onCheck?: () => void;
    /** What is asked of the signatures of what is pushed, and where the mirror is; absent: nothing. */
    readonly signatures?: (PushSignatures & { readonly base: MirrorBase }) | undefined;
}

/**
 * Carries a set's plan out with the bytes of its archive. The archive is opened only if the plan needs bytes of it, and
 * is compared with the lock before the first of them is sent. Of what is compressed, blobs are sent as they pass by; it is
 * compared with the lock at its end, before the first manifest is put.
 * @returns also after failures: they are in `failed`, by image
 * @throws ArchiveError if it cannot be opened; `ARCHIVE_LOCK_MISMATCH`; PassthroughError `IMAGES_UNSIGNED`; why the run was
 * interrupted, if nothing had been sent
 */
export async function carryOut(
    client: RegistryClient,
    plan: ImportPlan,
    set: LockedSet,
    options: CarryOutOptions,
): Promise<ImportResult> {
    if (!needsArchive(plan)) {
        await compareWithArchive(plan, set, options.onWarning, client.signal);
        return executePlan(client, NO_ARCHIVE, plan, { ...options, set: lockDigest(set.lock) });
    }
    const result = await carryOutArchive(client, plan, set, options);
    const failed = offerExclusion(result.failed);
    const { mayNeedRepositories } = registryAdmin(options.registryKind).capabilities;
    return { ...result, failed: mayNeedRepositories ? nameMissingRepositories(failed, plan) : failed };
}

async function carryOutArchive(
    client: RegistryClient,
    plan: ImportPlan,
    set: LockedSet,
    options: CarryOutOptions,
): Promise<ImportResult> {
    const check = async () => (options.isFirstImport === true ? checkRegistry(client, plan, options) : undefined);
    const own = { ...options, set: lockDigest(set.lock) };
    const passing = new PassingImport(client, plan, set.archive.join(", "), own, check);
    let archive: Archive | undefined;
    try {
        archive = await openArchive(set.archive, { signal: client.signal, passing: (entry) => passing.take(entry) });
        const blocked = await judge(archive, client, plan, set, options);
        if (passing.hasBegun) return await passing.finish(archive.source, blocked);
        await check();
        return await executePlan(client, archive.source, plan, { ...own, blocked });
    } catch (error) {
        const result = await passing.failed(error);
        if (result === undefined) throw error;
        return result;
    } finally {
        await archive?.close();
    }
}

/**
 * What is known of an archive before anything of it is put.
 * @returns the images that the registry would reject, by source reference
 * @throws ArchiveError `ARCHIVE_LOCK_MISMATCH`; PassthroughError `IMAGES_UNSIGNED`
 */
async function judge(
    archive: Archive,
    client: RegistryClient,
    plan: ImportPlan,
    set: LockedSet,
    options: CarryOutOptions,
): Promise<ReadonlyMap<string, Problem>> {
    await requireLocked(archive, set, options.onWarning);
    if (options.signatures !== undefined)
        await checkSignatures(client, plan, { set, archive }, options.signatures, options);
    const { rejectedDockerLayers = [] } = registryAdmin(options.registryKind).capabilities;
    const blocked = await findRejectedLayers(archive.source, plan, rejectedDockerLayers, client.host);
    const images = [...blocked].map(([source, problem]) => ({ source, problems: [problem] }));
    if (images.length > 0) options.onWarning?.(["the registry would reject:", ...problemLines(images)].join("\n    "));
    return blocked;
}

/**
 * Compares a set's lock with its archive where the plan sends bytes of it, or moves tags from one image of the lock to
 * another. The archive may be missing: a plan that only sets tags does not need it, and its disk may be unplugged.
 * @param signal ends the reading
 * @throws ArchiveError `ARCHIVE_LOCK_MISMATCH`, or that it cannot be read; the signal's reason
 */
export async function compareWithArchive(
    plan: ImportPlan,
    set: LockedSet,
    onWarning?: (warning: string) => void,
    signal?: AbortSignal,
): Promise<void> {
    if (!needsArchive(plan) && !swapsTags(plan, set.lock)) return;
    const archive = await openArchive(set.archive, { signal }).catch((error: unknown) => {
        if (error instanceof ArchiveError && error.code === "ARCHIVE_NOT_FOUND") return undefined;
        throw error;
    });
    try {
        if (archive !== undefined) await requireLocked(archive, set, onWarning);
    } finally {
        await archive?.close();
    }
}

/** @throws ArchiveError `ARCHIVE_LOCK_MISMATCH` with all that differs: parts, sizes, manifests, then names */
async function requireLocked(archive: Archive, set: LockedSet, onWarning?: (warning: string) => void): Promise<void> {
    for (const warning of archive.warnings) onWarning?.(warning);
    const differences = await verifyStructure(archive, set.lock);
    if (differences.length > 0) throw lockMismatch(set, differences);
    const { problems, note } = await verifyNames(archive, set.lock, set.overrides);
    if (problems.length > 0) throw lockMismatch(set, problems);
    if (note !== undefined) onWarning?.(note);
}

/** True if a tag moves from one image of the lock to another: so it does where their digests were swapped. */
function swapsTags({ push }: ImportPlan, { images, earlier }: Lock): boolean {
    const digests = new Set([...Object.values(images), ...Object.values(earlier.images)]);
    return push.some(({ movedFrom }) => movedFrom !== undefined && digests.has(movedFrom));
}

/** What nodes will make of it is known before any image is put. */
async function checkSignatures(
    client: RegistryClient,
    plan: ImportPlan,
    { set: { lock, path }, archive }: { readonly set: LockedSet; readonly archive: Archive },
    { base, ...signatures }: PushSignatures & { readonly base: MirrorBase },
    { onWarning }: CarryOutOptions,
): Promise<void> {
    const set = { lock, source: archive.source, marks: lock.marks ?? {} };
    const warn = (text: string) => onWarning?.(text);
    await checkBeforePush(plan, set, signatures, { client, base }, { place: path, warn });
}

/** What stands in front of the registry may be new, too. */
export async function checkRegistry(client: RegistryClient, plan: ImportPlan, options: CarryOutOptions): Promise<void> {
    options.onCheck?.();
    const notes = await checkBeforeFirstImport(client, plan, options.registryKind);
    if (notes.length > 0) options.onWarning?.(notes.join("\n    "));
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
        fix:
            "import the archive that was locked, with the overrides that it was locked with in site.content[].overrides, or " +
            "lock this one with: npm run -s passthrough -- lock --stack <stack>",
    });
}
