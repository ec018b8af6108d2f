import type { BlobSource } from "../../oci/content";
import type { Digest } from "../../oci/digest";
import { PassthroughError } from "../../oci/errors";
import { type Descriptor, parseManifest } from "../../oci/manifest";
import { isIndexMediaType, isManifestMediaType } from "../../oci/media-types";
import { type Reference, parseReference, sourceKey } from "../../oci/reference";
import type { ArchiveContents } from "../archive";
import { ImageNames, distinct } from "../image-names";
import { namesUnresolved } from "../name-problem";
import { type Override, Overrides, overriddenReference } from "../override";

const REF_NAME = "org.opencontainers.image.ref.name";
/** Full references; Hauler keeps the name before a rewrite in a key of its own. */
const FULL_NAMES = ["hauler.dev/original-ref", "io.containerd.image.name"];
const SOURCE_PREFIX = "containerd.io/distribution.source.";
const SUBJECT = "io.containerd.manifest.subject";
const HINT = "write full names when the layout is made, as skopeo copy … oci-archive:<file>:<host>/<path>:<tag> does";

/**
 * Names the images of an OCI layout by the annotations of its entry points: a full name in `ref.name`, the name in
 * containerd's store, or where containerd pulled it from. A bare tag names nothing: an override must say of what.
 * @throws ArchiveError `ARCHIVE_NAMES_UNRESOLVED`
 */
export async function nameLayoutImages(
    label: string,
    entries: readonly Descriptor[],
    source: BlobSource,
    given: readonly Override[],
): Promise<ArchiveContents> {
    const overrides = new Overrides(given);
    const names = new ImageNames();
    const notes: string[] = [];
    const unnamed: Descriptor[] = [];
    for (const entry of entries.filter((found) => isImage(found, notes))) {
        const references = referencesOf(entry, notes) ?? overriddenOf(entry, overrides);
        if (references === undefined) unnamed.push(entry);
        else addNamed(names, entry, references);
    }
    const inside = unnamed.length === 0 ? new Set<Digest>() : await treeOf(names.images.values(), source);
    for (const entry of unnamed.filter(({ digest }) => !inside.has(digest))) names.problems.push(problemOf(entry));
    if (names.problems.length > 0) throw namesUnresolved(label, names.problems, HINT);
    notes.push(...overrides.unused().map(({ match }) => `override ${match} was not needed or matches nothing`));
    return { images: names.images, earlierImages: new Map(), absent: [], notes, earlierRepositories: () => undefined };
}

function isImage(entry: Descriptor, notes: string[]): boolean {
    const isSubjected = entry.annotations?.[SUBJECT] !== undefined;
    if (isManifestMediaType(entry.mediaType) && !isSubjected) return true;
    const what = isSubjected ? "it is about another image" : `its type is ${entry.mediaType}`;
    notes.push(`${entry.digest} in index.json is left out: ${what}`);
    return false;
}

function referencesOf(entry: Descriptor, notes: string[]): readonly Reference[] | undefined {
    const annotations = entry.annotations ?? {};
    const pulledFrom = pulledFromOf(entry);
    const full = FULL_NAMES.map((key) => annotations[key]).find((name) => name !== undefined) ?? fullRefName(entry);
    if (full === undefined) return pulledFrom.length > 0 ? distinct(pulledFrom) : undefined;
    const named = parsed(entry, full);
    if (named === undefined) return undefined;
    const isRetagged =
        pulledFrom.length > 0 &&
        !pulledFrom.some(({ registry, repository }) => registry === named.registry && repository === named.repository);
    if (isRetagged) notes.push(`${sourceKey(named)} was pulled as ${pulledFrom.map(sourceKey).join(", ")}`);
    return [named];
}

/** A `ref.name` with a slash is a full name, `name:tag` is Docker's short form of one, a plain word is a tag. */
function fullRefName(entry: Descriptor): string | undefined {
    const name = entry.annotations?.[REF_NAME];
    return name !== undefined && /[/:@]/.test(name) ? name : undefined;
}

/** What containerd notes of its pulls: `…distribution.source.<host>: <repository>[,<repository>…]`. */
function pulledFromOf(entry: Descriptor): Reference[] {
    const suffix = suffixOf(entry);
    return Object.entries(entry.annotations ?? {})
        .filter(([key]) => key.startsWith(SOURCE_PREFIX))
        .flatMap(([key, value]) => {
            const host = key.slice(SOURCE_PREFIX.length);
            return value.split(",").map((path) => parsed(entry, `${host}/${path}${suffix}`));
        })
        .filter((reference) => reference !== undefined);
}

function suffixOf(entry: Descriptor): string {
    const name = entry.annotations?.[REF_NAME];
    const tag = name === undefined ? undefined : /^(?:[^@]*:)?([A-Za-z0-9_][A-Za-z0-9._-]*)$/.exec(name)?.[1];
    return tag === undefined ? `@${entry.digest}` : `:${tag}`;
}

/** A name without a tag means the digest at hand, not Docker's `latest`. Undefined if it is no reference. */
function parsed(entry: Descriptor, text: string): Reference | undefined {
    try {
        const isBare = !/[:@]/.test(text.slice(text.lastIndexOf("/") + 1));
        return parseReference(isBare ? `${text}@${entry.digest}` : text);
    } catch (error) {
        if (error instanceof PassthroughError && error.code === "REFERENCE_INVALID") return undefined;
        throw error;
    }
}

function overriddenOf(entry: Descriptor, overrides: Overrides): readonly Reference[] | undefined {
    const name = entry.annotations?.[REF_NAME];
    const override = overrides.find([...(name === undefined ? [] : [name]), entry.digest]);
    // Unlike the cache of oc-mirror, a layout has no path to fall back to.
    if (override?.repository === undefined) return undefined;
    return [overriddenReference(override, override.repository, suffixOf(entry))];
}

function addNamed(names: ImageNames, entry: Descriptor, references: readonly Reference[]): void {
    const wrong = references.find(({ digest }) => digest !== undefined && digest !== entry.digest);
    if (wrong === undefined) return names.add(labelOf(entry), entry.digest, references);
    const what = `its name gives another digest, ${wrong.digest}: the image was changed when it was copied`;
    names.problems.push({ name: labelOf(entry), digest: entry.digest, what, candidates: [] });
}

async function treeOf(roots: Iterable<Digest>, source: BlobSource): Promise<ReadonlySet<Digest>> {
    const found = new Set<Digest>(roots);
    for (const digest of found) {
        if (source.size(digest) === undefined) continue;
        const manifest = parseManifest(await source.read(digest), source.place(digest));
        if (!isIndexMediaType(manifest.mediaType)) continue;
        for (const child of manifest.manifests) found.add(child.digest);
    }
    return found;
}

function labelOf(entry: Descriptor): string {
    return entry.annotations?.[REF_NAME] ?? entry.digest;
}

function problemOf(entry: Descriptor): {
    name: string;
    digest: Digest;
    what: string;
    candidates: string[];
    match: string;
} {
    const name = entry.annotations?.[REF_NAME];
    const what =
        name === undefined ? "it has no name" : `${JSON.stringify(name)} does not say which repository it is of`;
    const match = `${labelOf(entry)}`;
    return {
        name: labelOf(entry),
        digest: entry.digest,
        what: `${what} (an override needs repository too)`,
        candidates: [],
        match,
    };
}
