import type { ArchivePlace } from "../../errors/problem";

/** A regular file of an archive that passes by. */
export interface StreamedEntry {
    readonly name: string;
    /** Bytes. */
    readonly size: number;
    readonly place: ArchivePlace;
    /** Its bytes, until the next entry is asked for. */
    body(): AsyncIterable<Buffer>;
}

/** An archive that is read once, from its first byte to its last. */
export interface ArchiveStream {
    /** What it is called in errors. */
    readonly label: string;
    /** Its files in their order. @param signal ends the reading, also while it waits for bytes */
    entries(signal: AbortSignal): AsyncIterable<StreamedEntry>;
}
