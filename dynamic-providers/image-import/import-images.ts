import { createRequire } from "node:module";
import { counted, formatBytes } from "../../lib/errors/text";
import {
    type ImagesBySource,
    type ImportPlan,
    type ImportResult,
    blockedLines,
    formatImages,
    imageCodes,
    journalFolder,
    isNothingToDo,
    planSummary,
    progressText,
    toImageMap,
    problemLines,
} from "../../lib/import";
import { MAX_NAMES } from "../../lib/errors/format";
import type { Digest } from "../../lib/oci/digest";
import { carryOut, movedTags, planLockedSet, refusedMounts } from "../../lib/passthrough";
import { PartialState } from "../lifecycle/resource-provider";
import { withRegistry } from "../registry/connection";
import type { RegistryContext } from "../registry/registry-process";
import { immutableTagLines } from "./preview";
import { parseAsked } from "./signatures";
import type * as importPlace from "./import-place";
import type { ImageImportInputs, ImageImportOutputs } from "./kind";
import { leavingImages, removeLeaving } from "./removal";
import { roomLines, useRoom } from "./room";

const load = createRequire(__filename);

/** What state holds when an import begins. */
export interface StateBefore extends Pick<ImageImportOutputs, "incomplete" | "leaving" | "importedAt"> {
    readonly images: ImagesBySource;
}

export const NOTHING: StateBefore = { images: {}, incomplete: [] };

/** The id of a set's resource. */
export function setId(inputs: Pick<ImageImportInputs, "registry" | "lock">): string {
    return `${inputs.registry.mirrorBase}#${inputs.lock}`;
}

/**
 * Pushes what is missing; what state holds as present is not checked again (a refresh does that).
 * @throws PartialState that keeps what is in the registry
 */
export async function importImages(
    inputs: ImageImportInputs,
    before: StateBefore,
    context: RegistryContext,
): Promise<ImageImportOutputs> {
    const missing = Object.fromEntries(
        Object.entries(toImageMap(inputs.images)).filter(([source, digest]) => before.images[source] !== digest),
    );
    context.process.ownChanges.add(inputs.registry.mirrorBase, before.images, toImageMap(inputs.images));
    const isImporting = Object.keys(missing).length > 0 || before.incomplete.length > 0;
    if (isImporting) {
        const result = await push(inputs, missing, before, context);
        useRoom(result.sent.bytes, inputs, context.process);
        logWarnings(refusedMounts(result), context);
        if (result.failed.length > 0) throw partialImport(inputs, before, result, context);
        const { bytes, uploads, mounts } = result.sent;
        context.log.line(
            "info",
            `imported ${counted(Object.keys(missing).length, "image")}; ${formatBytes(bytes)} sent in ` +
                `${counted(uploads, "blob")}, ${counted(mounts, "blob")} mounted`,
        );
    }
    return removeLeft(inputs, isImporting ? { ...before, importedAt: now(context) } : before, context);
}

/**
 * Imports images of the set again, down to the last blob. Images that could not be imported are logged: what is wrong with
 * them stays to be found by whoever asked for this.
 */
export async function importAgain(
    inputs: ImageImportInputs,
    sources: ReadonlySet<string>,
    context: RegistryContext,
): Promise<void> {
    const all = Object.entries(toImageMap(inputs.images));
    const incomplete = all.map(([source]) => source).filter((source) => sources.has(source));
    if (incomplete.length === 0) return;
    const images = Object.fromEntries(all.filter(([source]) => !sources.has(source)));
    // What the mirror has lost was in it: nodes judged it then.
    const { signatures: _, ...repair } = inputs;
    try {
        await importImages(repair, { images, incomplete }, context);
    } catch (error) {
        // State is that of the set, which this operation is not about.
        if (!(error instanceof PartialState)) throw error;
        logWarnings(error.reasons, context);
    }
}

function now({ process }: RegistryContext): string {
    return new Date(process.clock.now()).toISOString();
}

async function push(
    inputs: ImageImportInputs,
    images: Readonly<Record<string, Digest>>,
    before: StateBefore,
    context: RegistryContext,
): Promise<ImportResult> {
    const { log } = context;
    const suspects = new Set(before.incomplete);
    return withRegistry(inputs, context, async (client, base, row) => {
        row.show("checking what the registry has");
        const { type: kind } = inputs.registry;
        const overrides = context.process.settings.overrides(inputs.lock);
        const planned = () => planLockedSet(client, { ...inputs, images, overrides }, { base, kind, suspects });
        const { set, plan } = await planned();
        const lines = planLines(plan);
        if (lines.length > 0) log.line("info", lines.join("\n    "));
        logWarnings(movedTags(plan, knownImages(inputs, before, context)), context);
        logWarnings(immutableMoves(plan, inputs, context), context);
        logWarnings(roomLines(plan.bytes, inputs, context.process), context);
        // The plan is shown before the first byte is sent.
        await log.flushed();
        if (inputs.place !== undefined) {
            const work = {
                ...{ inputs, images: formatImages(images), suspects: before.incomplete, plan },
                ...{ isFirst: isFirst(before), planAgain: async () => (await planned()).plan },
            };
            // Few sites need it, and it has clients of clusters and hosts.
            const { importAtPlace } = load("./import-place") as typeof importPlace;
            return importAtPlace(work, inputs.place, { client, base, row, context });
        }
        return carryOut(client, plan, set, {
            concurrency: inputs.concurrency,
            journals: journalFolder(),
            registryKind: kind,
            onProgress: (progress) => row.show(progressText(progress)),
            onWarning: (warning) => logWarnings([warning], context),
            isFirstImport: isFirst(before),
            onCheck: () => row.show("checking where the registry wants uploads"),
            signatures: inputs.signatures && { ...parseAsked(inputs.signatures), base },
        });
    });
}

/** Images that this stack has pushed before, also with sets that come first: a tag that moves from one of them is its own. */
function knownImages(
    { registry, images }: ImageImportInputs,
    before: StateBefore,
    { process }: RegistryContext,
): ImagesBySource[] {
    const sets = [...process.declaredSets.at(registry.mirrorBase).values()];
    return [before.images, ...sets.flatMap((set) => [set.before, set.wanted.images]), toImageMap(images)];
}

/** True if nothing of the set was imported before. */
function isFirst({ images, incomplete }: StateBefore): boolean {
    return Object.keys(images).length === 0 && incomplete.length === 0;
}

/** Tags that move where the registry's rules may keep them from moving; nothing where there are no such rules. */
function immutableMoves(plan: ImportPlan, { registry }: ImageImportInputs, { process }: RegistryContext): string[] {
    const moving = plan.push.filter(({ movedFrom }) => movedFrom !== undefined).map(({ task }) => task.source);
    return process.immutableTags.has(registry.mirrorBase) ? immutableTagLines(moving) : [];
}

function logWarnings(lines: readonly string[], { log }: RegistryContext): void {
    if (lines.length > 0) log.line("warning", lines.join("\n    "));
}

/** What will be sent; nothing where nothing is to be done. */
function planLines(plan: ImportPlan): string[] {
    return isNothingToDo(plan) ? [] : [`plan: ${planSummary(plan)}`, ...blockedLines(plan)];
}

/** Removes images that have left the set, if that is configured. @throws PartialState that keeps what could not be removed */
async function removeLeft(
    inputs: ImageImportInputs,
    before: StateBefore,
    context: RegistryContext,
): Promise<ImageImportOutputs> {
    const { leaving } = imagesToRemove(inputs, before);
    const imported = before.importedAt === undefined ? {} : { importedAt: before.importedAt };
    const done = { ...inputs, incomplete: [], ...imported };
    if (leaving === undefined) return done;
    const locks = [inputs.lock, ...(inputs.otherLocks ?? [])];
    const { failed } = await removeLeaving(inputs, leaving, toImageMap(inputs.images), locks, context);
    if (failed.length === 0) return done;
    const left = new Set(failed.map(({ source }) => source));
    const rest = Object.fromEntries(Object.entries(leaving).filter(([source]) => left.has(source)));
    const safe = "every image of the set is in; the next `npm run up` tries again to remove what has left it";
    const reasons = [[...problemLines(failed, MAX_NAMES), safe].join("\n    ")];
    const state = { incomplete: [], leaving: rest, ...imported };
    throw new PartialState(setId(inputs), state, reasons, imageCodes(failed));
}

/** Images that have left the set and are not removed yet; nothing at all where images are kept. */
function imagesToRemove(inputs: ImageImportInputs, before: StateBefore): { leaving?: Record<string, Digest> } {
    if (inputs.onRemove !== "delete") return {};
    const leaving = leavingImages({ ...before.leaving, ...before.images }, toImageMap(inputs.images));
    return Object.keys(leaving).length === 0 ? {} : { leaving };
}

function partialImport(
    inputs: ImageImportInputs,
    before: StateBefore,
    result: ImportResult,
    context: RegistryContext,
): PartialState {
    const images: Record<string, Digest> = { ...result.done };
    const all = Object.entries(toImageMap(inputs.images));
    for (const [source, digest] of all) {
        if (before.images[source] === digest) images[source] = digest;
    }
    const incomplete = stillIncomplete(before, result, images);
    const importedAt = Object.keys(result.done).length > 0 ? now(context) : before.importedAt;
    const safe = `${Object.keys(images).length} of ${counted(all.length, "image")} ${all.length === 1 ? "is" : "are"} safe in the registry; the next \`npm run up\` imports the rest`;
    return new PartialState(
        setId(inputs),
        {
            ...{ images: formatImages(images), incomplete, ...imagesToRemove(inputs, before) },
            ...(importedAt === undefined ? {} : { importedAt }),
        },
        // The engine counts reasons as errors: one import that failed is one.
        [[...problemLines(result.failed, MAX_NAMES), safe].join("\n    ")],
        imageCodes(result.failed),
    );
}

/** What failed is checked again to the last blob, and so is what an earlier run should have imported. */
function stillIncomplete(
    before: StateBefore,
    result: ImportResult,
    images: Readonly<Record<string, Digest>>,
): string[] {
    const sources = [...before.incomplete, ...result.failed.map(({ source }) => source)];
    return [...new Set(sources)].filter((source) => images[source] === undefined).sort();
}
