import { ArchiveError } from "../../errors/errors";
import { formatBytes } from "../../errors/text";
import { KeptBytes } from "./kept-bytes";

const MiB = 1024 * 1024;
/** Bytes of manifests and indexes that are kept: some 20,000 of them. */
const MOST_NEEDED = 64 * MiB;
/** Bytes of all else that is kept. */
const MOST_OTHERS = 24 * MiB;
/** Memory that a piece takes beside its bytes. */
const PER_PIECE = 256;

/** What all archives of a set keep together, in bytes. */
export class KeptTotal {
    needed = 0;
    others = 0;
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
        this.#total.needed += body.length + PER_PIECE;
        if (this.#total.needed > MOST_NEEDED)
            throw new ArchiveError(
                `with it, there are more than ${formatBytes(MOST_NEEDED)} of manifests to be kept in memory while it is unpacked`,
                { archive: this.#archive, code: "ARCHIVE_TOO_LARGE", fix: "unpack it and give the plain tar" },
            );
        this.#bytes.add(offset, Buffer.from(body));
    }

    /** Keeps what is small while there is room: without it, it is unpacked again. */
    offer(offset: number, piece: Buffer): void {
        if (this.#total.others + piece.length + PER_PIECE > MOST_OTHERS) return;
        this.#total.others += piece.length + PER_PIECE;
        this.#bytes.add(offset, Buffer.from(piece));
    }

    find(offset: number, length: number): Buffer | undefined {
        return this.#bytes.find(offset, length);
    }
}
