import type { BlobSource, ImageMark } from "../../../mirror/image-set";
import type { Digest } from "../../../oci/digest";
import { type Descriptor, parseManifest } from "../../../oci/manifest";
import { isIndexMediaType } from "../../../oci/media-types";
import { type Reference, tryParseReference, repositoryName, sourceKey } from "../../../oci/reference";
import type { ArchiveContents } from "../../archive";
import { ImageNames } from "../../naming/image-names";
import type { Origin } from "../../naming/origin";
import { namesUnresolved } from "../../naming/name-problem";
import { type Aliases, nameLayoutImages } from "../oci-layout/names";
import type { Override } from "../../../mirror/override";
import { Overrides, overriddenReference, overrideOrigin, unusedInAll } from "../../naming/override";
import { ruleOn } from "../../naming/override-rule";
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
    const configs = new Map<Digest, ReadonlySet<Digest>>();
    for (const { digest } of original) configs.set(digest, await collectConfigs(digest, source));
    const layout = { overrides, listAliases: aliasesIn(images, configs) };
    const kept = original.length === 0 ? undefined : await nameLayoutImages(label, original, source, layout);
    const naming = new RebuiltNaming(
        overrides,
        keptImages(kept?.images ?? new Map(), configs),
        keptImages(kept?.written ?? new Map(), configs),
    );
    for (const image of images) naming.add(image);
    if (naming.names.problems.length > 0) {
        throw namesUnresolved(label, naming.names.problems, HINT, naming.unused, naming.names.taken());
    }
    const unused = naming.unused.map(({ match }) => match);
    const marks = [
        ...(kept?.marks ?? []),
        ...[...naming.names.images.keys()].map((key): [string, ImageMark] => [key, "tag-only"]),
    ];
    return {
        rebuilt: naming.rebuilt,
        contents: {
            images: new Map([...(kept?.images ?? []), ...naming.names.images]),
            nameSources: new Map([...(kept?.nameSources ?? []), ...naming.names.sources]),
            marks: new Map(marks),
            earlierImages: new Map(),
            absent: [],
            notes: [...new Set([...(kept?.notes ?? []), ...naming.notes])],
            unusedOverrides: kept === undefined ? unused : unusedInAll([kept.unusedOverrides, unused]),
            earlierRepositories: () => undefined,
        },
    };
}

/** What `manifest.json` calls an entry of `index.json`: `RepoTags` that mean its name (`alpine:3`), and its config. */
function aliasesIn(images: readonly RebuiltImage[], configs: ReadonlyMap<Digest, ReadonlySet<Digest>>): Aliases {
    const tags = new Map<string, string[]>();
    for (const tag of images.flatMap(({ item }) => item.RepoTags ?? [])) {
        const reference = taggedReference(tag);
        if (reference === undefined) continue;
        tags.set(sourceKey(reference), [...(tags.get(sourceKey(reference)) ?? []), tag]);
    }
    const known = new Set(images.map(({ config }) => config));
    return (digest, keys) => [
        ...keys.flatMap((key) => tags.get(key) ?? []),
        ...[...(configs.get(digest) ?? [])].filter((config) => known.has(config)),
    ];
}

/** An image that the archive has with its original manifest. */
interface KeptImage {
    readonly digest: Digest;
    /** Its config, or those of its platforms. */
    readonly configs: ReadonlySet<Digest>;
}

class RebuiltNaming {
    readonly names = new ImageNames({ isMatchedByDigest: false });
    readonly rebuilt: RebuiltImage[] = [];
    readonly notes: string[] = [];
    readonly #overrides: Overrides;
    /** By source key. */
    readonly #kept: ReadonlyMap<string, KeptImage>;
    /** The same by what `index.json` calls them, whatever overrides make of that. */
    readonly #written: ReadonlyMap<string, KeptImage>;

    constructor(
        overrides: readonly Override[],
        kept: ReadonlyMap<string, KeptImage>,
        written: ReadonlyMap<string, KeptImage>,
    ) {
        this.#overrides = new Overrides(overrides);
        this.#kept = kept;
        this.#written = written;
    }

    get unused(): readonly Override[] {
        return this.#overrides.unused();
    }

    /** An image that the archive has with its original manifest is named by that one. */
    add(image: RebuiltImage): void {
        const tags = (image.item.RepoTags ?? []).filter((tag) => tag !== "");
        for (const tag of tags) this.#addTag(image, tag);
        if (tags.length > 0 || [...this.#kept.values()].some(({ configs }) => configs.has(image.config))) return;
        const override = this.#overrides.find([image.config]);
        const reference = this.#overridden(override);
        if (reference !== undefined) this.#name(image, image.config, [reference], override);
        else this.#problem(image, image.config, "it has no name");
    }

    #addTag(image: RebuiltImage, tag: string): void {
        if (writtenKeys(tag).some((key) => isSameImage(image, this.#written.get(key)))) return;
        const own = taggedReference(tag);
        const override = this.#overrides.find([tag, image.config]);
        if (own === undefined) {
            const reference = this.#overridden(override);
            if (reference === undefined) this.#problem(image, tag, whyUnnamed(tag));
            else this.#name(image, tag, [reference], override);
            return;
        }
        const ruling = ruleOn({ name: tag, references: [own], isProven: false }, override);
        if (ruling.kind === "open") {
            this.names.problems.push({ ...ruling.problem, digest: image.digest, spellings: [tag, image.config] });
            return;
        }
        if (ruling.note !== undefined) this.notes.push(ruling.note);
        this.#name(image, tag, ruling.references, ruling.by);
    }

    /** `index.json` may give the name to another image: that is a problem, and neither of them is preferred. */
    #name(image: RebuiltImage, name: string, references: readonly Reference[], by: Override | undefined): void {
        const { config, digest } = image;
        const origin: Origin = by === undefined ? { from: "repo-tags" } : overrideOrigin(by);
        for (const reference of references) {
            const key = sourceKey(reference);
            const kept = this.#kept.get(key);
            if (kept === undefined) this.names.add(name, digest, [reference], () => origin);
            else if (!isSameImage(image, kept)) {
                const what = `manifest.json gives ${key} to the image ${config}, index.json to ${kept.digest}`;
                this.names.problems.push({ name, digest, what, candidates: [] });
            }
            if (kept === undefined && !this.rebuilt.includes(image)) this.rebuilt.push(image);
        }
    }

    /** Its digest is not upstream's, so a name for it needs a tag. */
    #overridden(override: Override | undefined): Reference | undefined {
        if (override?.repository === undefined || override.tag === undefined) return undefined;
        return overriddenReference(override, override.repository, "");
    }

    #problem(image: RebuiltImage, name: string, what: string): void {
        const needs = `${what} (an override needs repository and tag too: its upstream digest is lost)`;
        const spellings = [name, image.config];
        const problem = { name, digest: image.digest, what: needs, candidates: [], match: name, spellings };
        this.names.problems.push({ ...problem, needs: ["repository", "tag"] });
    }
}

/** Where the kept one has no config in the archive, only its name identifies it. */
function isSameImage({ config }: RebuiltImage, kept: KeptImage | undefined): boolean {
    return kept !== undefined && (kept.configs.has(config) || kept.configs.size === 0);
}

/** `alpine:3` is docker.io/library/alpine:3. Undefined if it is no reference, or one without a tag. */
function taggedReference(text: string): Reference | undefined {
    const reference = tryParseReference(text);
    return reference?.tag === undefined || reference.tag === NO_TAG ? undefined : reference;
}

/** The names in `index.json` that a tag repeats: of `name@digest` containerd keeps that, Hauler makes `name:sha256-<hex>`. */
function writtenKeys(tag: string): string[] {
    const reference = tryParseReference(tag);
    if (reference === undefined) return [];
    const hex = /^sha256-([0-9a-f]{64})$/.exec(reference.tag ?? "")?.[1];
    return [sourceKey(reference), ...(hex === undefined ? [] : [`${repositoryName(reference)}@sha256:${hex}`])];
}

function whyUnnamed(tag: string): string {
    return tag.endsWith(`:${NO_TAG}`) ? "it was pulled by digest and has no tag" : "its name is no image reference";
}

function keptImages(
    images: ReadonlyMap<string, Digest>,
    configs: ReadonlyMap<Digest, ReadonlySet<Digest>>,
): Map<string, KeptImage> {
    return new Map([...images].map(([key, digest]) => [key, { digest, configs: configs.get(digest) ?? new Set() }]));
}

/** The configs of an image and its children, as far as the archive holds them. */
async function collectConfigs(root: Digest, source: BlobSource): Promise<ReadonlySet<Digest>> {
    const [seen, configs] = [new Set<Digest>([root]), new Set<Digest>()];
    for (const digest of seen) {
        if (source.size(digest) === undefined) continue;
        const { mediaType, manifests, blobs } = parseManifest(await source.read(digest), {
            place: source.place(digest),
        });
        if (isIndexMediaType(mediaType)) for (const child of manifests) seen.add(child.digest);
        else if (blobs[0] !== undefined) configs.add(blobs[0].digest);
    }
    return configs;
}
