import * as pulumi from "@pulumi/pulumi";
import type { ImageMark } from "../../lib/mirror/image-set";
import { type RegistryArgs, RegistryResource } from "../registry/registry-resource";
import type { ValidationSummary } from "./provider";

export interface MirrorValidationArgs extends RegistryArgs {
    /** A text of `formatImages`. */
    readonly images: string;
    /** By source reference: images whose digest is not upstream's. */
    readonly marks?: Readonly<Record<string, ImageMark>>;
    /** The registries.conf that a node gets from the mirror rules. */
    readonly registriesConf: string;
    /** Children that sparse indexes leave out on purpose: `<digest>`, or `<source reference> <digest>` for one image. */
    readonly sparse: readonly string[];
    /** How many images are read byte for byte. */
    readonly wholeImages: number;
}

/** Proof that every image can be pulled under its upstream name through the rules. */
export class MirrorValidation extends RegistryResource {
    declare readonly summary: pulumi.Output<ValidationSummary>;

    constructor(name: string, args: MirrorValidationArgs, opts: pulumi.CustomResourceOptions = {}) {
        const quiet = pulumi.mergeOptions(opts, { hideDiffs: ["images", "marks", "registriesConf"] });
        super("mirrorValidation", name, args, ["summary"], quiet);
    }
}
