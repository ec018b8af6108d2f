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

/** Bytes of each kind. */
function counts(): Record<Kind, number> {
    return { manifests: 0, documents: 0, starts: 0, others: 0 };
}

/** What all archives of a set keep together, in bytes. */
export class KeptTotal {
    readonly #bytes = counts();

    /** Counts a piece in. @returns false, and counts nothing, if there is no room for it */
    add(kind: Kind, bytes: number): boolean {
        if (this.#bytes[kind] + bytes > MOST[kind]) return false;
        this.#bytes[kind] += bytes;
        return true;
    }

    /** @param bytes of each kind that are not kept any more */
    giveBack(bytes: Readonly<Record<Kind, number>>): void {
        for (const kind of Object.keys(bytes) as Kind[]) this.#bytes[kind] -= bytes[kind];
    }
}

/** What is kept of a tar that passes by: what names images and says what they are made of, and other small things. */
export class KeptEntries {
    readonly #archive: string;
    readonly #total: KeptTotal;
    #bytes = new KeptBytes();
    #counts = counts();
    #isLacking = false;

    constructor(archive: string, total: KeptTotal) {
        this.#archive = archive;
        this.#total = total;
    }

    /** Why no image of the tar can be read, if it has any; undefined if all that `need` was given is kept. */
    get lack(): ArchiveError | undefined {
        if (!this.#isLacking) return undefined;
        const what = `the compressed archives of the set have more than ${formatBytes(MOST.manifests)} of manifests and indexes`;
        const fix = "decompress it and give the plain tar";
        return new ArchiveError(what, { archive: this.#archive, code: "ARCHIVE_TOO_LARGE", fix });
    }

    /** Keeps what is read again most likely. What there is no room for is told by `lack`: other programs write JSON, too. */
    need(offset: number, body: Buffer): void {
        if (!this.#keep("manifests", offset, body)) this.#isLacking = true;
    }

    /** Keeps a piece while there is room for its kind: without it, it is unpacked again. */
    offer(kind: Exclude<Kind, "manifests">, offset: number, piece: Buffer): void {
        this.#keep(kind, offset, piece);
    }

    find(offset: number, length: number): Buffer | undefined {
        return this.#bytes.find(offset, length);
    }

    /** Nothing of it is read any more: its room is for the archives beside it. */
    drop(): void {
        this.#total.giveBack(this.#counts);
        this.#bytes = new KeptBytes();
        this.#counts = counts();
    }

    /** @returns false if there is no room for it */
    #keep(kind: Kind, offset: number, piece: Buffer): boolean {
        const bytes = piece.length + PER_PIECE;
        if (!this.#total.add(kind, bytes)) return false;
        this.#counts[kind] += bytes;
        this.#bytes.add(offset, Buffer.from(piece));
        return true;
    }
}
