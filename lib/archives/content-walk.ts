import type { EarlierObject, ManifestFacts } from "../mirror/image-set";
import { excludeFix } from "../mirror/exclusions";
import { ArchiveError } from "../errors/errors";
import { counted } from "../errors/text";
import { type Digest, isDigest } from "../oci/digest";
import { type Descriptor, type Manifest, parseManifest } from "../oci/manifest";
import { isForeignLayer, isIndexMediaType } from "../oci/media-types";
import type { Archive, ArchiveContents } from "./archive";
import { COPY_AGAIN } from "./files/archive-file";

/** An image of the lock: its source reference and its digest. */
type NamedDigest = readonly [image: string, digest: Digest];

/** What a manifest, or an image as a whole, lacks. */
interface MissingObject {
    readonly digest: Digest;
    /** "its blob", "its manifest", … */
    readonly what: string;
}

const NOWHERE = "neither in this archive nor in the history of earlier ones";
const MIRROR_AGAIN = "copy all parts of the archive again from the connected side, or mirror the content again";

/** Reads every manifest that the images of an archive reach, each once, and finds out what of them is where. */
export class ContentWalk {
    readonly manifests = new Map<Digest, ManifestFacts>();
    readonly blobs = new Map<Digest, number>();
    readonly earlierManifests = new Map<Digest, EarlierObject>();
    readonly earlierBlobs = new Map<Digest, EarlierObject>();
    readonly #archive: Archive;
    readonly #contents: ArchiveContents;
    /** By the manifest that refers to it; of an image whose own manifest is missing, by that. */
    readonly #missing = new Map<Digest, MissingObject[]>();

    constructor(archive: Archive, contents: ArchiveContents) {
        this.#archive = archive;
        this.#contents = contents;
    }

    /** Reads an image. What it lacks is an error of `requireWhole`. */
    async read(image: string, digest: Digest): Promise<void> {
        if (this.#archive.source.size(digest) === undefined) {
            this.#missing.set(digest, [{ digest, what: "its manifest" }]);
            return;
        }
        await this.#manifest(image, digest);
        const { manifests = [], absent = [], blobs } = this.manifests.get(digest) ?? {};
        if (blobs === undefined && manifests.length + absent.length === 0) throw this.#empty(image, digest);
    }

    /** @throws ArchiveError `ARCHIVE_INCOMPLETE` with every image that lacks something */
    requireWhole(images: readonly NamedDigest[]): void {
        const incomplete = images.flatMap(([image, digest]) => {
            const missing = this.#tree(digest).flatMap((manifest) => this.#missing.get(manifest) ?? []);
            return missing.length === 0 ? [] : [{ image, missing }];
        });
        const [first] = incomplete;
        if (first === undefined) return;
        const fix = `${MIRROR_AGAIN}; or ${excludeFix(incomplete.map(({ image }) => image))}`;
        const common = { archive: this.#archive.label, code: "ARCHIVE_INCOMPLETE", fix } as const;
        if (incomplete.length === 1) {
            const what = `${objectName(first.missing)} is missing: it is ${NOWHERE}`;
            throw new ArchiveError(what, { ...common, thing: `image ${first.image}` });
        }
        throw new ArchiveError(`${incomplete.length} images are incomplete, what they lack is ${NOWHERE}`, {
            ...common,
            problems: incomplete.map(({ image, missing }) => ({
                name: image,
                kind: "image",
                problem: { code: common.code, thing: objectName(missing), problem: "it is missing" },
            })),
        });
    }

    /** What each image leaves out on purpose, as sentences. */
    notes(images: readonly NamedDigest[]): string[] {
        return images.flatMap(([image, digest]) =>
            this.#tree(digest).flatMap((manifest) => {
                const { mediaType = "", absent = [] } = this.manifests.get(manifest) ?? {};
                if (absent.length === 0) return [];
                if (isIndexMediaType(mediaType)) {
                    return [
                        `${image}: of its index, ${absent.length} manifests are left out (a selection of platforms)`,
                    ];
                }
                return absent.map(
                    (layer) =>
                        `${image}: layer ${layer} is not distributable and not in the archive: nodes get it from the URLs in ` +
                        "the manifest, and the registry has to accept these (distribution: validation.manifests.urls.allow)",
                );
            }),
        );
    }

    /** A manifest and all below it that the archive holds. */
    #tree(root: Digest): Digest[] {
        const tree = new Set([root]);
        for (const digest of tree) for (const child of this.manifests.get(digest)?.manifests ?? []) tree.add(child);
        return [...tree];
    }

    async #manifest(image: string, digest: Digest): Promise<void> {
        if (this.manifests.has(digest)) return;
        const { source } = this.#archive;
        const bytes = await source.read(digest);
        const manifest = parseManifest(bytes, { place: source.place(digest) });
        const common = { mediaType: manifest.mediaType, size: bytes.length };
        if (isIndexMediaType(manifest.mediaType)) {
            this.manifests.set(digest, { ...common, ...(await this.#children(image, manifest)) });
        } else {
            this.manifests.set(digest, { ...common, ...this.#content(image, manifest) });
        }
    }

    async #children(image: string, index: Manifest): Promise<Pick<ManifestFacts, "manifests" | "absent">> {
        const manifests: Digest[] = [];
        const absent: Digest[] = [];
        for (const child of onePerDigest(index.manifests)) {
            const where = this.#find(image, child);
            if (where === undefined) absent.push(child.digest);
            else manifests.push(child.digest);
            if (where === "here") await this.#manifest(image, child.digest);
            else if (where !== undefined) this.earlierManifests.set(child.digest, where);
        }
        if (absent.length === 0) return { manifests };
        // A wanted selection of platforms keeps at least one.
        if (manifests.length === 0)
            this.#lacks(index.digest, { digest: absent[0] ?? "", what: "every manifest of its index, among them" });
        return { manifests, absent };
    }

    #content(image: string, manifest: Manifest): Pick<ManifestFacts, "blobs" | "absent"> {
        const blobs: Digest[] = [];
        const absent: Digest[] = [];
        for (const blob of onePerDigest(manifest.blobs)) {
            const where = this.#find(image, blob);
            if (where === "here") this.blobs.set(blob.digest, blob.size);
            else if (where !== undefined) this.earlierBlobs.set(blob.digest, where);
            if (where !== undefined) blobs.push(blob.digest);
            else if (isForeignLayer(blob.mediaType)) absent.push(blob.digest);
            else this.#lacks(manifest.digest, { digest: blob.digest, what: "its blob" });
        }
        return absent.length === 0 ? { blobs } : { blobs, absent };
    }

    #empty(image: string, digest: Digest): ArchiveError {
        return new ArchiveError("its index lists no manifests, so nothing of it can be pulled", {
            archive: this.#archive.label,
            ...this.#archive.source.place(digest),
            thing: `image ${image}`,
            code: "ARCHIVE_INCOMPLETE",
            fix: `mirror the image again, or ${excludeFix([image])}`,
        });
    }

    #lacks(manifest: Digest, missing: MissingObject): void {
        const known = this.#missing.get(manifest);
        if (known === undefined) this.#missing.set(manifest, [missing]);
        else known.push(missing);
    }

    #find(image: string, { digest, size }: Descriptor): "here" | EarlierObject | undefined {
        const { source } = this.#archive;
        if (!isDigest(digest)) {
            throw new ArchiveError(`it names ${digest}, and not every registry supports other digests than sha256`, {
                archive: this.#archive.label,
                thing: `image ${image}`,
                code: "ARCHIVE_DIGEST_UNSUPPORTED",
                fix: `build the image again with sha256 digests, or ${excludeFix([image])}`,
            });
        }
        const held = source.size(digest);
        if (held === undefined) {
            const from = this.#contents.earlierRepositories(digest);
            return from === undefined ? undefined : { size, from };
        }
        if (held === size) return "here";
        throw new ArchiveError(`${digest} has ${held} bytes here, the image's manifest says ${size}`, {
            archive: this.#archive.label,
            ...source.place(digest),
            thing: `image ${image}`,
            code: "ARCHIVE_SIZE_MISMATCH",
            fix: COPY_AGAIN,
        });
    }
}

/** The first of the missing objects, and how many more there are. */
function objectName([first, ...others]: readonly MissingObject[]): string {
    if (first === undefined) return "";
    const more = others.length === 0 ? "" : ` and ${counted(others.length, "more object")}`;
    return `${first.what} ${first.digest}${more}`;
}

function onePerDigest(descriptors: readonly Descriptor[]): Descriptor[] {
    const seen = new Set<Digest>();
    return descriptors.filter(({ digest }) => !seen.has(digest) && seen.add(digest));
}
