import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import {
    type ImagesBySource,
    type ImportPlan,
    type ImportResult,
    cannotLines,
    counted,
    formatBytes,
    formatImages,
    imageTask,
    toImageMap,
    isNothingToDo,
    planImport,
    planSummary,
    progressText,
    haveSameImages,
    unreadError,
    verifyImages,
} from "../../lib/import";
import type { Digest } from "../../lib/oci/digest";
import { RegistryError } from "../../lib/errors/errors";
import { carryOut, movedTags, readLockedSet, refusedMounts } from "../../lib/passthrough";
import { hasMoved, imageListInput, orRefused, registryInputs, withRegistry } from "../registry/connection";
import { describeImageChanges } from "./preview";
import { leavingImages, notRemoved, reasonsOf, removeLeaving } from "./removal";
import { type ResourceProvider, PartialState, type OperationContext } from "../lifecycle/resource-provider";
import { sharedLookups } from "../registry/shared-lookups";
import { siteToday } from "../registry/settings";

export const imageImportInputs = registryInputs.extend({
    /** Files or folders of the set. */
    archive: z.array(z.string()).min(1),
    /** The lock file, and the digest of the content that the program read from it. */
    lock: z.string(),
    lockDigest: z.string(),
    /** Source reference -> digest. */
    images: imageListInput,
    /** Children that sparse indexes leave out on purpose. */
    sparse: z.array(z.string()),
    /** Blobs in flight. */
    concurrency: z.number().int().positive(),
    /** What becomes of images that leave the set; absent (as in state of the first release): they are kept. */
    onRemove: z.enum(["keep", "delete"]).optional(),
    /** Locks of the stack's other sets: what they name is not deleted. */
    otherLocks: z.array(z.string()).optional(),
});

export type ImageImportInputs = z.infer<typeof imageImportInputs>;

/** `images` in state are those that are there: fewer than wanted after a run that ended early. */
export interface ImageImportOutputs extends ImageImportInputs {
    /** Images that a refresh found broken: their tag alone proves nothing. */
    readonly incomplete: readonly string[];
    /** A refresh could not look, since the registry refuses the robot account: the next update looks at everything. */
    readonly unseen?: boolean | undefined;
    /** Images that have left the set and are still to be removed: source reference -> digest. */
    readonly leaving?: Readonly<Record<string, Digest>> | undefined;
}

/** The images of one set are in the registry, under their own digests. */
export const imageImportProvider: ResourceProvider<ImageImportInputs, ImageImportOutputs> = {
    inputs: imageImportInputs,
    secrets: ["credentials"],

    describeChanges: async (olds, news, log) => {
        wantedHere.add(idOf(news));
        await describeImageChanges(
            toImageMap(olds.images ?? {}),
            toImageMap(news.images),
            news.lock,
            news.onRemove ?? "keep",
            log,
        );
    },

    compare: (olds, news) => {
        const compared = [
            "registry",
            "credentials",
            "account",
            "archive",
            "lock",
            "lockDigest",
            "sparse",
            "concurrency",
            "onRemove",
            "otherLocks",
        ] as const;
        const isChanged = compared.some((name) => !isDeepStrictEqual(olds[name], news[name]));
        const isSame = !isChanged && haveSameImages(olds.images, news.images);
        const isMoved = olds.registry.mirrorBase !== news.registry.mirrorBase;
        return {
            changes: !isSame || olds.incomplete.length > 0 || olds.unseen === true || olds.leaving !== undefined,
            ...(isMoved ? { replaces: ["registry"] } : {}),
        };
    },

    create: async (inputs, context) => ({
        id: idOf(inputs),
        outs: await bring(inputs, NOTHING, context),
    }),

    update: async (olds, news, context) =>
        bring(news, olds.unseen === true ? nothingProven(olds) : { ...olds, images: toImageMap(olds.images) }, context),

    read: async (olds, context) => {
        const { incomplete: brokenBefore, unseen, leaving, ...inputs } = olds;
        if (hasMoved(olds)) return { outs: olds, inputs };
        const known = toImageMap(olds.images);
        const failures = await orRefused(olds, () =>
            withRegistry(olds, context, async (client, base, row) => {
                const checks = Object.entries(known).map(([source, digest]) => imageTask(base, source, digest));
                const onProgress = (images: number, ofImages: number) =>
                    row.show(`${images} of ${counted(ofImages, "image")} looked at`);
                const lookups = sharedLookups(olds);
                const found = await verifyImages(client, checks, {
                    absent: new Set(olds.sparse),
                    onProgress,
                    lookups,
                });
                if (found.unread.length > 0) throw unreadError(found);
                return found.failures;
            }),
        );
        if (failures instanceof RegistryError) {
            context.log.line("warning", `the images could not be looked at: ${failures.message}`);
            return { outs: { ...olds, unseen: true }, inputs };
        }
        const broken = new Set(failures.map(({ source }) => source));
        const left = Object.fromEntries(Object.entries(known).filter(([source]) => !broken.has(source)));
        // What is as it was stays as it is written: a refresh that finds nothing must show nothing.
        const images = broken.size === 0 ? olds.images : formatImages(left);
        // Broken before and not yet healed stays broken: it is not among `images` to be looked at again.
        const incomplete = [...new Set([...brokenBefore, ...broken])].sort();
        const rest = leaving === undefined ? {} : { leaving };
        return { outs: { ...inputs, images, incomplete, ...rest }, inputs: { ...inputs, images } };
    },

    remove: async (olds, context) => {
        // Of a registry that was left, today's configuration has no account any more.
        const rule = hasMoved(olds) ? "keep" : (siteToday().onRemove?.value ?? olds.onRemove ?? "keep");
        const leaving = { ...olds.leaving, ...toImageMap(olds.images) };
        if (rule === "keep" || Object.keys(leaving).length === 0) return;
        const { failed } = await removeLeaving(olds, leaving, {}, locksThatStay(olds), context);
        if (failed.length > 0) throw notRemoved(failed);
    },
};

/** Sets that the program has declared in this run: one that is removed nevertheless was replaced by itself. */
const wantedHere = new Set<string>();

/**
 * The locks whose images outlive a set that is removed. A set that today's configuration does not list was taken out or
 * renamed: all that are listed stay. One that is listed goes with the whole stack, after those that came later.
 */
function locksThatStay(olds: ImageImportOutputs): readonly string[] {
    const today = siteToday().locks?.value;
    if (today === undefined) return olds.otherLocks ?? [];
    const isDestroyed = today.includes(olds.lock) && !wantedHere.has(idOf(olds));
    return isDestroyed ? today.slice(0, today.indexOf(olds.lock)) : today;
}

function idOf(inputs: ImageImportInputs): string {
    return `${inputs.registry.mirrorBase}#${inputs.lock}`;
}

/** Images that nobody could look at are in state, but are not trusted to be there. */
function nothingProven({ images, incomplete, leaving }: ImageImportOutputs): Before {
    const suspects = new Set([...incomplete, ...Object.keys(toImageMap(images))]);
    return { images: {}, incomplete: [...suspects].sort(), leaving };
}

/** What state says of the registry when a run begins. */
interface Before extends Pick<ImageImportOutputs, "incomplete" | "leaving"> {
    readonly images: ImagesBySource;
}

const NOTHING: Before = { images: {}, incomplete: [] };

/** Brings what is missing; what state says is there is not looked at again (a refresh does that). */
async function bring(
    inputs: ImageImportInputs,
    before: Before,
    context: OperationContext,
): Promise<ImageImportOutputs> {
    const suspects = new Set(before.incomplete);
    const wanted = Object.fromEntries(
        Object.entries(toImageMap(inputs.images)).filter(([source, digest]) => before.images[source] !== digest),
    );
    if (Object.keys(wanted).length === 0 && before.incomplete.length === 0) return dropLeaving(inputs, before, context);
    const { log } = context;
    const warn = (lines: readonly string[]) => {
        if (lines.length > 0) log.line("warning", lines.join("\n    "));
    };
    const set = await readLockedSet(inputs.archive, inputs.lock, inputs.lockDigest);
    const result = await withRegistry(inputs, context, async (client, base, row) => {
        row.show("asking the registry what is there");
        const plan = await planImport(client, { images: wanted, set: set.lock, base, suspects });
        const told = planLines(plan);
        if (told.length > 0) log.line("info", told.join("\n    "));
        warn(movedTags(plan, before.images));
        // Whoever reads along knows the plan before the first byte is sent.
        await log.flushed();
        return carryOut(client, plan, set, {
            concurrency: inputs.concurrency,
            onProgress: (progress) => row.show(progressText(progress)),
            onWarning: (warning) => warn([warning]),
        });
    });
    warn(refusedMounts(result));
    if (result.failed.length > 0) throw partial(inputs, before, result);
    const { bytes, uploads, mounts } = result.sent;
    log.line(
        "info",
        `in: ${counted(Object.keys(wanted).length, "image")}; ${formatBytes(bytes)} sent in ${counted(uploads, "blob")}, ` +
            `${counted(mounts, "blob")} mounted`,
    );
    return dropLeaving(inputs, before, context);
}

/** What the registry's answers come to; nothing where nothing is to be done. */
function planLines(plan: ImportPlan): string[] {
    return isNothingToDo(plan) ? [] : [`plan: ${planSummary(plan)}`, ...cannotLines(plan)];
}

/** Removes what has left the set, if that is wanted. @throws PartialState that keeps what could not be removed */
async function dropLeaving(
    inputs: ImageImportInputs,
    before: Before,
    context: OperationContext,
): Promise<ImageImportOutputs> {
    const { leaving } = stillLeaving(inputs, before);
    const done = { ...inputs, incomplete: [] };
    if (leaving === undefined) return done;
    const locks = [inputs.lock, ...(inputs.otherLocks ?? [])];
    const { failed } = await removeLeaving(inputs, leaving, toImageMap(inputs.images), locks, context);
    if (failed.length === 0) return done;
    const left = new Set(failed.map(({ source }) => source));
    const rest = Object.fromEntries(Object.entries(leaving).filter(([source]) => left.has(source)));
    const safe = "every image of the set is in; the next `npm run up` tries again to remove what has left it";
    const reasons = [[...reasonsOf(failed), safe].join("\n    ")];
    throw new PartialState(idOf(inputs), { incomplete: [], leaving: rest }, reasons);
}

/** What is to be removed and has not been; nothing at all where images are kept. */
function stillLeaving(inputs: ImageImportInputs, before: Before): { leaving?: Record<string, Digest> } {
    if (inputs.onRemove !== "delete") return {};
    const leaving = leavingImages({ ...before.leaving, ...before.images }, toImageMap(inputs.images));
    return Object.keys(leaving).length === 0 ? {} : { leaving };
}

/** What failed is looked at again to the last blob, and so is what an earlier archive should have brought. */
function stillBroken(before: Before, result: ImportResult, images: Readonly<Record<string, Digest>>): string[] {
    const sources = [...before.incomplete, ...result.failed.map(({ source }) => source)];
    return [...new Set(sources)].filter((source) => images[source] === undefined).sort();
}

function partial(inputs: ImageImportInputs, before: Before, result: ImportResult): PartialState {
    const images: Record<string, Digest> = { ...result.done };
    const wanted = Object.entries(toImageMap(inputs.images));
    for (const [source, digest] of wanted) {
        if (before.images[source] === digest) images[source] = digest;
    }
    const incomplete = stillBroken(before, result, images);
    const safe = `${Object.keys(images).length} of ${counted(wanted.length, "image")} ${wanted.length === 1 ? "is" : "are"} safe in the registry; the next \`npm run up\` brings the rest`;
    return new PartialState(
        idOf(inputs),
        { images: formatImages(images), incomplete, ...stillLeaving(inputs, before) },
        // The engine counts reasons as errors: what came of one import is one.
        [[...reasonsOf(result.failed), safe].join("\n    ")],
    );
}
