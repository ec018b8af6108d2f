import * as pulumi from "@pulumi/pulumi";
import type { OnRemove } from "../../lib/mirror/on-remove";
import { type RegistryArgs, RegistryResource } from "../registry/registry-resource";

export interface ImageImportArgs extends RegistryArgs {
    /** Files or folders of the set, from the project's root or absolute. */
    readonly archive: readonly string[];
    /** The lock file, and the digest of its content. */
    readonly lock: string;
    readonly lockDigest: string;
    /** A text of `formatImages`. */
    readonly images: string;
    /** Children that sparse indexes leave out on purpose. */
    readonly sparse: readonly string[];
    /** Blobs in flight. */
    readonly concurrency: number;
    /** What becomes of images that leave the set; absent: they are kept. */
    readonly onRemove?: OnRemove;
    /** Locks of the stack's other sets: what they name is not deleted. */
    readonly otherLocks?: readonly string[];
}

/** The images of one set, in the registry under their own digests. */
export class ImageImport extends RegistryResource {
    constructor(name: string, args: ImageImportArgs, opts: pulumi.CustomResourceOptions = {}) {
        // A diff would print every unchanged image; check names those that change.
        const quiet = pulumi.mergeOptions(opts, { hideDiffs: ["images"] });
        super("imageImport", name, args, ["incomplete"], quiet);
    }
}
