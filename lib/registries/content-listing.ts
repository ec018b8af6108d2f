import { RegistryError } from "../errors/errors";
import type { Digest } from "../oci/digest";

/** What a page of an administration API says about a tag. */
export interface ListedTag {
    readonly digest: Digest;
    /** Children of an index that the registry does not have; undefined if the API does not say. Empty for an image. */
    readonly missingChildren: readonly Digest[] | undefined;
}

/** By repository (its name below the namespace) and tag. What is not in it was not seen, which says nothing. */
export type ListedTags = ReadonlyMap<string, ReadonlyMap<string, ListedTag>>;

/** Lists the tags of a registry by pages, in place of a request for each image. */
export interface ContentListing {
    /**
     * The tags of repositories. Left out is what cannot be learned this way: what a page that failed would have listed, what
     * would take more pages than there are images to look for, and tags that moved while the pages were read.
     * @param wanted how many images are looked for, by repository
     */
    list(namespace: string, wanted: ReadonlyMap<string, number>): Promise<ListedTags>;
}

/** Collects the tags of one repository's pages. */
export class TagCollector {
    readonly tags = new Map<string, ListedTag>();
    private readonly moved = new Set<string>();

    add(name: string, tag: ListedTag): void {
        if ((this.tags.get(name) ?? tag).digest !== tag.digest) this.moved.add(name);
        if (this.moved.has(name)) this.tags.delete(name);
        else this.tags.set(name, tag);
    }
}

/** The error of a page that cannot be read: its images are asked for one by one, which reports what is wrong. */
export function registryError(error: unknown): RegistryError {
    if (error instanceof RegistryError) return error;
    throw error;
}
