import type { BlobSource, ImageMark } from "../../../mirror/image-set";
import type { Digest } from "../../../oci/digest";
import { PassthroughError } from "../../../errors/errors";
import { type Descriptor, parseManifest } from "../../../oci/manifest";
import { isIndexMediaType } from "../../../oci/media-types";
import { type Reference, parseReference, sourceKey } from "../../../oci/reference";
import type { ArchiveContents } from "../../archive";
import { notesOf } from "../../open/combined-archive";
import { ImageNames } from "../../naming/image-names";
import { namesUnresolved } from "../../naming/name-problem";
import { nameLayoutImages } from "../oci-layout/names";
import type { Override } from "../../../mirror/override";
import { Overrides, overriddenReference, unusedNote } from "../../naming/override";
import type { RebuiltImage } from "./rebuilt-image";

/** What crane writes for an image that it pulled by digest (pkg/crane/pull.go). */
const NO_TAG = "i-was-a-digest";
const HINT = "save the images by name and tag: docker save <host>/<path>:<tag>";

/** What is in a docker-archive. */
export interface DockerContent {
    /** The items of `manifest.json`. */
    readonly images: readonly RebuiltImage[];
    /** The entries of `index.json` whose manifests are upstream's. */
    readonly original: readonly Descriptor[];
    /** Where those are read from. */
    readonly source: BlobSource;
    readonly overrides: readonly Override[];
}

/**
 * Names the images of a docker-archive: those with their original manifest as an OCI layout names them, the others by
 * their `RepoTags`, marked `tag-only`. @throws ArchiveError `ARCHIVE_NAMES_UNRESOLVED`
 */
export async function nameDockerImages(
    label: string,
    { images, original, source, overrides }: DockerContent,
): Promise<{ contents: ArchiveContents; rebuilt: readonly RebuiltImage[] }> {
    const kept = original.length === 0 ? undefined : await nameLayoutImages(label, original, source, overrides);
    const naming = new RebuiltNaming(overrides, await keptImages(kept?.images ?? new Map(), source));
    for (const image of images) naming.add(image);
    if (naming.names.problems.length > 0) throw namesUnresolved(label, naming.names.problems, HINT, naming.unused);
    const notes = [...(kept === undefined ? [] : [kept]), { notes: naming.unused.map(unusedNote) }];
    const marks = [...naming.names.images.keys()].map((key): [string, ImageMark] => [key, "tag-only"]);
    return {
        rebuilt: naming.rebuilt,
        contents: {
            images: new Map([...(kept?.images ?? []), ...naming.names.images]),
            marks: new Map(marks),
            earlierImages: new Map(),
            absent: [],
            notes: notesOf(notes),
            earlierRepositories: () => undefined,
        },
    };
}

/** An image that the archive has with its original manifest. */
interface KeptImage {
    readonly digest: Digest;
    /** Its config, or those of its platforms. */
    readonly configs: ReadonlySet<Digest>;
}

class RebuiltNaming {
    readonly names = new ImageNames();
    readonly rebuilt: RebuiltImage[] = [];
    readonly #overrides: Overrides;
    /** By source key. */
    readonly #kept: ReadonlyMap<string, KeptImage>;

    constructor(overrides: readonly Override[], kept: ReadonlyMap<string, KeptImage>) {
        this.#overrides = new Overrides(overrides);
        this.#kept = kept;
    }

    get unused(): readonly Override[] {
        return this.#overrides.unused();
    }

    /** An image that the archive has with its original manifest is named by that one. */
    add(image: RebuiltImage): void {
        const tags = (image.item.RepoTags ?? []).filter((tag) => tag !== "");
        const before = this.rebuilt.length;
        for (const tag of tags) {
            const reference = referenceOf(tag) ?? this.#overridden(image, [tag]);
            if (reference === undefined) this.#problem(image, tag, whyUnnamed(tag));
            else if (!this.#isKept(image, tag, sourceKey(reference))) this.#name(image, tag, reference);
        }
        if (tags.length > 0 || [...this.#kept.values()].some(({ configs }) => configs.has(image.config))) return;
        const reference = this.#overridden(image, []);
        if (reference !== undefined) this.#name(image, image.config, reference);
        else if (before === this.rebuilt.length) this.#problem(image, image.config, "it has no name");
    }

    /** True too if `index.json` gives the name to another image: that is a problem, and neither of them is preferred. */
    #isKept({ config, digest }: RebuiltImage, name: string, key: string): boolean {
        const kept = this.#kept.get(key);
        if (kept === undefined) return false;
        if (kept.configs.has(config) || kept.configs.size === 0) return true;
        const what = `manifest.json gives ${key} to the image ${config}, index.json to ${kept.digest}`;
        this.names.problems.push({ name, digest, what, candidates: [] });
        return true;
    }

    #name(image: RebuiltImage, name: string, reference: Reference): void {
        this.names.add(name, image.digest, [reference]);
        if (!this.rebuilt.includes(image)) this.rebuilt.push(image);
    }

    /** Its digest is not upstream's, so a name for it needs a tag. */
    #overridden(image: RebuiltImage, names: readonly string[]): Reference | undefined {
        const override = this.#overrides.find([...names, image.config]);
        if (override?.repository === undefined || override.tag === undefined) return undefined;
        return overriddenReference(override, override.repository, "");
    }

    #problem(image: RebuiltImage, name: string, what: string): void {
        const needs = `${what} (an override needs repository and tag too: its upstream digest is lost)`;
        const problem = { name, digest: image.digest, what: needs, candidates: [], match: name };
        this.names.problems.push({ ...problem, needs: ["repository", "tag"] });
    }
}

/** `alpine:3` is docker.io/library/alpine:3. Undefined if it is no reference, or one without a tag. */
function referenceOf(text: string): Reference | undefined {
    try {
        const reference = parseReference(text);
        return reference.tag === undefined || reference.tag === NO_TAG ? undefined : reference;
    } catch (error) {
        if (error instanceof PassthroughError && error.code === "REFERENCE_INVALID") return undefined;
        throw error;
    }
}

function whyUnnamed(tag: string): string {
    return tag.endsWith(`:${NO_TAG}`) ? "it was pulled by digest and has no tag" : "its name is no image reference";
}

async function keptImages(images: ReadonlyMap<string, Digest>, source: BlobSource): Promise<Map<string, KeptImage>> {
    const kept = new Map<string, KeptImage>();
    for (const [key, digest] of images) kept.set(key, { digest, configs: await configsOf(digest, source) });
    return kept;
}

/** The configs of an image and its children, as far as the archive holds them. */
async function configsOf(root: Digest, source: BlobSource): Promise<ReadonlySet<Digest>> {
    const [seen, configs] = [new Set<Digest>([root]), new Set<Digest>()];
    for (const digest of seen) {
        if (source.size(digest) === undefined) continue;
        const { mediaType, manifests, blobs } = parseManifest(await source.read(digest), source.place(digest));
        if (isIndexMediaType(mediaType)) for (const child of manifests) seen.add(child.digest);
        else if (blobs[0] !== undefined) configs.add(blobs[0].digest);
    }
    return configs;
}
