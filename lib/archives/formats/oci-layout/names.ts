import type { BlobSource } from "../../../mirror/image-set";
import type { Digest } from "../../../oci/digest";
import type { Descriptor } from "../../../oci/manifest";
import { isManifestMediaType } from "../../../oci/media-types";
import type { Reference } from "../../../oci/reference";
import type { ArchiveContents } from "../../archive";
import { ImageNames } from "../../naming/image-names";
import { type NameProblem, namesUnresolved } from "../../naming/name-problem";
import type { Override } from "../../../mirror/override";
import { Overrides, digestOnlyNote, unusedNote } from "../../naming/override";
import { type Attachment, attachmentOf, nameAttachments, treesOf } from "./attachments";
import {
    type NamingRules,
    haulerKindOf,
    isHaulerLayout,
    labelOf,
    overriddenOf,
    refNameOf,
    referencesOf,
    signatureSuffixOf,
    subjectNoteOf,
    suffixOf,
} from "./entry-names";
import { isHaulerOwn } from "./hauler-artifact";

const HINT = "write full names when the layout is made, as skopeo copy … oci-archive:<file>:<host>/<path>:<tag> does";

/**
 * Names the images of an OCI layout by the annotations of its entry points: a full name in `ref.name`, the name in
 * containerd's store, or where containerd pulled it from. A bare tag names nothing: an override must say of what.
 * Signatures and other referrers go where the image is that they are about.
 * @param isZarf it is of a Zarf package, whose images may have their name elsewhere
 * @throws ArchiveError `ARCHIVE_NAMES_UNRESOLVED`
 */
export async function nameLayoutImages(
    label: string,
    entries: readonly Descriptor[],
    source: BlobSource,
    given: readonly Override[],
    isZarf = false,
): Promise<ArchiveContents> {
    const naming = new LayoutNaming(source, { isZarf, isHauler: isHaulerLayout(entries) }, new Overrides(given));
    return naming.run(label, entries);
}

class LayoutNaming {
    readonly #source: BlobSource;
    readonly #rules: NamingRules;
    readonly #overrides: Overrides;
    readonly #names = new ImageNames();
    readonly #notes: string[] = [];

    constructor(source: BlobSource, rules: NamingRules, overrides: Overrides) {
        this.#source = source;
        this.#rules = rules;
        this.#overrides = overrides;
    }

    async run(label: string, entries: readonly Descriptor[]): Promise<ArchiveContents> {
        const unnamed: Descriptor[] = [];
        for (const entry of entries) {
            if (!(await this.#isImage(entry))) continue;
            const isAbout = subjectNoteOf(entry) !== undefined || signatureSuffixOf(entry) !== undefined;
            const references = isAbout ? undefined : this.#referencesOf(entry);
            if (references === undefined) unnamed.push(entry);
            else this.#add(entry, references);
        }
        if (unnamed.length > 0) await this.#placeUnnamed(entries, unnamed);
        if (this.#names.problems.length > 0) {
            throw namesUnresolved(label, this.#names.problems, HINT, this.#overrides.unused());
        }
        return {
            images: this.#names.images,
            earlierImages: new Map(),
            absent: [],
            notes: [...this.#notes, ...this.#overrides.unused().map(unusedNote)],
            earlierRepositories: () => undefined,
        };
    }

    async #isImage(entry: Descriptor): Promise<boolean> {
        const isOfHauler = this.#rules.isHauler && (await isHaulerOwn(entry, this.#source));
        if (isManifestMediaType(entry.mediaType) && !isOfHauler) return true;
        const what = isOfHauler ? "it is a chart or a file in Hauler's store" : `its type is ${entry.mediaType}`;
        this.#notes.push(`${labelOf(entry)} in index.json is left out: ${what}`);
        return false;
    }

    #referencesOf(entry: Descriptor): readonly Reference[] | undefined {
        const named = referencesOf(entry, this.#rules, this.#notes);
        if (named !== undefined) return named;
        const overridden = overriddenOf(entry, this.#overrides);
        for (const reference of overridden ?? [])
            if (reference.tag === undefined) this.#notes.push(digestOnlyNote(reference));
        return overridden;
    }

    #add(entry: Descriptor, references: readonly Reference[]): void {
        const wrong = references.find(({ digest }) => digest !== undefined && digest !== entry.digest);
        if (wrong === undefined) return this.#names.add(labelOf(entry), entry.digest, references);
        const what = `its name gives another digest, ${wrong.digest}: the image was changed when it was copied`;
        this.#names.problems.push({ name: labelOf(entry), digest: entry.digest, what, candidates: [] });
    }

    /** What has no name is a child of what has one, is about it, or is a problem. */
    async #placeUnnamed(entries: readonly Descriptor[], unnamed: readonly Descriptor[]): Promise<void> {
        const trees = await treesOf(this.#names, this.#source);
        const namesakes = new Map(
            entries
                .filter((entry) => /^image/.test(haulerKindOf(entry) ?? ""))
                .map((entry) => [labelOf(entry), entry.digest]),
        );
        const attachments: Attachment[] = [];
        for (const entry of unnamed.filter(({ digest }) => !trees.has(digest))) {
            const attachment = await attachmentOf(entry, this.#source, namesakes);
            if (attachment === undefined) this.#names.problems.push(problemOf(entry));
            else attachments.push(attachment);
        }
        for (const { entry, subject } of nameAttachments(this.#names, attachments, trees)) {
            this.#notes.push(
                `${labelOf(entry)} in index.json is left out: it is about ${subject}, which has no name here`,
            );
        }
    }
}

function problemOf(entry: Descriptor): NameProblem & { digest: Digest } {
    const name = refNameOf(entry);
    const what =
        name === undefined ? "it has no name" : `${JSON.stringify(name)} does not say which repository it is of`;
    return {
        name: labelOf(entry),
        digest: entry.digest,
        what: `${what} (an override needs repository too)`,
        candidates: [],
        match: labelOf(entry),
        needs: ["repository"],
        isTagless: suffixOf(entry).startsWith("@"),
    };
}
