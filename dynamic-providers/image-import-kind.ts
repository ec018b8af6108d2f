import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { type Lock, lockDigest, openArchive, readLock, verifyStructure } from "../lib/archives";
import {
    type ImportPlan,
    type ImportProgress,
    type ImportResult,
    executePlan,
    imageTask,
    needsArchive,
    planImport,
    verifyImages,
} from "../lib/import";
import type { Digest } from "../lib/oci/digest";
import { ArchiveError, PassthroughError } from "../lib/oci/errors";
import type { RegistryClient } from "../lib/oci/registry-client";
import { hasMoved, registryInputs, withRegistry } from "./connection";
import { announceImages } from "./image-announcement";
import type { ResourceLog } from "./engine";
import { NO_ARCHIVE } from "./no-archive";
import { type Kind, PartialState, type Surroundings } from "./lifecycle";
import { counted, formatBytes, progressText } from "./progress";
import type { ProgressRow } from "./progress-row";

export const imageImportInputs = registryInputs.extend({
    /** Files or folders of the set. */
    archive: z.array(z.string()).min(1),
    /** The lock file, and the digest of the content that the program read from it. */
    lock: z.string(),
    lockDigest: z.string(),
    /** Source reference -> digest. */
    images: z.record(z.string(), z.string()),
    /** Children that sparse indexes leave out on purpose. */
    sparse: z.array(z.string()),
    /** Blobs in flight. */
    concurrency: z.number().int().positive(),
});

export type ImageImportInputs = z.infer<typeof imageImportInputs>;

/** `images` in state are those that are there: fewer than wanted after a run that ended early. */
export interface ImageImportOutputs extends ImageImportInputs {
    /** Images that a refresh found broken: their tag alone proves nothing. */
    readonly incomplete: readonly string[];
}

/** The images of one set are in the registry, under their own digests. */
export const imageImportKind: Kind<ImageImportInputs, ImageImportOutputs> = {
    inputs: imageImportInputs,
    secrets: ["credentials"],

    announce: async (olds, news, log) => announceImages(olds.images ?? {}, news.images, news.lock, log),

    compare: (olds, news) => {
        const compared = [
            "registry",
            "credentials",
            "account",
            "archive",
            "lock",
            "lockDigest",
            "images",
            "sparse",
            "concurrency",
        ] as const;
        const isChanged = compared.some((name) => !isDeepStrictEqual(olds[name], news[name]));
        const isMoved = olds.registry.mirrorBase !== news.registry.mirrorBase;
        return { changes: isChanged || olds.incomplete.length > 0, ...(isMoved ? { replaces: ["registry"] } : {}) };
    },

    create: async (inputs, surroundings) => ({
        id: idOf(inputs),
        outs: await bring(inputs, { images: {}, incomplete: [] }, surroundings),
    }),

    update: async (olds, news, surroundings) => bring(news, olds, surroundings),

    read: async (olds, around) => {
        const { incomplete: brokenBefore, ...inputs } = olds;
        if (hasMoved(olds)) return { outs: olds, inputs };
        const failures = await withRegistry(olds, around, async (client, base, row) => {
            const checks = Object.entries(olds.images).map(([source, digest]) => imageTask(base, source, digest));
            const onProgress = (images: number, ofImages: number) =>
                row.show(`${images} of ${counted(ofImages, "image")} looked at`);
            return (await verifyImages(client, checks, { absent: new Set(olds.sparse), onProgress })).failures;
        });
        const broken = new Set(failures.map(({ source }) => source));
        const images = Object.fromEntries(Object.entries(olds.images).filter(([source]) => !broken.has(source)));
        // Broken before and not yet healed stays broken: it is not among `images` to be looked at again.
        const incomplete = [...new Set([...brokenBefore, ...broken])].sort();
        return { outs: { ...inputs, images, incomplete }, inputs: { ...inputs, images } };
    },

    // Images stay: a registry serves more than one stack's wishes, and nothing here could bring them back.
    remove: async () => undefined,
};

function idOf(inputs: ImageImportInputs): string {
    return `${inputs.registry.mirrorBase}#${inputs.lock}`;
}

type Before = Pick<ImageImportOutputs, "images" | "incomplete">;

/** Brings what is missing; what state says is there is not looked at again (a refresh does that). */
async function bring(inputs: ImageImportInputs, before: Before, around: Surroundings): Promise<ImageImportOutputs> {
    const suspects = new Set(before.incomplete);
    const wanted = Object.fromEntries(
        Object.entries(inputs.images).filter(([source, digest]) => before.images[source] !== digest),
    );
    if (Object.keys(wanted).length === 0 && before.incomplete.length === 0) return { ...inputs, incomplete: [] };
    const lock = await lockOf(inputs);
    const result = await withRegistry(inputs, around, async (client, base, row) => {
        row.show("asking the registry what is there");
        const plan = await planImport(client, { images: wanted, set: lock, base, suspects });
        return carryOut(client, plan, lock, inputs, before, around.log, row);
    });
    announceRefusals(result, around.log);
    if (result.failed.length > 0) throw partial(inputs, before, result);
    const { bytes, uploads, mounts } = result.sent;
    around.log.line(
        "info",
        `in: ${counted(Object.keys(wanted).length, "image")}; ${formatBytes(bytes)} sent in ${counted(uploads, "blob")}, ` +
            `${counted(mounts, "blob")} mounted`,
    );
    return { ...inputs, incomplete: [] };
}

async function carryOut(
    client: RegistryClient,
    plan: ImportPlan,
    lock: Lock,
    inputs: ImageImportInputs,
    before: Before,
    log: ResourceLog,
    row: ProgressRow,
): Promise<ImportResult> {
    announceMoves(plan, before, log);
    const onProgress = (progress: ImportProgress) => row.show(progressText(progress));
    const options = { concurrency: inputs.concurrency, onProgress };
    if (!needsArchive(plan)) return executePlan(client, NO_ARCHIVE, plan, options);
    const archive = await openArchive(inputs.archive);
    try {
        for (const warning of archive.warnings) log.line("warning", warning);
        const differences = await verifyStructure(archive, lock);
        if (differences.length > 0) throw notTheLocked(inputs, differences);
        return await executePlan(client, archive.source, plan, options);
    } finally {
        await archive.close();
    }
}

/** A tag that pointed to something this program did not put there is never moved in silence. */
function announceMoves(plan: ImportPlan, before: Before, log: ResourceLog): void {
    const moves = plan.push.filter(
        ({ task, movedFrom }) => movedFrom !== undefined && movedFrom !== before.images[task.source],
    );
    const lines = moves.slice(0, MAX_REASONS).map(({ task, movedFrom }) => {
        return `${task.repository}:${task.tag} ${movedFrom ?? ""} -> ${task.digest}`;
    });
    if (moves.length > lines.length) lines.push(`and ${moves.length - lines.length} more`);
    const moving = moves.length === 1 ? "1 tag of others moves" : `${moves.length} tags of others move`;
    if (lines.length > 0) log.line("warning", [moving, ...lines].join("\n    "));
}

/** More was sent than the plan had said: why. */
function announceRefusals({ refusedMounts, sent, planned }: ImportResult, log: ResourceLog): void {
    if (refusedMounts.length === 0) return;
    const lines = refusedMounts.slice(0, MAX_REASONS).map(({ repository, digest, from }) => {
        return `${digest} from ${from} to ${repository}`;
    });
    if (refusedMounts.length > lines.length) lines.push(`and ${refusedMounts.length - lines.length} more`);
    const title =
        `the registry did not mount ${counted(refusedMounts.length, "blob")}, so ${formatBytes(sent.bytes)} were sent ` +
        `where ${formatBytes(planned.bytes)} had been planned`;
    log.line("warning", [title, ...lines].join("\n    "));
}

async function lockOf(inputs: ImageImportInputs): Promise<Lock> {
    const lock = await readLock(inputs.lock);
    if (lockDigest(lock) !== inputs.lockDigest) {
        throw new PassthroughError(`${inputs.lock} is not the lock this run began with`, {
            code: "LOCK_CHANGED",
            cure: "run again",
        });
    }
    return lock;
}

const MAX_DIFFERENCES = 20;

function notTheLocked(inputs: ImageImportInputs, differences: readonly string[]): ArchiveError {
    const shown = differences.slice(0, MAX_DIFFERENCES).join("; ");
    const more = differences.length > MAX_DIFFERENCES ? `; and ${differences.length - MAX_DIFFERENCES} more` : "";
    return new ArchiveError(`does not match ${inputs.lock}: ${shown}${more}`, {
        code: "ARCHIVE_NOT_LOCKED",
        archive: inputs.archive.join(", "),
        cure: "bring the archive that was locked, or lock this one with: npm run -s passthrough -- lock --stack <stack>",
    });
}

/** What failed is looked at again to the last blob, and so is what an earlier archive should have brought. */
function stillBroken(before: Before, result: ImportResult, images: Readonly<Record<string, Digest>>): string[] {
    const sources = [...before.incomplete, ...result.failed.map(({ source }) => source)];
    return [...new Set(sources)].filter((source) => images[source] === undefined).sort();
}

const MAX_REASONS = 50;

function partial(inputs: ImageImportInputs, before: Before, result: ImportResult): PartialState {
    const images: Record<string, Digest> = { ...result.done };
    for (const [source, digest] of Object.entries(inputs.images)) {
        if (before.images[source] === digest) images[source] = digest;
    }
    const total = Object.keys(inputs.images).length;
    const reasons = result.failed.slice(0, MAX_REASONS).map(({ source, problem }) => `${source}: ${problem}`);
    const more = result.failed.length - reasons.length;
    return new PartialState(idOf(inputs), { images, incomplete: stillBroken(before, result, images) }, [
        ...reasons,
        ...(more > 0 ? [`and ${more} more`] : []),
        `${Object.keys(images).length} of ${counted(total, "image")} ${total === 1 ? "is" : "are"} safe in the registry; the next \`npm run up\` brings the rest`,
    ]);
}
