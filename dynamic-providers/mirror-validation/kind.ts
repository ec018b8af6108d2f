import { z } from "zod";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";
import { type RegistryResourceArgs, imageListInput, registryArgs, registrySecrets } from "../registry/registry-kind";

const args = registryArgs.extend({
    /** Source reference -> digest, as `formatImages` writes it. */
    images: imageListInput,
    /** Source reference -> why its digest is not upstream's. Absent: none is. */
    marks: z
        .record(z.string(), z.enum(["tag-only", "rebuilt"]))
        .readonly()
        .optional(),
    /** The registries.conf that a node generates from the mirror rules, TOML. */
    registriesConf: z.string(),
    /** What clusters get, by kind and name, YAML: only for previews. Absent in state of earlier versions. */
    clusterObjects: z.record(z.string(), z.string()).readonly().optional(),
    /** The version that they are made for: only for previews. Absent in state of earlier versions. */
    clusterVersion: z.string().optional(),
    /** Children that sparse indexes leave out on purpose: `<digest>`, or `<source reference> <digest>` for one image. */
    sparse: z.array(z.string()).readonly(),
    /** What becomes of images that leave: only said in the preview. Absent: they are kept. */
    onRemove: z.enum(["keep", "delete"]).optional(),
    /** What nodes require of signatures, of `formatSignatureRules`. Absent: nothing. */
    signatures: z.string().optional(),
    /** How many images are read byte for byte. */
    wholeImages: z.number().int().nonnegative(),
});
const inputs = args.extend(commonInputs.shape);

export type MirrorValidationArgs = RegistryResourceArgs<typeof args>;
export type MirrorValidationInputs = Readonly<z.infer<typeof inputs>>;

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
    /** RFC 3339. */
    readonly checkedAt: string;
    /** User name of the account that it was proven with. Absent in state of earlier versions. */
    readonly account?: string;
    /** Images that a refresh found missing or wrong. */
    readonly failing: readonly string[];
    /** Of the images under a policy of `site.signatures`; absent: nodes ask for no signatures. */
    readonly signatures?: SignatureCounts;
}

/** What nodes of OpenShift 4.20 and later make of images whose signatures they look up in the mirror. */
export interface SignatureCounts {
    readonly accepted: number;
    readonly refused: number;
    /** Signatures that could not be read: nodes may accept these images or not. */
    readonly unread: number;
}

export interface MirrorValidationOutputs extends MirrorValidationInputs, CommonOutputs {
    readonly summary: ValidationSummary;
}

export const mirrorValidationKind = {
    name: "mirrorValidation",
    inputs,
    outputs: ["summary"],
    secrets: registrySecrets,
} as const;
