import type { BlobSource } from "../../mirror/image-set";
import type { Digest } from "../../oci/digest";
import { PassthroughError } from "../../errors/errors";
import { type BlobHash, HashingThread, sha256OnTheSpot } from "./hashing-thread";
import { PieceBuffers, type PieceLoan } from "./piece-buffers";
import type { BlobTask } from "../plan/plan";

/** Up to this many bytes a blob is hashed on the spot. */
const SMALL_BLOB = 256 * 1024;

/** What blobs are read and hashed with, shared by the transfers of one import. */
export class BlobReader {
    private readonly buffers = new PieceBuffers();
    private readonly hashing = new HashingThread();

    constructor(private readonly source: BlobSource) {}

    /** One attempt to send a blob. */
    open(blob: BlobTask): VerifiedBlob {
        const hash = blob.size <= SMALL_BLOB ? sha256OnTheSpot() : this.hashing.sha256();
        return new VerifiedBlob(this.source, blob, hash, this.buffers.lend());
    }

    async close(): Promise<void> {
        await this.hashing.close();
    }
}

/** A piece, and when it has been hashed. */
interface HashedPiece {
    readonly bytes: Buffer;
    readonly hashed: Promise<void>;
}

/** The bytes of a blob on their way; the last piece is held back until size and digest are proven. */
export class VerifiedBlob {
    private isBroken = false;

    constructor(
        private readonly source: BlobSource,
        private readonly blob: BlobTask,
        private readonly hash: BlobHash,
        private readonly loan: PieceLoan,
    ) {}

    /**
     * The pieces, for whoever asks for the next one only when the last one was taken: then the one before it is overwritten.
     * @param onSent called with the bytes taken so far, those before `offset` among them
     * @param offset bytes that the registry has already: they are hashed, and left out
     * @throws PassthroughError `ARCHIVE_DIGEST_MISMATCH` before the last piece if the archive's bytes are not the blob
     */
    async *pieces(onSent: (sent: number) => void, offset = 0): AsyncIterable<Uint8Array> {
        const unsent = (bytes: Buffer) => bytes.subarray(Math.max(0, offset - sent));
        let sent = 0;
        let leaving: HashedPiece | undefined;
        let held: HashedPiece | undefined;
        let isProven = false;
        try {
            for await (const bytes of this.source.open(this.blob.digest, 0, this.loan.take) as AsyncIterable<Buffer>) {
                // Nobody takes a piece while what the registry has is read, so nothing else would end that.
                if (this.isBroken) return;
                const next = { bytes, hashed: this.hash.update(bytes) };
                if (held !== undefined) {
                    const piece = unsent(held.bytes);
                    if (piece.length > 0) yield piece;
                    sent += held.bytes.length;
                    if (piece.length > 0) onSent(sent);
                    await this.giveBack(leaving);
                    leaving = held;
                }
                held = next;
            }
            await this.prove(sent + (held?.bytes.length ?? 0));
            isProven = true;
        } finally {
            if (!isProven) this.hash.drop();
        }
        if (held !== undefined) yield unsent(held.bytes);
        onSent(sent + (held?.bytes.length ?? 0));
    }

    /** The registry has the blob: its memory is free. */
    arrived(): void {
        this.loan.giveBackAll();
    }

    /** The attempt broke. */
    broke(): void {
        this.isBroken = true;
        this.loan.forgetAll();
    }

    private async giveBack(piece: HashedPiece | undefined): Promise<void> {
        if (piece === undefined) return;
        await piece.hashed;
        this.loan.giveBack(piece.bytes);
    }

    private async prove(size: number): Promise<void> {
        const found = await this.hash.digest();
        if (found !== this.blob.digest || size !== this.blob.size) throw corrupt(this.source, this.blob, found, size);
    }
}

function corrupt(source: BlobSource, blob: BlobTask, found: Digest, size: number): PassthroughError {
    return new PassthroughError(`the bytes are not ${blob.digest} (${blob.size} bytes) but ${found} (${size} bytes)`, {
        code: "ARCHIVE_DIGEST_MISMATCH",
        place: source.place(blob.digest),
        fix: "copy the archive again from the connected side and compare its checksum there",
    });
}
