import { ArchiveError } from "../../../errors/errors";
import { type Digest, digestHex } from "../../../oci/digest";
import type { Reference } from "../../../oci/reference";
import type { Origin } from "../../naming/origin";
import type { OcMirrorIndex, TagLink } from "./cache-index";
import { toCacheName } from "./cache-name";
import { type Candidate, formatCacheNames, mentionedReference } from "./candidate";
import { bundleImages } from "./catalog-documents";
import { filterTags, splitCatalog } from "./filter-digest";
import { type OperatorRequest, withoutTransport } from "./image-set";
import type { WorkingFile } from "./working-file";

/** What an archive says about operator catalogs, their bundles and the images these name. */
export interface Catalogs {
    readonly candidates: readonly Candidate[];
    /** Cache names of the catalogs that the image set asks for, as they are to be used. */
    readonly wanted: ReadonlySet<string>;
    /** Those of them that oc-mirror rebuilt, and the tag that they have at the mirror instead of their filter's. */
    readonly rebuilt: ReadonlyMap<string, string>;
    /** Cache names of originals whose filtered form is there: they name bundles that are not. */
    readonly leftOut: ReadonlySet<string>;
    /** Catalogs that were read from a folder (`oci://…`): cache name -> the folder. */
    readonly folders: ReadonlyMap<string, string>;
    /** True if a file could not be read: then images are missing from the result. */
    readonly isCut: boolean;
    readonly notes: readonly string[];
}

/** The content of a catalog of 4.18 and later, by the original's digest and the filter's tag; and of 4.16 and 4.17. */
const CONTENT =
    /^working-dir\/operator-catalogs\/([^/]+)\/([0-9a-f]{64})\/(?:filtered-catalogs\/([0-9a-f]{32})\/)?catalog-config\//;
const OLD_CONTENT = /^working-dir\/hold-operator\//;
const IMAGE_SET: Origin = { from: "image-set" };
const FILTER_TAG = /^[0-9a-f]{32}$/;

/** True for a tag that oc-mirror gives to catalogs that it rebuilds. */
export function isFilterTag(tag: string): boolean {
    return FILTER_TAG.test(tag);
}

/** Reads catalogs and follows the image set's requests for them. @throws ArchiveError as reading does */
export async function readCatalogs(index: OcMirrorIndex, requests: readonly OperatorRequest[]): Promise<Catalogs> {
    const reader = new CatalogReader(index, requests);
    return reader.run();
}

/** A request for a catalog and where the cache has it. */
interface Filed {
    readonly desired: OperatorRequest;
    readonly repository: string;
    /** Cache names of the original. */
    readonly originals: readonly string[];
    /** The tag it is to have; undefined if it is requested by digest. */
    readonly tag: string | undefined;
    readonly source: Reference | undefined;
}

class CatalogReader {
    readonly #index: OcMirrorIndex;
    readonly #filed: readonly Filed[];
    readonly #candidates: Candidate[] = [];
    readonly #wanted = new Set<string>();
    readonly #rebuilt = new Map<string, string>();
    readonly #leftOut = new Set<string>();
    readonly #folders = new Map<string, string>();
    readonly #notes: string[] = [];
    #isCut = false;
    /** Beginnings of the names of files whose images are requested. */
    readonly #requestedContent: RegExp[] = [];

    constructor(index: OcMirrorIndex, requests: readonly OperatorRequest[]) {
        this.#index = index;
        this.#filed = requests.map(filedAs);
    }

    async run(): Promise<Catalogs> {
        for (const filed of this.#filed) this.#take(filed);
        // The same original may be requested whole, beside a filtered form of it.
        for (const name of this.#wanted) this.#leftOut.delete(name);
        await this.#readContent();
        return {
            candidates: this.#candidates,
            wanted: this.#wanted,
            rebuilt: this.#rebuilt,
            leftOut: this.#leftOut,
            folders: this.#folders,
            isCut: this.#isCut,
            notes: this.#notes,
        };
    }

    #take(filed: Filed): void {
        const { desired, originals } = filed;
        const original = originals.map((name) => this.#index.tags.get(name)).find((link) => link !== undefined);
        const rebuilt = isWhole(desired) ? undefined : this.#findRebuilt(filed, original);
        if (rebuilt !== undefined) {
            this.#takeRebuilt(filed, rebuilt);
            for (const name of originals) this.#leftOut.add(name);
        } else {
            for (const name of originals) this.#wanted.add(name);
            if (filed.source === undefined) for (const name of originals) this.#folders.set(name, desired.catalog);
            else this.#candidates.push(this.#originalCandidate(filed.source, originals, original));
            if (isWhole(desired) && original !== undefined) this.#requestedContent.push(wholeContent(original.digest));
        }
        if (desired.targetCatalogSourceTemplate !== undefined) {
            this.#notes.push(
                `${desired.catalog}: its CatalogSource template is not in the archive, so it is not applied`,
            );
        }
    }

    #originalCandidate(source: Reference, cacheNames: readonly string[], link: TagLink | undefined): Candidate {
        const candidate = { reference: source, cacheNames, requested: true, origin: IMAGE_SET };
        const isRead = link !== undefined && this.#readDigests(source.repository).has(link.digest);
        return isRead ? { ...candidate, ownsTag: true } : candidate;
    }

    #takeRebuilt({ desired, source, tag }: Filed, link: TagLink): void {
        const name = `${link.repository}:${link.tag}`;
        this.#wanted.add(name);
        this.#rebuilt.set(name, tag ?? link.tag);
        this.#requestedContent.push(new RegExp(`/filtered-catalogs/${link.tag}/catalog-config/`));
        if (source === undefined) {
            this.#folders.set(name, desired.catalog);
            return;
        }
        const own = { registry: source.registry, repository: desired.targetCatalog ?? source.repository };
        const reference = tag === undefined ? { ...own, digest: link.digest } : { ...own, tag };
        this.#candidates.push({ reference, cacheNames: [name], requested: true, ownsTag: true, origin: IMAGE_SET });
    }

    /** The catalog that was rebuilt for a request: by its filter, or the only one there is. */
    #findRebuilt(filed: Filed, original: TagLink | undefined): TagLink | undefined {
        const { desired, repository } = filed;
        const digests = new Set<Digest>(original === undefined ? [] : [original.digest]);
        if (filed.source?.digest !== undefined) digests.add(filed.source.digest);
        for (const digest of this.#readDigests(splitCatalog(desired.catalog).name)) digests.add(digest);
        const byFilter = filterTags(desired, [...digests])
            .map((tag) => this.#index.tags.get(`${repository}:${tag}`))
            .find((link) => link !== undefined && this.#isKnown(link));
        if (byFilter !== undefined) return byFilter;
        const others = [...this.#index.tags.values()].filter(
            (link) => link.repository === repository && isFilterTag(link.tag) && this.#index.blobs.has(link.digest),
        );
        const isAlone =
            this.#filed.filter((other) => other.repository === repository && !isWhole(other.desired)).length === 1;
        return isAlone && others.length === 1 ? others[0] : undefined;
    }

    /** Digests of the originals that were read as a catalog of this name; only the last part of it is kept. */
    #readDigests(catalog: string): ReadonlySet<Digest> {
        const component = catalog.split("/").at(-1);
        const digests = new Set<Digest>();
        for (const name of this.#index.working.keys()) {
            const [, of, hex] = CONTENT.exec(name) ?? [];
            if (of === component && hex !== undefined) digests.add(`sha256:${hex}`);
        }
        return digests;
    }

    #isKnown({ digest }: TagLink): boolean {
        return this.#index.blobs.has(digest) || this.#index.history.has(digest);
    }

    async #readContent(): Promise<void> {
        const images = new Map<string, { requested: boolean; where: string }>();
        for (const file of [...this.#index.working.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
            if (!CONTENT.test(file.name) && !OLD_CONTENT.test(file.name)) continue;
            const isRequested = this.#requestedContent.some((pattern) => pattern.test(file.name));
            await this.#readFile(file, (image) => {
                const known = images.get(image);
                images.set(image, {
                    requested: isRequested || known?.requested === true,
                    where: known?.where ?? file.name,
                });
            });
        }
        for (const [image, { requested, where }] of images) {
            const source = withoutTransport(image);
            const reference = source === undefined ? undefined : mentionedReference(source);
            if (source === undefined || reference === undefined) continue;
            this.#candidates.push({
                reference,
                cacheNames: formatCacheNames(toCacheName(source)),
                requested,
                origin: { from: "catalog", where },
            });
        }
    }

    async #readFile(file: WorkingFile, take: (image: string) => void): Promise<void> {
        try {
            for await (const image of bundleImages(file)) take(image);
        } catch (error) {
            if (!(error instanceof ArchiveError) || error.code !== "ARCHIVE_METADATA_INVALID") throw error;
            this.#isCut = true;
            this.#notes.push(
                `${file.name} (archive ${file.file.path}) is not a catalog: what it says of names is lost`,
            );
        }
    }
}

function filedAs(desired: OperatorRequest): Filed {
    const source = withoutTransport(desired.catalog);
    if (source === undefined) {
        const { name } = splitCatalog(desired.catalog);
        const repository = desired.targetCatalog ?? name.split("/").at(-1) ?? name;
        const tag = desired.targetTag ?? "latest";
        return { desired, repository, originals: [`${repository}:${tag}`], tag, source: undefined };
    }
    const target = {
        ...(desired.targetCatalog === undefined ? {} : { repository: desired.targetCatalog }),
        ...(desired.targetTag === undefined ? {} : { tag: desired.targetTag }),
    };
    const cache = toCacheName(source, target);
    const reference = mentionedReference(source);
    return {
        desired,
        repository: cache.repository,
        originals: formatCacheNames(cache),
        tag: desired.targetTag ?? reference?.tag,
        source: reference,
    };
}

/** Only a whole catalog is not rebuilt (oc-mirror, internal/pkg/operator, isFullCatalog). */
function isWhole({ full, packages }: OperatorRequest): boolean {
    return full === true && (packages ?? []).length === 0;
}

function wholeContent(digest: Digest): RegExp {
    return new RegExp(`/operator-catalogs/[^/]+/${digestHex(digest)}/catalog-config/`);
}
