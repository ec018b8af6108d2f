import type { BlobSource } from "../../../mirror/image-set";
import type { Digest } from "../../../oci/digest";
import type { Descriptor } from "../../../oci/manifest";
import { isManifestMediaType } from "../../../oci/media-types";
import { type Reference, sourceKey } from "../../../oci/reference";
import type { ArchiveContents } from "../../archive";
import { ImageNames } from "../../naming/image-names";
import { type NameProblem, namesUnresolved } from "../../naming/name-problem";
import type { Override } from "../../../mirror/override";
import { Overrides, digestOnlyNote, unusedNote } from "../../naming/override";
import { ruleOn } from "../../naming/override-rule";
import { type Attachment, attachmentOf, nameAttachments, treesOf } from "./attachments";
import {
    type NamingRules,
    haulerKindOf,
    isHaulerLayout,
    isHaulerReferrer,
    labelOf,
    matchNames,
    namesIn,
    overriddenOf,
    refNameOf,
    signatureSuffixOf,
    storedName,
    subjectNoteOf,
    suffixOf,
} from "./entry-names";
import { isHaulerOwn } from "./hauler-artifact";

const HINT = "write full names when the layout is made, as skopeo copy … oci-archive:<file>:<host>/<path>:<tag> does";

export type Aliases = (digest: Digest, keys: readonly string[]) => readonly string[];

/** What a layout is named by, beside its entries. */
export interface LayoutNaming {
    readonly overrides: readonly Override[];
    /** It is of a Zarf package, whose images may have their name elsewhere. */
    readonly isZarf?: boolean;
    /** What else an override may call an entry with these source keys: names from elsewhere in the archive. */
    readonly aliasesOf?: Aliases;
}

/** The images of a layout, and what its annotations call them, whatever overrides make of that. */
export interface LayoutContents extends ArchiveContents {
    /** Source key -> digest. */
    readonly written: ReadonlyMap<string, Digest>;
}

/**
 * Names the images of an OCI layout by the annotations of its entry points: a full name in `ref.name`, the name in
 * containerd's store, or where containerd pulled it from. A bare tag names nothing: an override must say of what.
 * Signatures and other referrers go where the image is that they are about.
 * @throws ArchiveError `ARCHIVE_NAMES_UNRESOLVED`
 */
export async function nameLayoutImages(
    label: string,
    entries: readonly Descriptor[],
    source: BlobSource,
    { overrides, isZarf = false, aliasesOf = () => [] }: LayoutNaming,
): Promise<LayoutContents> {
    const rules = { isZarf, isHauler: isHaulerLayout(entries) };
    return new EntryNaming(source, rules, new Overrides(overrides), aliasesOf).run(label, entries);
}

class EntryNaming {
    readonly #source: BlobSource;
    readonly #rules: NamingRules;
    readonly #overrides: Overrides;
    readonly #aliasesOf: Aliases;
    readonly #names = new ImageNames();
    readonly #written = new Map<string, Digest>();
    readonly #notes: string[] = [];

    constructor(source: BlobSource, rules: NamingRules, overrides: Overrides, aliasesOf: Aliases) {
        this.#source = source;
        this.#rules = rules;
        this.#overrides = overrides;
        this.#aliasesOf = aliasesOf;
    }

    async run(label: string, entries: readonly Descriptor[]): Promise<LayoutContents> {
        const unnamed: Descriptor[] = [];
        for (const entry of entries) {
            if (!(await this.#isImage(entry))) continue;
            if (!(isAttachment(entry) ? this.#nameAttachment(entry) : this.#name(entry))) unnamed.push(entry);
        }
        if (unnamed.length > 0) await this.#placeUnnamed(entries, unnamed);
        if (this.#names.problems.length > 0) {
            throw namesUnresolved(label, this.#names.problems, HINT, this.#overrides.unused());
        }
        return {
            images: this.#names.images,
            written: this.#written,
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
        const written = namesIn(entry, this.#rules, [])?.written;
        const override = this.#overrides.findExact(matchNames(entry, written));
        const vain = override === undefined ? "" : `, which the override ${override.match} cannot change`;
        this.#notes.push(`${labelOf(entry)} in index.json is left out: ${what}${vain}`);
        return false;
    }

    /** @returns false if neither the layout nor an override names it */
    #name(entry: Descriptor): boolean {
        const found = namesIn(entry, this.#rules, this.#notes);
        const aliases = this.#aliasesOf(entry.digest, (found?.references ?? []).map(sourceKey));
        const override = this.#overrides.find([...matchNames(entry, found?.written), ...aliases]);
        if (found === undefined) return this.#nameByOverride(entry, override);
        const { references, written } = found;
        for (const reference of references) this.#written.set(sourceKey(reference), entry.digest);
        const isProven = written?.includes("@") === true;
        // What an override could give a changed image is no name of its digest either.
        const isChanged = isProven && references.some(({ digest }) => digest !== entry.digest);
        const ruling = ruleOn({ name: labelOf(entry), references, isProven }, isChanged ? undefined : override);
        if (ruling.kind === "open") this.#names.problems.push({ ...ruling.problem, digest: entry.digest });
        else if (ruling.note !== undefined) this.#notes.push(ruling.note);
        // Also where it is open: nothing is to be asked about its children.
        this.#add(entry, ruling.kind === "open" ? references : ruling.references);
        return true;
    }

    #nameByOverride(entry: Descriptor, override: Override | undefined): boolean {
        const overridden = overriddenOf(entry, override);
        for (const reference of overridden ?? [])
            if (reference.tag === undefined) this.#notes.push(digestOnlyNote(reference));
        if (overridden !== undefined) this.#add(entry, overridden);
        return overridden !== undefined;
    }

    /** What is about an image has its name; its own `ref.name` may be that of the image, so only its digest means it. */
    #nameAttachment(entry: Descriptor): boolean {
        return this.#nameByOverride(entry, this.#overrides.findExact([entry.digest]));
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
        const images = new Map(
            entries
                .filter((entry) => /^image/.test(haulerKindOf(entry) ?? ""))
                .map((entry) => [storedName(entry), entry.digest]),
        );
        const attachments: Attachment[] = [];
        for (const entry of unnamed.filter(({ digest }) => !trees.has(digest))) {
            const attachment = await attachmentOf(entry, this.#source, images);
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

/** True for what is named after another image, whatever names its annotations have. */
function isAttachment(entry: Descriptor): boolean {
    return subjectNoteOf(entry) !== undefined || signatureSuffixOf(entry) !== undefined || isHaulerReferrer(entry);
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
