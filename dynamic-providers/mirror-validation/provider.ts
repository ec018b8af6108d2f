import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import {
    type ImageFailure,
    LookupCache,
    type Verification,
    counted,
    toImageMap,
    haveSameImages,
    unreadError,
    verifyImages,
} from "../../lib/import";
import { PassthroughError, RegistryError } from "../../lib/errors/errors";
import { pullChecks } from "../../lib/passthrough";
import { describeLeavingImages } from "../image-import/preview";
import {
    currentRegistry,
    hasMoved,
    imageListInput,
    orRefused,
    registryInputs,
    withRegistry,
} from "../registry/connection";
import type { ResourceProvider, OperationContext } from "../lifecycle/resource-provider";
import { sharedLookups } from "../registry/shared-lookups";
import { siteToday } from "../registry/settings";

export const mirrorValidationInputs = registryInputs.extend({
    /** Source reference -> digest. */
    images: imageListInput,
    /** Source reference -> why its digest is not upstream's. Absent: none is. */
    marks: z.record(z.string(), z.enum(["tag-only", "rebuilt"])).optional(),
    /** The registries.conf a node gets from the mirror rules, as TOML. */
    registriesConf: z.string(),
    /** Children that sparse indexes leave out on purpose: `<digest>`, or `<source reference> <digest>` for one image. */
    sparse: z.array(z.string()),
    /** How many images are read byte for byte. */
    wholeImages: z.number().int().nonnegative(),
});

export type MirrorValidationInputs = z.infer<typeof mirrorValidationInputs>;

/** What was proven, small enough for a stack output. */
export interface ValidationSummary {
    readonly status: "proven" | "failing";
    readonly images: number;
    readonly manifests: number;
    readonly blobs: number;
    readonly bytesRead: number;
    /** Images read byte for byte. */
    readonly whole: readonly string[];
    /** Images that rules redirect by digest only. */
    readonly digestOnly: readonly string[];
    /** When, RFC 3339. */
    readonly checkedAt: string;
    /** Images that were found wrong by a refresh. */
    readonly failing: readonly string[];
}

export interface MirrorValidationOutputs extends MirrorValidationInputs {
    readonly summary: ValidationSummary;
}

/** Every image can be pulled under its upstream name: through the rules, with the puller's account, digests unchanged. */
export const mirrorValidationProvider: ResourceProvider<MirrorValidationInputs, MirrorValidationOutputs> = {
    inputs: mirrorValidationInputs,
    secrets: ["credentials"],

    describeChanges: async (olds, news, log) =>
        describeLeavingImages(
            toImageMap(olds.images ?? {}),
            toImageMap(news.images),
            siteToday().onRemove?.value ?? "keep",
            log,
        ),

    compare: (olds, news) => {
        const compared = [
            "registry",
            "credentials",
            "account",
            "marks",
            "registriesConf",
            "sparse",
            "wholeImages",
        ] as const;
        const isChanged = compared.some((name) => !isDeepStrictEqual(olds[name], news[name]));
        const isSame = !isChanged && haveSameImages(olds.images, news.images);
        return { changes: !isSame || olds.summary.status !== "proven" };
    },

    create: async (inputs, context) => ({
        id: `${inputs.registry.mirrorBase}#validation`,
        outs: { ...inputs, summary: await prove(inputs, context) },
    }),

    update: async (_olds, news, context) => ({ ...news, summary: await prove(news, context) }),

    read: async (olds, context) => {
        const { summary: before, ...inputs } = olds;
        if (hasMoved(olds)) return { outs: olds, inputs };
        const proof = await orRefused(inputs, () => validate(inputs, context, sharedLookups(inputs)));
        if (proof instanceof RegistryError) {
            // Whoever pulls with this account is refused as well.
            context.log.line("warning", proof.message);
            return { outs: { ...inputs, summary: { ...before, status: "failing", failing: [] } }, inputs };
        }
        // Unknown is not gone, and not proven either.
        if (proof.unread.length > 0) throw unreadError(proof);
        const { failures } = proof;
        const failing = failures.map(({ source }) => source).sort();
        for (const { source, problem } of failures) context.log.line("warning", `${source}: ${problem}`);
        const status = failing.length === 0 ? ("proven" as const) : ("failing" as const);
        // An unchanged verdict leaves state as it is: a refresh that finds nothing must show nothing.
        return { outs: { ...inputs, summary: { ...before, status, failing } }, inputs };
    },

    remove: async () => undefined,
};

async function prove(inputs: MirrorValidationInputs, context: OperationContext): Promise<ValidationSummary> {
    const { proofs, failures, unread, digestOnly } = await validate(inputs, context, new LookupCache());
    if (unread.length > 0) throw unreadError({ unread, failures });
    if (failures.length > 0) throw failed(failures, Object.keys(toImageMap(inputs.images)).length);
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
        failing: [],
    };
}

const MAX_NAMED = 50;

function failed(failures: readonly ImageFailure[], total: number): PassthroughError {
    const named = failures.slice(0, MAX_NAMED).map(({ source, problem }) => `\n    ${source}: ${problem}`);
    const more = failures.length > MAX_NAMED ? `\n    and ${failures.length - MAX_NAMED} more` : "";
    return new PassthroughError(
        `${failures.length} of ${total} images cannot be pulled as a cluster would pull them:${named.join("")}${more}\n`,
        { code: "VALIDATION_FAILED", fix: "`npm run up` refreshes first and brings what is missing" },
    );
}

interface Validation extends Verification {
    readonly digestOnly: readonly string[];
}

async function validate(
    inputs: MirrorValidationInputs,
    context: OperationContext,
    lookups: LookupCache,
): Promise<Validation> {
    const { checks, unredirected, digestOnly } = pullChecks({
        ...inputs,
        images: toImageMap(inputs.images),
        mirror: currentRegistry(inputs).mirror,
    });
    return withRegistry(inputs, context, async (client, _base, row) => {
        const { proofs, failures, unread } = await verifyImages(client, checks, {
            absent: new Set(inputs.sparse),
            lookups,
            onProgress: (images, ofImages) => row.show(`${images} of ${counted(ofImages, "image")} proven`),
        });
        return { proofs, failures: [...unredirected, ...failures], unread, digestOnly };
    });
}
