import type { Digest } from "../../oci/digest";
import { type Reference, repositoryName, sourceKey } from "../../oci/reference";
import type { ArchiveContents } from "../archive";
import { type NameProblem, namesUnresolved } from "./name-problem";
import type { Overrides } from "./override";

/** The names found so far, and what could not be named. */
export class ImageNames {
    /** Source key -> digest, of what the archive holds. */
    readonly images = new Map<string, Digest>();
    /** The same, of what an earlier archive brought. */
    readonly earlier = new Map<string, Digest>();
    readonly problems: NameProblem[] = [];

    /** Names an image; the same name for two digests is a problem. `name` is what the archive calls it. */
    add(name: string, digest: Digest, references: readonly Reference[]): void {
        for (const key of references.map(sourceKey)) {
            if (this.#isNew(name, digest, key)) this.images.set(key, digest);
        }
    }

    /** Names an image that an earlier archive brought. */
    addEarlier(name: string, digest: Digest, references: readonly Reference[]): void {
        for (const key of references.map(sourceKey)) {
            if (this.#isNew(name, digest, key)) this.earlier.set(key, digest);
        }
    }

    /**
     * These images as all that an archive has: the end of naming for formats that know nothing of earlier archives.
     * @param hint what else the reader could do about names that are not settled
     * @throws ArchiveError `ARCHIVE_NAMES_UNRESOLVED`
     */
    contents(label: string, overrides: Overrides, hint: string): ArchiveContents {
        if (this.problems.length > 0) throw namesUnresolved(label, this.problems, hint, overrides.unused());
        return {
            images: this.images,
            earlierImages: new Map(),
            absent: [],
            notes: [],
            unusedOverrides: overrides.unusedMatches(),
            earlierRepositories: () => undefined,
        };
    }

    #isNew(name: string, digest: Digest, key: string): boolean {
        const known = this.images.get(key) ?? this.earlier.get(key);
        if (known !== undefined && known !== digest) {
            this.problems.push({ name, digest, what: `${key} is also the name of ${known}`, candidates: [] });
        }
        return known === undefined;
    }
}

/** References without those that mean the same image name. */
export function distinct(references: readonly Reference[]): Reference[] {
    return [...new Map(references.map((reference) => [sourceKey(reference), reference])).values()];
}

/** `host/path` of each reference, sorted, each once. */
export function repositoriesOf(references: readonly Reference[]): string[] {
    return [...new Set(references.map(repositoryName))].sort();
}
