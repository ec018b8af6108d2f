import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import {
    type ImportResult,
    counted,
    formatBytes,
    imageTask,
    planImport,
    progressText,
    verifyImages,
} from "../lib/import";
import type { Digest } from "../lib/oci/digest";
import { RegistryError } from "../lib/oci/errors";
import { carryOut, movedTags, readLockedSet, refusedMounts } from "../lib/passthrough";
import { hasMoved, orRefused, registryInputs, withRegistry } from "./connection";
import { announceImages } from "./image-announcement";
import { type Kind, PartialState, type Surroundings } from "./lifecycle";

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
    /** A refresh could not look, since the registry refuses the robot account: the next update looks at everything. */
    readonly unseen?: boolean | undefined;
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
        return {
            changes: isChanged || olds.incomplete.length > 0 || olds.unseen === true,
            ...(isMoved ? { replaces: ["registry"] } : {}),
        };
    },

    create: async (inputs, surroundings) => ({
        id: idOf(inputs),
        outs: await bring(inputs, { images: {}, incomplete: [] }, surroundings),
    }),

    update: async (olds, news, surroundings) =>
        bring(news, olds.unseen === true ? nothingProven(olds) : olds, surroundings),

    read: async (olds, around) => {
        const { incomplete: brokenBefore, unseen, ...inputs } = olds;
        if (hasMoved(olds)) return { outs: olds, inputs };
        const failures = await orRefused(olds, () =>
            withRegistry(olds, around, async (client, base, row) => {
                const checks = Object.entries(olds.images).map(([source, digest]) => imageTask(base, source, digest));
                const onProgress = (images: number, ofImages: number) =>
                    row.show(`${images} of ${counted(ofImages, "image")} looked at`);
                return (await verifyImages(client, checks, { absent: new Set(olds.sparse), onProgress })).failures;
            }),
        );
        if (failures instanceof RegistryError) {
            around.log.line("warning", `the images could not be looked at: ${failures.message}`);
            return { outs: { ...olds, unseen: true }, inputs };
        }
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

/** Images that nobody could look at are in state, but are not trusted to be there. */
function nothingProven({ images, incomplete }: ImageImportOutputs): Before {
    return { images: {}, incomplete: [...new Set([...incomplete, ...Object.keys(images)])].sort() };
}

type Before = Pick<ImageImportOutputs, "images" | "incomplete">;

/** Brings what is missing; what state says is there is not looked at again (a refresh does that). */
async function bring(inputs: ImageImportInputs, before: Before, around: Surroundings): Promise<ImageImportOutputs> {
    const suspects = new Set(before.incomplete);
    const wanted = Object.fromEntries(
        Object.entries(inputs.images).filter(([source, digest]) => before.images[source] !== digest),
    );
    if (Object.keys(wanted).length === 0 && before.incomplete.length === 0) return { ...inputs, incomplete: [] };
    const { log } = around;
    const warn = (lines: readonly string[]) => {
        if (lines.length > 0) log.line("warning", lines.join("\n    "));
    };
    const set = await readLockedSet(inputs.archive, inputs.lock, inputs.lockDigest);
    const result = await withRegistry(inputs, around, async (client, base, row) => {
        row.show("asking the registry what is there");
        const plan = await planImport(client, { images: wanted, set: set.lock, base, suspects });
        warn(movedTags(plan, before.images));
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
    return { ...inputs, incomplete: [] };
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
