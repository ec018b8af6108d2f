import type { ErrorCode } from "../../errors/codes";
import { ArchiveError } from "../../errors/errors";
import { COPY_AGAIN } from "../files/archive-file";
import { TAR_BLOCK, TarHeaderError, isZeroBlock, parseTarHeader, tarBlocks } from "./header";

/**
 * Looks at the first header of what is said to be a tar while it comes in pieces, so that nothing of what is none has to
 * be unpacked: a compression bomb most of all.
 */
export class TarStart {
    readonly #archive: string;
    #held: Buffer | undefined = Buffer.alloc(0);

    constructor(archive: string) {
        this.#archive = archive;
    }

    /**
     * @returns the piece, with what was held back before it; empty until there is a whole header
     * @throws ArchiveError `ARCHIVE_CORRUPT` (no header), `ARCHIVE_FORMAT_UNSUPPORTED` (zeros where the first one must be)
     */
    take(piece: Buffer): Buffer {
        if (this.#held === undefined) return piece;
        const start = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
        this.#held = start.length < TAR_BLOCK ? start : undefined;
        if (this.#held !== undefined) return Buffer.alloc(0);
        this.#check(start);
        return start;
    }

    /** What is held back at the end: less than a header, as whoever reads it will say. */
    rest(): Buffer {
        return this.#held ?? Buffer.alloc(0);
    }

    #check(start: Buffer): void {
        const blocks = tarBlocks(start);
        if (isZeroBlock(blocks, 0)) {
            const fix = "check where the archive comes from";
            throw this.#refused("unpacked it begins with zeros: no tar with an image in it", UNSUPPORTED, fix);
        }
        try {
            parseTarHeader(blocks, 0);
        } catch (cause) {
            // Only the checksum shows whether it is a header; its content is checked by the reader of the whole tar.
            if (!(cause instanceof TarHeaderError) || cause.code !== "ARCHIVE_CORRUPT") return;
            const what = "unpacked this is not a tar archive, or its first header is damaged";
            throw this.#refused(what, cause.code, COPY_AGAIN);
        }
    }

    #refused(what: string, code: ErrorCode, fix: string): ArchiveError {
        return new ArchiveError(what, { archive: this.#archive, offset: 0, code, fix });
    }
}

const UNSUPPORTED = "ARCHIVE_FORMAT_UNSUPPORTED";
