import * as pulumi from "@pulumi/pulumi";
import type { Content } from "../lib/site";
import { ImageImport } from "../dynamic-providers/image-import/resource";
import { formatImages } from "../lib/import/image-list";
import type { RegistryArgs } from "../dynamic-providers/registry/registry-kind";
import type { OnRemove } from "../lib/mirror/on-remove";

export interface ImageContentArgs extends RegistryArgs {
    readonly content: readonly Content[];
    readonly concurrency: number;
    readonly onRemove: OnRemove;
}

/** A site's image sets, imported one after the other: a later set may build on what an earlier one brought. */
export class ImageContent extends pulumi.ComponentResource {
    readonly imports: readonly ImageImport[];

    constructor(name: string, args: ImageContentArgs, opts?: pulumi.ComponentResourceOptions) {
        super("registry-passthrough:content:ImageContent", name, {}, opts);
        const imports: ImageImport[] = [];
        const locks = args.content.map(({ lock }) => lock);
        for (const set of args.content) {
            const before = imports.at(-1);
            const resource = new ImageImport(
                set.name,
                {
                    registry: args.registry,
                    credentials: args.credentials,
                    account: args.account,
                    archive: set.archive,
                    lock: set.lock,
                    lockDigest: set.lockDigest,
                    images: formatImages(set.images),
                    sparse: set.sparse,
                    concurrency: args.concurrency,
                    // Left out otherwise: a set of which nothing is ever removed has no use for them.
                    ...(args.onRemove === "delete"
                        ? { onRemove: args.onRemove, otherLocks: locks.filter((lock) => lock !== set.lock) }
                        : {}),
                },
                // What a component waits for is not by itself what its children depend on.
                { parent: this, dependsOn: before ?? opts?.dependsOn ?? [] },
            );
            imports.push(resource);
        }
        this.imports = imports;
        this.registerOutputs({ sets: args.content.map((set) => set.name) });
    }
}
