import * as pulumi from "@pulumi/pulumi";
import { RegistryResource } from "../registry/registry-resource";
import { type ImageImportArgs, imageImportKind } from "./kind";

/** The images of one set, in the registry under their own digests. */
export class ImageImport extends RegistryResource {
    constructor(name: string, args: ImageImportArgs, opts?: pulumi.CustomResourceOptions) {
        // A diff would print every unchanged image; the provider logs those that change.
        super(imageImportKind, name, { ...args }, pulumi.mergeOptions(opts, { hideDiffs: ["images"] }));
    }
}
