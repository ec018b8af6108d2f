import type { Digest } from "../../../oci/digest";
import { isDigest } from "../../../oci/digest";
import { ArchiveError } from "../../../errors/errors";
import { type OpenFile, COPY_AGAIN } from "../../files/archive-file";
import type { BlobLocation } from "../../files/archive-source";
import { looksLikeTar } from "../../open/file-kind";
import { nestedArchives, tooManyBeside } from "../../open/foreign-format";
import { LeftOutNames, MOST_BESIDE, leftOutNotes } from "../../open/left-out";
import { type TarEntry, requireFile } from "../../tar/entry";
import type { TarReader } from "../../tar/window-reader";
import { type WorkingFile, isWorkingFile } from "./working-file";

/** What a tag of the cache points to. */
export interface TagLink {
    readonly repository: string;
    readonly tag: string;
    readonly digest: Digest;
}

/** A text file of the archive that says something about its images. */
export interface MetadataFile {
    readonly name: string;
    readonly text: string;
    readonly archive: string;
    readonly offset: number;
}

interface StoredBlob extends BlobLocation {
    readonly file: OpenFile;
}

const REPOSITORIES = "docker/registry/v2/repositories/";
const BLOBS = "docker/registry/v2/blobs/sha256/";
const BLOB = /^([0-9a-f]{2})\/(\1[0-9a-f]{62})\/data$/;
const TAG = /^(.+)\/_manifests\/tags\/([^/]+)\/current\/link$/;
/** Every manifest that a tag ever pointed to (distribution, registry/storage/paths.go, manifestTagIndexEntryLinkPathSpec). */
const TAGGED = /^(.+)\/_manifests\/tags\/([^/]+)\/index\/sha256\/([0-9a-f]{64})\/link$/;
const HELD = /^(.+)\/(?:_layers|_manifests\/revisions)\/sha256\/([0-9a-f]{64})\/link$/;
const HISTORY = /^working-dir\/\.history\/\.history-[^/]+$/;
const IMAGE_SET = /^isc_(?!pinned_)[^/]+$/;
const METADATA = [
    IMAGE_SET,
    /^working-dir\/isc_pinned_[^/]+$/,
    /^working-dir\/dry-run\/mapping\.txt$/,
    /^working-dir\/delete\/delete-images[^/]*\.ya?ml$/,
];
const OF_OC_MIRROR = /^(?:docker\/|working-dir\/|isc_)/;
const MAX_METADATA_BYTES = 64 * 1024 * 1024;
const LINK_BYTES = 71;

/** The entry that holds a blob (distribution, registry/storage/paths.go). */
export function blobEntryName(digest: Digest): string {
    const hex = digest.slice("sha256:".length);
    return `${BLOBS}${hex.slice(0, 2)}/${hex}/data`;
}

/** What all parts of an oc-mirror v2 archive hold: the storage of its cache registry, and the files that name its images. */
export class OcMirrorIndex {
    readonly blobs = new Map<Digest, StoredBlob>();
    /** By `<repository>:<tag>`. */
    readonly tags = new Map<string, TagLink>();
    /** The cache repositories that know a manifest, config or layer. */
    readonly holders = new Map<Digest, string[]>();
    /** By name. */
    readonly metadata = new Map<string, MetadataFile>();
    /** By name: what is read only when images are named. */
    readonly working = new Map<string, WorkingFile>();
    /** Everything that earlier archives of this folder contained. */
    readonly history = new Set<Digest>();
    readonly warnings: string[] = [];
    /** One string per repository, not one per link: a cache has many more links than repositories. */
    readonly #repositories = new Map<string, string>();
    /** By `<repository>:<tag>`: what the tag pointed to at any time, save what it was known to point to now. */
    readonly #tagged = new Map<string, Set<Digest>>();
    /** By part: entries that oc-mirror does not write. */
    readonly #strangers = new Map<string, LeftOutNames>();

    /** Takes in an entry. @throws ArchiveError */
    visit(file: OpenFile, entry: TarEntry, reader: TarReader): void | Promise<void> {
        const name = entry.name;
        if (entry.type === "folder") return;
        if (name.startsWith(BLOBS)) return this.#blob(file, entry);
        if (name.startsWith(REPOSITORIES)) return this.#link(file, entry, reader);
        if (HISTORY.test(name) || METADATA.some((pattern) => pattern.test(name)))
            return this.#text(file, entry, reader);
        if (isWorkingFile(name)) return this.#working(file, entry);
        if (!OF_OC_MIRROR.test(name)) return this.#beside(file, entry);
    }

    /** What is in the parts beside the archive's own entries, as sentences. */
    leftOut(): string[] {
        return [...this.#strangers]
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .flatMap(([path, names]) =>
                leftOutNotes(
                    path,
                    names,
                    "entry is not of oc-mirror's archive",
                    "entries are not of oc-mirror's archive",
                ),
            );
    }

    /** The image set that the archive was made for. */
    imageSets(): readonly MetadataFile[] {
        return [...this.metadata.values()].filter(({ name }) => IMAGE_SET.test(name));
    }

    /** What else a tag has pointed to since the cache was made, sorted. */
    otherDigests({ repository, tag, digest }: TagLink): readonly Digest[] {
        return [...(this.#tagged.get(`${repository}:${tag}`) ?? [])].filter((other) => other !== digest).sort();
    }

    async #beside(file: OpenFile, entry: TarEntry): Promise<void> {
        const { name, offset, size } = entry;
        const known = this.#strangers.get(file.path) ?? new LeftOutNames();
        this.#strangers.set(file.path, known);
        known.add(name);
        if (known.count > MOST_BESIDE) throw tooManyBeside(file.path);
        if (entry.type !== "file" || !(await looksLikeTar({ file, offset, size }, name))) return;
        const nested = new LeftOutNames();
        nested.add(name);
        const unpack = `unpack it (tar -xf ${file.path} ${nested.text()}) and give it beside the parts`;
        const fix = `${unpack}; copy this part again from the connected side, as oc-mirror wrote it`;
        throw nestedArchives(file.path, nested, fix);
    }

    #blob(file: OpenFile, entry: TarEntry): void {
        const hex = BLOB.exec(entry.name.slice(BLOBS.length))?.[2];
        if (hex === undefined) return;
        requireFile(file, entry);
        const digest = `sha256:${hex}`;
        const known = this.blobs.get(digest);
        if (known !== undefined && known.size !== entry.size) {
            const other = `archive ${known.file.path}, offset ${known.offset}`;
            throw invalidEntry(file, entry, `the same blob has ${entry.size} bytes here and ${known.size} in ${other}`);
        }
        // Parts are read side by side: which copy counts must not depend on which was first.
        if (known !== undefined && known.file.path <= file.path) return;
        this.blobs.set(digest, { file, offset: entry.offset, size: entry.size });
    }

    #working(file: OpenFile, entry: TarEntry): void {
        requireFile(file, entry);
        const known = this.working.get(entry.name);
        if (known !== undefined && known.size !== entry.size) {
            throw invalidEntry(
                file,
                entry,
                `another entry of this name (archive ${known.file.path}) has other content`,
            );
        }
        if (known !== undefined && known.file.path <= file.path) return;
        this.working.set(entry.name, { name: entry.name, file, offset: entry.offset, size: entry.size });
    }

    #link(file: OpenFile, entry: TarEntry, reader: TarReader): void | Promise<void> {
        const path = entry.name.slice(REPOSITORIES.length);
        if (path.endsWith("/current/link")) return this.#tagLink(file, entry, reader, path);
        if (path.includes("/_manifests/tags/")) return this.#taggedOnce(path);
        const held = HELD.exec(path);
        if (held === null) return;
        const digest = `sha256:${held[2]}`;
        const repository = this.#intern(held[1] ?? "");
        const holders = this.holders.get(digest);
        if (holders === undefined) this.holders.set(digest, [repository]);
        else if (!holders.includes(repository)) holders.push(repository);
    }

    async #tagLink(file: OpenFile, entry: TarEntry, reader: TarReader, path: string): Promise<void> {
        const [, repository, tag] = TAG.exec(path) ?? [];
        if (repository === undefined || tag === undefined) return;
        requireFile(file, entry);
        const text = entry.size === LINK_BYTES ? (await reader.read(entry.offset, LINK_BYTES)).toString("latin1") : "";
        if (!isDigest(text)) throw invalidEntry(file, entry, "the link is not sha256: and 64 lower-case hex digits");
        const key = `${repository}:${tag}`;
        const known = this.tags.get(key);
        if (known !== undefined && known.digest !== text) {
            throw invalidEntry(file, entry, `the tag points to ${text} here and to ${known.digest} in another entry`);
        }
        this.tags.set(key, { repository: this.#intern(repository), tag, digest: text });
    }

    #taggedOnce(path: string): void {
        const [, repository, tag, hex] = TAGGED.exec(path) ?? [];
        if (repository === undefined || tag === undefined || hex === undefined) return;
        const [key, digest] = [`${repository}:${tag}`, `sha256:${hex}`];
        // Most tags have one digest, and their current link comes first: nothing is kept for them.
        if (this.tags.get(key)?.digest === digest) return;
        const known = this.#tagged.get(key);
        if (known === undefined) this.#tagged.set(key, new Set([digest]));
        else known.add(digest);
    }

    async #text(file: OpenFile, entry: TarEntry, reader: TarReader): Promise<void> {
        requireFile(file, entry);
        if (entry.size > MAX_METADATA_BYTES)
            throw invalidEntry(file, entry, `${entry.size} bytes are too many for such a file`);
        const text = (await reader.read(entry.offset, entry.size)).toString("utf8");
        if (HISTORY.test(entry.name)) return this.#remember(file, entry, text);
        const known = this.metadata.get(entry.name);
        if (known !== undefined && known.text !== text) {
            throw invalidEntry(file, entry, `another entry of this name (archive ${known.archive}) has other content`);
        }
        this.metadata.set(entry.name, { name: entry.name, text, archive: file.path, offset: entry.offset });
    }

    #remember(file: OpenFile, entry: TarEntry, text: string): void {
        const lines = text.split("\n").map((line) => line.trim());
        for (const line of lines) if (isDigest(line)) this.history.add(line);
        const strange = lines.filter((line) => line !== "" && !isDigest(line)).length;
        if (strange > 0) this.warnings.push(`${file.path}, entry ${entry.name}: ${strange} lines are not digests`);
    }

    #intern(repository: string): string {
        const known = this.#repositories.get(repository);
        if (known !== undefined) return known;
        this.#repositories.set(repository, repository);
        return repository;
    }
}

function invalidEntry(file: OpenFile, entry: TarEntry, what: string): ArchiveError {
    const place = { archive: file.path, entry: entry.name, offset: entry.offset };
    return new ArchiveError(what, { ...place, code: "ARCHIVE_ENTRY_INVALID", fix: COPY_AGAIN });
}
