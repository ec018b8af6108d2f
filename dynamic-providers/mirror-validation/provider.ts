import { isDeepStrictEqual } from "node:util";
import { counted } from "../../lib/errors/text";
import { PassthroughError, RegistryError, errorMessage } from "../../lib/errors/errors";
import { MAX_NAMES } from "../../lib/errors/format";
import {
    type ImageProblem,
    LookupCache,
    type Verification,
    haveSameImages,
    namedProblems,
    problemLines,
    toImageMap,
    unreadError,
    verifyImages,
} from "../../lib/import";
import { type RequiredSignatures, pullChecks } from "../../lib/passthrough";
import { describeAllSets } from "../image-import/preview";
import { roomLines } from "../image-import/room";
import { changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import {
    hasMoved,
    isBroken,
    isMoving,
    orRefused,
    refreshSubject,
    sharedLookups,
    withRegistry,
} from "../registry/connection";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import {
    type MirrorValidationInputs,
    type MirrorValidationOutputs,
    type ValidationSummary,
    mirrorValidationKind as kind,
} from "./kind";
import { ADDED_INPUTS, describeClusterChange, hasNewClusters } from "./preview";
import { countSignatures, describeSignatures, findSignatures, logSignatures } from "./signatures";

const COMPARED = comparedInputs(kind, ["images", "onRemove", ...ADDED_INPUTS]);

/** Every image can be pulled under its upstream name: through the rules, with the puller's account, digests unchanged. */
export const mirrorValidationProvider: RegistryProvider<MirrorValidationInputs, MirrorValidationOutputs> = {
    ...kind,

    describeChanges: async (olds, news, context) => {
        const { log, process } = context;
        const onRemove = process.settings.removalRule(news);
        const sets = [...process.declaredSets.at(news.registry.mirrorBase).values()];
        const before = isMoving(olds, news) ? {} : toImageMap(olds.images ?? {});
        const { bytes = 0 } = await describeAllSets(sets, before, onRemove, log);
        for (const line of roomLines(bytes, news, process)) log.line("warning", line);
        describeClusterChange(olds, news, log);
        await describeSignatures(olds, news, context);
    },

    compare: (olds, news) => {
        const isChanged = changedInputs(olds, news, COMPARED).length > 0 || !haveSameImages(olds.images, news.images);
        return { changes: isChanged || hasNewClusters(olds, news) || olds.summary.status !== "proven" };
    },

    create: async (inputs, context) => ({
        id: `${inputs.registry.mirrorBase}#validation`,
        outs: { ...inputs, summary: await prove(inputs, context) },
    }),

    update: async (_olds, news, context) => ({ ...news, summary: await prove(news, context) }),

    read: async (olds, context) => {
        const inputs = storedInputs<MirrorValidationInputs>(kind, olds);
        const { signatures: _, ...before } = olds.summary;
        const unproven = { ...inputs, summary: { ...before, status: "failing" as const, failing: [] } };
        if (hasMoved(olds, context)) return { outs: isBroken(olds, context) ? unproven : olds, inputs };
        const { findings } = context.process;
        const subject = refreshSubject(kind.name, olds, context);
        if (findings.has(subject)) return { outs: olds, inputs };
        const lookups = sharedLookups(inputs, context);
        const found = await orRefused(inputs, () => validate(inputs, context, lookups));
        // Sets are read before it, so nobody asks with this account any more: of 10,000 images it would be 20 MB.
        lookups.forget();
        if (found instanceof RegistryError) {
            // Clusters that pull with this account are rejected as well.
            context.log.line("warning", errorMessage(found));
            return { outs: unproven, inputs };
        }
        // Unknown is not missing, and not proven either.
        if (found.unread.length > 0) throw unreadError(found);
        const { ownChanges } = context.process;
        const failures = found.failures.filter(({ source }) => !ownChanges.has(olds.registry.mirrorBase, source));
        const failing = failures.map(({ source }) => source).sort();
        for (const line of problemLines(failures, MAX_NAMES)) context.log.line("warning", line);
        logSignatures(found.signatures, context.log);
        const status = failing.length === 0 ? ("proven" as const) : ("failing" as const);
        // An unchanged result leaves state as it is: a refresh that finds nothing must show nothing.
        const outs = { ...inputs, summary: { ...before, status, failing, ...counts(found) } };
        // What nodes refuse is said by the update as well.
        if (isUnremarkable(found) && isDeepStrictEqual(outs, olds)) findings.note(subject);
        return { outs, inputs };
    },

    remove: async () => undefined,
};

async function prove(inputs: MirrorValidationInputs, context: RegistryContext): Promise<ValidationSummary> {
    const found = await validate(inputs, context, new LookupCache());
    const isRepaired = await importBroken(found, context);
    const result = isRepaired ? await validate(inputs, context, new LookupCache()) : found;
    const { proofs, failures, unread, digestOnly, signatures } = result;
    if (unread.length > 0) throw unreadError({ unread, failures });
    if (failures.length > 0) throw validationError(failures, Object.keys(toImageMap(inputs.images)).length);
    logSignatures(signatures, context.log);
    const sum = (field: "manifests" | "blobs" | "bytesRead") =>
        proofs.reduce((total, proof) => total + proof[field], 0);
    return {
        status: "proven",
        images: proofs.length,
        manifests: sum("manifests"),
        blobs: sum("blobs"),
        bytesRead: sum("bytesRead"),
        whole: proofs.filter(({ bytesRead }) => bytesRead > 0).map(({ source }) => source),
        digestOnly,
        checkedAt: new Date().toISOString(),
        account: inputs.credentials.username,
        failing: [],
        ...counts(result),
    };
}

/** True if every image is as it should be, and there is nothing to say about any. */
function isUnremarkable({ failures, signatures }: Validation): boolean {
    const { refused, unread } = signatures === undefined ? { refused: 0, unread: 0 } : countSignatures(signatures);
    return failures.length + refused + unread === 0;
}

function counts({ signatures }: Validation): Pick<ValidationSummary, "signatures"> {
    return signatures === undefined ? {} : { signatures: countSignatures(signatures) };
}

/**
 * Imports images again that the proof finds broken and that the refresh of their set has found in the registry's lists of
 * tags: these do not show that a blob is missing, so the set has not repaired it.
 * @returns false if there are none
 */
async function importBroken({ broken }: Validation, context: RegistryContext): Promise<boolean> {
    const { unaskedSets, reimports } = context.process;
    const sets = [...unaskedSets].flatMap((id) => reimports.get(id) ?? []);
    if (broken.size === 0 || sets.length === 0) return false;
    for (const reimport of sets) await reimport(broken, context);
    return true;
}

function validationError(failures: readonly ImageProblem[], total: number): PassthroughError {
    const count = `${failures.length} of ${counted(total, "image")}`;
    return new PassthroughError(`${count} cannot be pulled as a cluster would pull them`, {
        code: "VALIDATION_FAILED",
        problems: namedProblems(failures),
        fix: "run `npm run up`: it refreshes first and imports what is missing",
    });
}

interface Validation extends Verification {
    readonly digestOnly: readonly string[];
    /** Sources of images that are not in the registry as they should be, whichever account asks. */
    readonly broken: ReadonlySet<string>;
    /** Absent: nodes ask for no signatures. */
    readonly signatures?: RequiredSignatures | undefined;
}

async function validate(
    inputs: MirrorValidationInputs,
    context: RegistryContext,
    lookups: LookupCache,
): Promise<Validation> {
    const { checks, unredirected, digestOnly } = pullChecks({
        ...inputs,
        images: toImageMap(inputs.images),
        mirror: context.process.settings.registry(inputs).mirror,
    });
    return withRegistry(inputs, context, async (client, { host: mirrorHost }, row) => {
        const found = await verifyImages(client, checks, {
            absent: new Set(inputs.sparse),
            lookups,
            onProgress: (images, ofImages) => row.show(`${images} of ${counted(ofImages, "image")} proven`),
        });
        const denied = new Set(found.denied);
        const broken = new Set(found.failures.map(({ source }) => source).filter((source) => !denied.has(source)));
        const signatures = await findSignatures(client, inputs, { checks, mirrorHost }, row);
        return { ...found, failures: [...unredirected, ...found.failures], digestOnly, broken, signatures };
    });
}
