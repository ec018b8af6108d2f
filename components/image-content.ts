import * as pulumi from "@pulumi/pulumi";
import { ImageImport } from "../dynamic-providers/image-import/resource";
import type { RegistryArgs } from "../dynamic-providers/registry/registry-kind";
import { formatImages } from "../lib/import/image-list";
import type { OnRemove } from "../lib/mirror/on-remove";
import { type Content, pushSignatures } from "../lib/site";
import { type PushSignatures, type SignaturePolicy, formatSignatureRules } from "../lib/signatures";
import { childName } from "./child-name";
import type { ImportPlaceArgs } from "./import-place";

export interface ImageContentArgs extends RegistryArgs {
    /** Image sets in the order they were created. */
    readonly content: readonly Content[];
    /** Blobs uploaded at the same time. */
    readonly concurrency: pulumi.Input<number>;
    /** What happens to images that leave a set. */
    readonly onRemove: OnRemove;
    /** Who must have signed images; empty: nobody. */
    readonly signatures: readonly SignaturePolicy[];
    /** How the archive of a set is reached that is not on this machine. */
    readonly placeOf: (set: Content) => ImportPlaceArgs;
}

const STOCK = "content";

/** A site's image sets, imported one after the other: a later set may build on an earlier one. */
export class ImageContent extends pulumi.ComponentResource {
    readonly imports: readonly ImageImport[];

    constructor(name: string, args: ImageContentArgs, opts: pulumi.ComponentResourceOptions = {}) {
        super("registry-passthrough:content:ImageContent", name, {}, opts);
        const { content, onRemove, signatures, placeOf, ...common } = args;
        const locks = content.map(({ lock }) => lock);
        const imports: ImageImport[] = [];
        for (const set of content) {
            const before = imports.at(-1);
            const resource = new ImageImport(
                childName(name, STOCK, set.name),
                {
                    ...common,
                    ...placeOf(set),
                    archive: set.archive,
                    lock: set.lock,
                    lockDigest: set.lockDigest,
                    images: formatImages(set.images),
                    sparse: set.sparse,
                    // Left out otherwise: a set of which nothing is ever removed has no use for them.
                    ...(onRemove === "delete"
                        ? { onRemove, otherLocks: locks.filter((lock) => lock !== set.lock) }
                        : {}),
                    ...askedOfSignatures(pushSignatures(signatures, content, set)),
                },
                // What a component waits for is not by itself what its children depend on.
                { parent: this, dependsOn: before ?? opts.dependsOn ?? [] },
            );
            imports.push(resource);
        }
        this.imports = imports;
        this.registerOutputs({ sets: content.map((set) => set.name) });
    }
}

/** Left out where nothing is asked: state is written at every step. */
function askedOfSignatures(asked: PushSignatures | undefined) {
    return asked === undefined ? {} : { signatures: { ...asked, rules: formatSignatureRules(asked.rules) } };
}
