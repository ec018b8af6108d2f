import { ArchiveError } from "../../errors/errors";
import { formatBytes } from "../../errors/text";
import { ArchiveFile, COPY_AGAIN, type OpenFile } from "../files/archive-file";
import { JoinedFile } from "../files/joined-file";
import { OcMirrorIndex } from "../formats/oc-mirror/cache-index";
import type { PassedParts } from "../formats/oc-mirror/oc-mirror-archive";
import { isOcMirrorPart } from "../formats/oc-mirror/part-name";
import { type Compression, detectCompression } from "../packed/compression";
import { KeptTotal } from "../packed/kept-entries";
import { PackedFile } from "../packed/packed-file";
import type { SplitFile } from "../packed/split-file";
import type { PackedFiles, UnpackOptions } from "../packed/unpacked-bytes";
import { undecodable } from "../packed/unpacking";
import { type OcMirrorListing, type TarListing, indexTarNames } from "../tar/listing";
import type { PassingEntry } from "../tar/tar-stream";
import { refuseByName } from "./foreign-format";

/** `limit` is for files that are compressed. */
export interface OpenOptions extends UnpackOptions {
    /** Gets every regular file of what is compressed, as it passes by when the archive is opened. What it throws ends that. */
    readonly passing?: (entry: PassingEntry) => Promise<void>;
}

/** A file as it is read: plain, whole. */
export interface OpenedFile {
    readonly file: OpenFile;
    readonly warnings: readonly string[];
    /** What is in it, if that is known already. */
    readonly listing?: TarListing | OcMirrorListing;
    /** Why no image of it can be read, if it has any. */
    readonly lack?: ArchiveError | undefined;
}

/** Opens the files of a set, and reads those that are compressed to their end. */
export class FileOpener {
    /** What compressed parts of oc-mirror hold. */
    readonly #index = new OcMirrorIndex();
    readonly #warnings = new Map<OpenFile, readonly string[]>();
    readonly #kept = new KeptTotal();
    readonly #opened: OpenFile[] = [];
    readonly #options: OpenOptions;

    constructor(options: OpenOptions) {
        this.#options = options;
    }

    /** The parts of oc-mirror that were read already. */
    get passedParts(): PassedParts {
        return { index: this.#index, warnings: this.#warnings };
    }

    /** @throws ArchiveError */
    async open(path: string): Promise<OpenedFile> {
        refuseByName(path);
        const file = await ArchiveFile.open(path);
        this.#opened.push(file);
        if (file.size === 0) {
            throw new ArchiveError("the file is empty", { archive: path, code: "ARCHIVE_TRUNCATED", fix: COPY_AGAIN });
        }
        const compression = await detectCompression({ file, offset: 0, size: file.size });
        if (compression === undefined) return { file, warnings: [] };
        return this.#pass({ path, files: [file], parts: file.parts, compression: decodable(path, compression) });
    }

    /**
     * All pieces of a split file; whole, it is most often compressed too. If not, they are read where they lie, and a sha256
     * over the whole is not compared: that would be one reading more, and every blob has a digest.
     * @throws ArchiveError
     */
    async join(split: SplitFile): Promise<OpenedFile> {
        const files: ArchiveFile[] = [];
        for (const piece of split.pieces) {
            const file = await ArchiveFile.open(piece);
            this.#opened.push(file);
            files.push(file);
        }
        checkBytes(split, files);
        const [first] = files;
        const compression = first && (await detectCompression({ file: first, offset: 0, size: first.size }));
        if (compression === undefined) return { file: new JoinedFile(split.path, files), warnings: [] };
        const { path, sha256 } = split;
        const parts = files.flatMap((file) => file.parts);
        return this.#pass({ path, files, parts, compression: decodable(path, compression), sha256 });
    }

    async close(): Promise<void> {
        await Promise.all(this.#opened.map((file) => file.close()));
    }

    /** Reads what is compressed to its end. */
    async #pass(packed: PackedFiles): Promise<OpenedFile> {
        const { passing } = this.#options;
        const file = new PackedFile(packed, this.#kept, this.#options);
        this.#opened.push(file);
        const listing = await file.pass((tar) =>
            indexTarNames(file, {
                reader: tar,
                enter: (entry) => tar.enter(entry, passing),
                isOcMirror: isOcMirrorPart(file.name),
                visitOcMirror: (entry, reader) => this.#index.visit(file, entry, reader),
            }),
        );
        const { lack } = file;
        if (listing.entries === "oc-mirror") {
            if (lack !== undefined) throw lack;
            this.#warnings.set(file, listing.warnings);
        }
        const what = `all of its ${formatBytes(file.size)} are unpacked each time it is read`;
        return { file, listing, lack, warnings: [`${packed.path} is compressed with ${packed.compression}: ${what}`] };
    }
}

function checkBytes({ path, bytes }: SplitFile, files: readonly ArchiveFile[]): void {
    const found = files.reduce((sum, { size }) => sum + size, 0);
    if (bytes === undefined || bytes === found) return;
    throw new ArchiveError(`the pieces have ${found} bytes, they should have ${bytes}`, {
        archive: path,
        code: "ARCHIVE_TRUNCATED",
        fix: COPY_AGAIN,
    });
}

function decodable(path: string, compression: Compression): PackedFiles["compression"] {
    if (compression === "gzip" || compression === "zstd") return compression;
    const program = compression === "xz" ? "unxz" : "bunzip2";
    throw undecodable(path, compression, `decompress it first: ${program} ${path}`);
}
