import { type PassingEntry, passingEntries } from "../tar/tar-stream";
import { unpackedStream } from "../packed/unpacked-stream";

/**
 * The regular files of an archive that comes as a stream: a tar or several one after the other, plain or compressed with
 * gzip or zstd. Nothing is written anywhere.
 * @param archive what the stream is called in errors
 * @throws as `unpackedStream` and `passingEntries`
 */
export function streamEntries(chunks: AsyncIterable<Buffer>, archive: string): AsyncGenerator<PassingEntry> {
    return passingEntries(unpackedStream(chunks, archive), archive);
}
