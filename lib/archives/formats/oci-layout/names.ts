import type { BlobSource, ImageMark } from "../../../mirror/image-set";
import type { Digest } from "../../../oci/digest";
import type { Descriptor } from "../../../oci/manifest";
import { isManifestMediaType } from "../../../oci/media-types";
import { type Reference, formatReference, sourceKey } from "../../../oci/reference";
import type { ArchiveContents } from "../../archive";
import { folderReferences } from "../../naming/folder-name";
import { ImageNames } from "../../naming/image-names";
import { namesUnresolved } from "../../naming/name-problem";
import type { Override } from "../../../mirror/override";
import { Overrides, digestOnlyNote, overrideOrigin } from "../../naming/override";
import { ruleOn } from "../../naming/override-rule";
import { type Attachment, findAttachment, listDescendants, nameAttachments, imageTrees } from "./attachments";
import {
    type EntryNames,
    type NamingRules,
    haulerKind,
    isAttachment,
    isHaulerLayout,
    entryLabel,
    matchNames,
    namesIn,
    rivalReference,
    overriddenReferences,
    entryRefName,
    storedName,
    referenceSuffix,
} from "./entry-names";
import { changedImage, conflictingNames, withoutName } from "./entry-problems";
import { isHaulerOwn } from "./hauler-artifact";

const HINT = "write full names when the layout is made, as skopeo copy … oci-archive:<file>:<host>/<path>:<tag> does";

export type Aliases = (digest: Digest, keys: readonly string[]) => readonly string[];

/** What a layout is named by, beside its entries. */
export interface LayoutNaming {
    readonly overrides: readonly Override[];
    /** It is of a Zarf package, whose images may have their name elsewhere. */
    readonly isZarf?: boolean;
    /** Where it lies below what was given; "" if it is just that. */
    readonly folder?: string;
    /** What else an override may call an entry with these source keys: names from elsewhere in the archive. */
    readonly listAliases?: Aliases;
}

/** The images of a layout, and what its annotations call them, whatever overrides make of that. */
export interface LayoutContents extends ArchiveContents {
    readonly marks: ReadonlyMap<string, ImageMark>;
    /** Source key -> digest. */
    readonly written: ReadonlyMap<string, Digest>;
}

/**
 * Names the images of an OCI layout by the annotations of its entry points: a full name in `ref.name`, the name in
 * containerd's store, or where containerd pulled it from. A bare tag says nothing of the repository: the folders of the
 * layout may, or an override. Children of an index need no name of their own; signatures and other referrers go where
 * their subject is.
 * @throws ArchiveError `ARCHIVE_NAMES_UNRESOLVED`
 */
export async function nameLayoutImages(
    label: string,
    entries: readonly Descriptor[],
    source: BlobSource,
    naming: LayoutNaming,
): Promise<LayoutContents> {
    return new EntryNaming(source, entries, naming).run(label);
}

class EntryNaming {
    readonly #source: BlobSource;
    readonly #entries: readonly Descriptor[];
    readonly #rules: NamingRules;
    readonly #overrides: Overrides;
    readonly #folder: string;
    readonly #listAliases: Aliases;
    readonly #names = new ImageNames();
    readonly #written = new Map<string, Digest>();
    readonly #marks = new Map<string, ImageMark>();
    readonly #notes: string[] = [];

    constructor(
        source: BlobSource,
        entries: readonly Descriptor[],
        { overrides, isZarf = false, folder = "", listAliases = () => [] }: LayoutNaming,
    ) {
        this.#source = source;
        this.#entries = entries;
        this.#rules = { isZarf, isHauler: isHaulerLayout(entries) };
        this.#overrides = new Overrides(overrides);
        this.#folder = folder;
        this.#listAliases = listAliases;
    }

    async run(label: string): Promise<LayoutContents> {
        const unnamed: Descriptor[] = [];
        for (const entry of this.#entries) {
            if (!(await this.#isImage(entry))) continue;
            if (!(isAttachment(entry) ? this.#nameByDigest(entry) : await this.#name(entry))) unnamed.push(entry);
        }
        if (unnamed.length > 0) await this.#placeUnnamed(unnamed);
        const { problems } = this.#names;
        if (problems.length > 0) {
            throw namesUnresolved(label, problems, HINT, this.#overrides.unused(), this.#names.taken());
        }
        return {
            images: this.#names.images,
            nameSources: this.#names.sources,
            written: this.#written,
            marks: this.#marks,
            earlierImages: new Map(),
            absent: [],
            notes: this.#notes,
            unusedOverrides: this.#overrides.unusedMatches(),
            earlierRepositories: () => undefined,
        };
    }

    async #isImage(entry: Descriptor): Promise<boolean> {
        const isOfHauler = this.#rules.isHauler && (await isHaulerOwn(entry, this.#source));
        if (isManifestMediaType(entry.mediaType) && !isOfHauler) return true;
        const what = isOfHauler ? "it is a chart or a file in Hauler's store" : `its type is ${entry.mediaType}`;
        const written = namesIn(entry, this.#rules, [])?.written;
        const override = this.#overrides.findExact(matchNames(entry, written, this.#folder));
        const vain = override === undefined ? "" : `, which the override ${override.match} cannot change`;
        this.#notes.push(`${entryLabel(entry)} in index.json is left out: ${what}${vain}`);
        return false;
    }

    /** @returns false if neither the layout nor an override names it */
    async #name(entry: Descriptor): Promise<boolean> {
        const annotated = namesIn(entry, this.#rules, this.#notes);
        if (annotated === undefined && (await this.#isChild(entry))) return this.#nameByDigest(entry);
        const aliases = this.#listAliases(entry.digest, (annotated?.references ?? []).map(sourceKey));
        const spellings = [...matchNames(entry, annotated?.written, this.#folder), ...aliases];
        const override = this.#overrides.find(spellings);
        const found = annotated ?? this.#nameInFolder(entry);
        if (found === undefined) return this.#nameByOverride(entry, override);
        const { references, written } = found;
        if (annotated !== undefined) {
            for (const reference of references) this.#written.set(sourceKey(reference), entry.digest);
        }
        const isProven = written?.includes("@") === true;
        if (isProven && references.some(({ digest }) => digest !== entry.digest)) {
            this.#nameChanged(entry, references);
            return true;
        }
        const rival = override === undefined ? rivalReference(entry, this.#rules) : undefined;
        if (rival !== undefined) {
            this.#names.problems.push(conflictingNames(entry, [...references, rival], spellings));
        }
        const ruling = ruleOn({ name: entryLabel(entry), references, isProven }, override);
        if (ruling.kind === "open") this.#names.problems.push({ ...ruling.problem, digest: entry.digest, spellings });
        else if (ruling.note !== undefined) this.#notes.push(ruling.note);
        const by = ruling.kind === "named" && ruling.by !== undefined ? overrideOrigin(ruling.by) : found.origin;
        // Also where it is open: nothing is to be asked about its children.
        const names = ruling.kind === "open" ? references : ruling.references;
        this.#names.add(entryLabel(entry), entry.digest, names, () => by);
        return true;
    }

    /** oras lists the children of an index beside it: they come with it. */
    async #isChild(entry: Descriptor): Promise<boolean> {
        return entryRefName(entry) === undefined && (await this.#children()).has(entry.digest);
    }

    #descendants: Promise<ReadonlySet<Digest>> | undefined;

    #children(): Promise<ReadonlySet<Digest>> {
        this.#descendants ??= listDescendants(this.#entries, this.#source);
        return this.#descendants;
    }

    /** The folders of a layout say of which repository it is, if just one of them can be a host. */
    #nameInFolder(entry: Descriptor): EntryNames | undefined {
        const references = folderReferences(this.#folder, referenceSuffix(entry));
        if (references.length !== 1) return undefined;
        return { references, written: undefined, origin: { from: "folder", where: this.#folder } };
    }

    #nameByOverride(entry: Descriptor, override: Override | undefined): boolean {
        const overridden = overriddenReferences(entry, override);
        if (overridden === undefined || override === undefined) return false;
        for (const reference of overridden)
            if (reference.tag === undefined) this.#notes.push(digestOnlyNote(reference));
        this.#names.add(entryLabel(entry), entry.digest, overridden, () => overrideOrigin(override));
        return true;
    }

    /** What is about an image has its name; its own `ref.name` may be that of the image, so only its digest means it. */
    #nameByDigest(entry: Descriptor): boolean {
        return this.#nameByOverride(entry, this.#overrides.findExact([entry.digest]));
    }

    /**
     * Its name gives the digest that it had. What it is now has none of upstream's, so it can be known by a tag alone, and
     * the name does not mean these bytes: only an override for their digest does.
     */
    #nameChanged(entry: Descriptor, written: readonly Reference[]): void {
        const [reference] = written;
        if (reference === undefined) return;
        const { registry, repository } = reference;
        const override = this.#overrides.findExact([entry.digest]);
        if (override?.tag === undefined) {
            this.#names.problems.push(changedImage(entry, reference));
            // Nothing is to be asked about its children.
            this.#names.add(entryLabel(entry), entry.digest, [{ registry, repository, digest: entry.digest }], () => ({
                from: "annotation",
            }));
            return;
        }
        const named = { registry: override.registry, repository: override.repository ?? repository, tag: override.tag };
        this.#names.add(entryLabel(entry), entry.digest, [named], () => overrideOrigin(override));
        this.#marks.set(sourceKey(named), "tag-only");
        this.#notes.push(
            `${entryLabel(entry)} is ${formatReference(named)} by its override; its digest is another one here`,
        );
    }

    /** What has no name is a child of what has one, is about it, or is a problem. */
    async #placeUnnamed(unnamed: readonly Descriptor[]): Promise<void> {
        const trees = await imageTrees(this.#names, this.#source);
        const named = new Map([...this.#names.images].map(([key, digest]) => [digest, key]));
        const images = new Map(
            this.#entries
                .filter((entry) => /^image/.test(haulerKind(entry) ?? ""))
                .map((entry) => [storedName(entry), entry.digest]),
        );
        const attachments: Attachment[] = [];
        for (const entry of unnamed) {
            const known = named.get(entry.digest);
            if (known !== undefined) {
                const name = entryRefName(entry);
                if (name !== undefined) this.#notes.push(`${name} in index.json is left out: the image is ${known}`);
                continue;
            }
            if (entryRefName(entry) === undefined && (await this.#children()).has(entry.digest)) continue;
            const attachment = await findAttachment(entry, this.#source, images);
            if (attachment !== undefined) attachments.push(attachment);
            else this.#names.problems.push(this.#problem(entry));
        }
        for (const { entry, subject } of nameAttachments(this.#names, attachments, trees)) {
            this.#notes.push(
                `${entryLabel(entry)} in index.json is left out: it is about ${subject}, which has no name here`,
            );
        }
    }

    #problem(entry: Descriptor) {
        const inFolder = folderReferences(this.#folder, referenceSuffix(entry));
        return withoutName(entry, inFolder, matchNames(entry, undefined, this.#folder));
    }
}
