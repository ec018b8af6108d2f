import type { NameSource } from "../../mirror/name-source";
import type { Digest } from "../../oci/digest";
import { type Reference, repositoryName, sourceKey } from "../../oci/reference";
import type { ArchiveContents } from "../archive";
import { type NameProblem, type TakenNames, namesUnresolved } from "./name-problem";
import type { NameOrigins } from "./origin";
import type { Overrides } from "./override";

/** The names found so far, and what could not be named. */
export class ImageNames {
    /** Source key -> digest, of what the archive holds. */
    readonly images = new Map<string, Digest>();
    /** The same, of images in an earlier archive. */
    readonly earlier = new Map<string, Digest>();
    /** By source key: where the name was found. */
    readonly sources = new Map<string, NameSource>();
    readonly problems: NameProblem[] = [];
    readonly #isMatchedByDigest: boolean;

    /** @param options.isMatchedByDigest false where an override cannot name an image by its digest */
    constructor({ isMatchedByDigest = true }: { readonly isMatchedByDigest?: boolean } = {}) {
        this.#isMatchedByDigest = isMatchedByDigest;
    }

    /** Names an image; the same name for two digests is a problem. `name` is what the archive calls it. */
    add(name: string, digest: Digest, references: readonly Reference[], origin: NameOrigins): void {
        this.#addTo(this.images, name, digest, references, origin);
    }

    /** Names an image of an earlier archive. */
    addEarlier(name: string, digest: Digest, references: readonly Reference[], origin: NameOrigins): void {
        this.#addTo(this.earlier, name, digest, references, origin);
    }

    /**
     * These images as all that an archive has: the end of naming for formats that know nothing of earlier archives.
     * @param hint what else the reader could do about names that are not settled
     * @throws ArchiveError `ARCHIVE_NAMES_UNRESOLVED`
     */
    contents(label: string, overrides: Overrides, hint: string): ArchiveContents {
        if (this.problems.length > 0) {
            throw namesUnresolved(label, this.problems, hint, overrides.unused(), this.taken());
        }
        return {
            images: this.images,
            nameSources: this.sources,
            earlierImages: new Map(),
            absent: [],
            notes: [],
            unusedOverrides: overrides.unusedMatches(),
            earlierRepositories: () => undefined,
        };
    }

    /** What the archive calls the images that have a name. */
    taken(): TakenNames {
        return takenNames({ images: new Map([...this.earlier, ...this.images]), nameSources: this.sources });
    }

    #addTo(
        where: Map<string, Digest>,
        name: string,
        digest: Digest,
        references: readonly Reference[],
        origin: NameOrigins,
    ): void {
        for (const reference of references) {
            const key = sourceKey(reference);
            if (!this.#isNew(name, digest, key)) continue;
            where.set(key, digest);
            this.sources.set(key, { ...origin(reference), name });
        }
    }

    #isNew(name: string, digest: Digest, key: string): boolean {
        const known = this.images.get(key) ?? this.earlier.get(key);
        if (known !== undefined && known !== digest) {
            const match = this.#isMatchedByDigest ? { match: digest, needs: ["repository", "tag"] as const } : {};
            const what = `${key} is also the name of ${known}`;
            this.problems.push({ name, digest, what, candidates: [], ...match });
        }
        return known === undefined;
    }
}

/** What an archive calls its named images, and which of them: an override for one of these would rename it. */
export function takenNames({
    images,
    nameSources,
}: Pick<ArchiveContents, "images" | "nameSources">): Map<string, Set<Digest>> {
    const taken = new Map<string, Set<Digest>>();
    for (const [key, { name }] of nameSources) {
        const digests = taken.get(name) ?? new Set();
        taken.set(name, digests.add(images.get(key) ?? ""));
    }
    return taken;
}

/** References without those that mean the same image name. */
export function distinct(references: readonly Reference[]): Reference[] {
    return [...new Map(references.map((reference) => [sourceKey(reference), reference])).values()];
}

/** `host/path` of each reference, sorted, each once. */
export function repositoryNames(references: readonly Reference[]): string[] {
    return [...new Set(references.map(repositoryName))].sort();
}
