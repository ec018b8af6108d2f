import type { BlobSource } from "../../../mirror/image-set";
import type { Digest } from "../../../oci/digest";
import { parseManifest } from "../../../oci/manifest";
import { type Reference, repositoryName } from "../../../oci/reference";
import { repositoryNames } from "../../naming/image-names";

/** An image of a cache repository and the upstream names that were found for it. */
export interface NamedImage {
    readonly digest: Digest;
    readonly references: readonly Reference[];
}

/** Finds whose signature a `sha256-<hex>.sig` tag is: an image of the same cache repository, or a child of its index. */
export class SignatureSubjects {
    readonly #source: BlobSource;
    readonly #byRepository = new Map<string, Promise<ReadonlyMap<Digest, readonly Reference[]>>>();

    constructor(source: BlobSource) {
        this.#source = source;
    }

    /**
     * The names of the images that the subject belongs to; empty if they are not known.
     * @param images all named images of the cache repository; the same ones in every call for it
     */
    async findReferences(
        subject: Digest,
        repository: string,
        images: readonly NamedImage[],
    ): Promise<readonly Reference[]> {
        const known = this.#byRepository.get(repository) ?? this.#imageTrees(images);
        this.#byRepository.set(repository, known);
        const found = (await known).get(subject);
        if (found !== undefined) return found;
        // The index that names the subject may be in an earlier archive; with one upstream there is no choice.
        const all = images.flatMap(({ references }) => references);
        return repositoryNames(all).length === 1 ? all.slice(0, 1) : [];
    }

    /** All that an index names, at any depth, as far as the archive holds it. */
    async findChildren(digest: Digest): Promise<ReadonlySet<Digest>> {
        const found = new Set<Digest>();
        const open = [digest];
        for (let parent = open.pop(); parent !== undefined; parent = open.pop()) {
            if (this.#source.size(parent) === undefined) continue;
            const { manifests } = parseManifest(await this.#source.read(parent), { place: this.#source.place(parent) });
            const fresh = manifests.map((child) => child.digest).filter((child) => !found.has(child));
            for (const child of fresh) found.add(child);
            for (const child of new Set(fresh)) open.push(child);
        }
        return found;
    }

    async #imageTrees(images: readonly NamedImage[]): Promise<ReadonlyMap<Digest, readonly Reference[]>> {
        const found = new Map<Digest, Reference[]>();
        for (const { digest, references } of images) await this.#walk(digest, references, found);
        return found;
    }

    async #walk(digest: Digest, references: readonly Reference[], found: Map<Digest, Reference[]>): Promise<void> {
        const known = found.get(digest) ?? [];
        const repositories = new Set(known.map(repositoryName));
        const fresh = references.filter((reference) => !repositories.has(repositoryName(reference)));
        if (fresh.length === 0) return;
        found.set(digest, [...known, ...fresh]);
        if (this.#source.size(digest) === undefined) return;
        const manifest = parseManifest(await this.#source.read(digest), { place: this.#source.place(digest) });
        for (const child of manifest.manifests) await this.#walk(child.digest, fresh, found);
    }
}
