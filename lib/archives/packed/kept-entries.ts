import { ArchiveError } from "../../errors/errors";
import { formatBytes } from "../../errors/text";
import { KeptBytes } from "./kept-bytes";

const MiB = 1024 * 1024;
/** What is kept for different readers: what one of them fills takes nothing from the others. */
type Kind = "manifests" | "documents" | "starts" | "others";
/** Bytes of each kind over all archives of a set: some 20,000 manifests, and the first bytes of some 30,000 layers. */
const MOST: Readonly<Record<Kind, number>> = {
    manifests: 64 * MiB,
    documents: 24 * MiB,
    starts: 8 * MiB,
    others: 16 * MiB,
};
/** Memory that a piece takes beside its bytes. */
const PER_PIECE = 256;

/** What all archives of a set keep together, in bytes. */
export class KeptTotal {
    readonly #bytes: Record<Kind, number> = { manifests: 0, documents: 0, starts: 0, others: 0 };

    /** Counts a piece in. @returns false, and counts nothing, if there is no room for it */
    add(kind: Kind, length: number): boolean {
        const bytes = this.#bytes[kind] + length + PER_PIECE;
        if (bytes > MOST[kind]) return false;
        this.#bytes[kind] = bytes;
        return true;
    }
}

/** What is kept of a tar that passes by: what names images and says what they are made of, and other small things. */
export class KeptEntries {
    readonly #archive: string;
    readonly #total: KeptTotal;
    readonly #bytes = new KeptBytes();

    constructor(archive: string, total: KeptTotal) {
        this.#archive = archive;
        this.#total = total;
    }

    /** Keeps what is read again most likely. @throws ArchiveError `ARCHIVE_TOO_LARGE` */
    need(offset: number, body: Buffer): void {
        if (!this.#total.add("manifests", body.length))
            throw new ArchiveError(
                `the compressed archives of the set have more than ${formatBytes(MOST.manifests)} of manifests and indexes`,
                { archive: this.#archive, code: "ARCHIVE_TOO_LARGE", fix: "decompress it and give the plain tar" },
            );
        this.#bytes.add(offset, Buffer.from(body));
    }

    /** Keeps a piece while there is room for its kind: without it, it is unpacked again. */
    offer(kind: Exclude<Kind, "manifests">, offset: number, piece: Buffer): void {
        if (this.#total.add(kind, piece.length)) this.#bytes.add(offset, Buffer.from(piece));
    }

    find(offset: number, length: number): Buffer | undefined {
        return this.#bytes.find(offset, length);
    }
}
