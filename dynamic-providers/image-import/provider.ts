import { isDeepStrictEqual } from "node:util";
import { counted } from "../../lib/errors/text";
import { RegistryError, errorMessage } from "../../lib/errors/errors";
import {
    type ImageProblem,
    type ImagesBySource,
    type Verification,
    formatImages,
    haveSameImages,
    imageTask,
    toImageMap,
    unreadError,
    verifyImages,
} from "../../lib/import";
import { registryAdmin } from "../../lib/registries";
import { changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import {
    hasMoved,
    isBroken,
    isMoving,
    orRefused,
    refreshSubject,
    replacedRegistry,
    sharedLookups,
    withRegistry,
} from "../registry/connection";
import type { RegistryContext, RegistryProcess, RegistryProvider } from "../registry/registry-process";
import { type StateBefore, NOTHING, importAgain, importImages, setId } from "./import-images";
import { type ImageImportInputs, type ImageImportOutputs, imageImportKind as kind } from "./kind";
import { findListed } from "./listed-images";
import { adoptedImagesLine, describeImageChanges, immutableTagLines, wantedSet } from "./preview";
import { notRemovedError, removeLeaving } from "./removal";
import { describeSignatures } from "./signatures";

/** What is asked before a push, where it is made and how fast, changes nothing that was pushed. */
const COMPARED = comparedInputs(kind, ["images", "signatures", "place", "kubeconfig", "puller", "concurrency"]);

/** The images of one set are in the registry, under their own digests. */
export const imageImportProvider: RegistryProvider<ImageImportInputs, ImageImportOutputs> = {
    ...kind,

    describeChanges: async (olds, news, context) => {
        const { log, process } = context;
        const { mirrorBase } = news.registry;
        process.reimports.set(setId(news), (sources, context) => importAgain(news, sources, context));
        const before = isMoving(olds, news) ? {} : toImageMap(olds.images ?? {});
        const after = toImageMap(news.images);
        const wanted = await wantedSet(news.lock, after);
        // The engine checks a replacement once more, as a new resource.
        const isRepeated = olds.images === undefined && process.declaredSets.has({ mirrorBase, lock: news.lock });
        const { facts: _, ...lasting } = wanted;
        process.declaredSets.add({ mirrorBase, lock: news.lock }, { wanted: lasting, before });
        if (!isRepeated) {
            describeImageChanges(wanted, before, log);
            await describeSignatures(news, before, context);
        }
        if (olds.images === undefined && adoptsImages(news, process)) {
            log.line("info", adoptedImagesLine(Object.keys(after).length));
        }
        if (!process.immutableTags.has(news.registry.mirrorBase)) return;
        const moving = Object.keys(after).filter(
            (source) => before[source] !== undefined && before[source] !== after[source],
        );
        const lines = immutableTagLines(moving);
        if (lines.length > 0) log.line("warning", lines.join("\n    "));
    },

    compare: (olds, news) => {
        const isChanged = changedInputs(olds, news, COMPARED).length > 0 || !haveSameImages(olds.images, news.images);
        const isUnfinished = olds.incomplete.length > 0 || olds.unseen === true || olds.leaving !== undefined;
        const replaces = replacedRegistry(olds, news);
        return { changes: isChanged || isUnfinished, ...(replaces.length > 0 ? { replaces } : {}) };
    },

    create: async (inputs, context) => ({ id: setId(inputs), outs: await importImages(inputs, NOTHING, context) }),

    update: async (olds, news, context) => importImages(news, stateBefore(olds), context),

    read: async (olds, context) => {
        const inputs = storedInputs<ImageImportInputs>(kind, olds);
        if (hasMoved(olds, context))
            return { outs: isBroken(olds, context) ? { ...olds, unseen: true } : olds, inputs };
        const { findings, unaskedSets } = context.process;
        const subject = refreshSubject(kind.name, olds, context);
        if (findings.has(subject)) {
            unaskedSets.add(setId(olds));
            return { outs: olds, inputs };
        }
        const known = toImageMap(olds.images);
        const { listed, unlisted } = await findListed(olds, known, context);
        const [witness] = Object.entries(listed);
        if (witness !== undefined) unaskedSets.add(setId(olds));
        const asked = Object.fromEntries(witness === undefined ? [] : [witness]);
        const failures = await orRefused(olds, () => verify(olds, unlisted, asked, context));
        if (failures instanceof RegistryError) {
            context.log.line("warning", `the images could not be looked at: ${errorMessage(failures)}`);
            return { outs: { ...olds, unseen: true }, inputs };
        }
        const broken = new Set(failures.map(({ source }) => source).filter((source) => !isOwn(olds, source, context)));
        const whole = Object.fromEntries(Object.entries(known).filter(([source]) => !broken.has(source)));
        // What has not changed stays as it is written: a refresh that finds nothing must show nothing.
        const images = broken.size === 0 ? olds.images : formatImages(whole);
        // What was broken before stays incomplete: it is not among `images`, so it was not looked at.
        const incomplete = [...new Set([...olds.incomplete, ...broken])].sort();
        const leaving = olds.leaving === undefined ? {} : { leaving: olds.leaving };
        const imported = olds.importedAt === undefined ? {} : { importedAt: olds.importedAt };
        const outs = { ...inputs, images, incomplete, ...leaving, ...imported };
        if (failures.length + incomplete.length === 0 && isDeepStrictEqual(outs, olds)) findings.note(subject);
        return { outs, inputs: { ...inputs, images } };
    },

    remove: async (olds, context) => {
        const rule = context.process.removalRule(olds);
        const leaving = { ...olds.leaving, ...toImageMap(olds.images) };
        if (rule === "keep" || Object.keys(leaving).length === 0) return;
        const { failed } = await removeLeaving(olds, leaving, {}, remainingLocks(olds, context), context);
        if (failed.length > 0) throw notRemovedError(failed);
    },
};

/** True if the registry may hold images of a stack whose state is lost. Nothing is asked: a set may have thousands. */
function adoptsImages({ registry }: ImageImportInputs, { adoptedNamespaces, settings }: RegistryProcess): boolean {
    if (registryAdmin(registry.type).capabilities.namespaces === undefined) return settings.site.adopt?.value === true;
    return adoptedNamespaces.has(registry.mirrorBase);
}

/** True if this run has changed the image itself: its state is about to follow. */
function isOwn({ registry }: ImageImportOutputs, source: string, { process }: RegistryContext): boolean {
    return process.ownChanges.has(registry.mirrorBase, source);
}

/** Images that a refresh could not look at are in state, but are not trusted to be in the registry. */
function stateBefore({ images, incomplete, leaving, unseen, importedAt }: ImageImportOutputs): StateBefore {
    const known = toImageMap(images);
    if (unseen !== true) return { images: known, incomplete, leaving, importedAt };
    const suspects = [...new Set([...incomplete, ...Object.keys(known)])].sort();
    return { images: {}, incomplete: suspects, leaving, importedAt };
}

/**
 * The images that are not in the registry as they should be, each asked for by itself. Where there is a puller's account, it
 * is asked first: the validation needs the same responses with that account, and they are shared. What that account may not
 * read is asked with the importer's.
 * @param witness an image that is as it should be: whether an account may read it shows whether it is rejected altogether
 */
async function verify(
    state: ImageImportOutputs,
    images: ImagesBySource,
    witness: ImagesBySource,
    context: RegistryContext,
): Promise<readonly ImageProblem[]> {
    if (Object.keys(images).length === 0) return [];
    const puller = context.process.pullers.get(state.registry.mirrorBase);
    if (puller === undefined) return (await verifyAs(state, images, witness, context)).failures;
    const asPuller = { ...state, credentials: puller };
    const found = await orRefused(state, () => verifyAs(asPuller, images, witness, context));
    if (found instanceof RegistryError) return (await verifyAs(state, images, witness, context)).failures;
    if (found.denied.length === 0) return found.failures;
    const denied = new Set(found.denied);
    const rest = Object.fromEntries(Object.entries(images).filter(([source]) => denied.has(source)));
    const readable = Object.fromEntries(found.proofs.slice(0, 1).map(({ source }) => [source, images[source] ?? ""]));
    const { failures } = await verifyAs(state, rest, { ...readable, ...witness }, context);
    return [...found.failures.filter(({ source }) => !denied.has(source)), ...failures];
}

async function verifyAs(
    state: ImageImportOutputs,
    images: ImagesBySource,
    witness: ImagesBySource,
    context: RegistryContext,
): Promise<Verification> {
    return withRegistry(state, context, async (client, mirror, row) => {
        const look = (looked: ImagesBySource, isAccepted: boolean) => {
            const checks = Object.entries(looked).map(([source, digest]) => imageTask(mirror, source, digest));
            return verifyImages(client, checks, {
                absent: new Set(state.sparse),
                onProgress: (done, of) => row.show(`${done} of ${counted(of, "image")} looked at`),
                lookups: sharedLookups(state, context),
                isAccepted,
            });
        };
        const isAccepted = (await look(witness, false)).proofs.length > 0;
        const found = await look(images, isAccepted);
        if (found.unread.length > 0) throw unreadError(found);
        return found;
    });
}

/**
 * The locks whose images outlive a set that is removed. A set that today's configuration does not list was taken out or
 * renamed: all that are listed stay. One that is listed is removed with the whole stack, after those that came later; or it
 * was replaced by itself, if the program has declared it in this run.
 */
function remainingLocks(olds: ImageImportOutputs, { process }: RegistryContext): readonly string[] {
    const { mirrorBase } = olds.registry;
    const today = process.settings.site.locks?.value;
    if (today === undefined)
        return [...new Set([...(olds.otherLocks ?? []), ...process.declaredSets.at(mirrorBase).keys()])];
    const isDestroyed = today.includes(olds.lock) && !process.declaredSets.has({ mirrorBase, lock: olds.lock });
    return isDestroyed ? today.slice(0, today.indexOf(olds.lock)) : today;
}
