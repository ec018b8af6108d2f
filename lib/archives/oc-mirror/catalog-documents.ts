import { StringDecoder } from "node:string_decoder";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { ArchiveError, messageOf } from "../../oci/errors";
import { type WorkingFile, workingChunks } from "./working-file";

/** One bundle with its metadata; the largest in public catalogs have a few MB. */
const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
const BUNDLE = "olm.bundle";

const bundle = z.looseObject({
    schema: z.literal(BUNDLE),
    image: z.string().nullish(),
    relatedImages: z.array(z.looseObject({ image: z.string().nullish() })).nullish(),
});

/**
 * The images that the bundles of a file of a catalog name (File-Based Catalogs, schema `olm.bundle`): JSON documents one
 * after the other, or YAML. A catalog may have hundreds of MB: one document is held at a time.
 * @throws ArchiveError `ARCHIVE_TOO_LARGE` (a document), `ARCHIVE_METADATA_INVALID`
 */
export async function* bundleImages(file: WorkingFile): AsyncGenerator<string> {
    for await (const text of documentsOf(file)) {
        if (!text.includes(BUNDLE)) continue;
        for (const document of parsed(file, text)) {
            const found = bundle.safeParse(document);
            if (!found.success) continue;
            const related = (found.data.relatedImages ?? []).map(({ image }) => image);
            for (const image of [found.data.image, ...related]) if (image) yield image;
        }
    }
}

function parsed(file: WorkingFile, text: string): unknown[] {
    try {
        if (text.startsWith("{")) return [JSON.parse(text)];
        return parseAllDocuments(text).map((document) => {
            const [broken] = document.errors;
            if (broken !== undefined) throw broken;
            return document.toJS() as unknown;
        });
    } catch (cause) {
        throw fault(file, `neither JSON nor YAML: ${messageOf(cause)}`, "ARCHIVE_METADATA_INVALID", cause);
    }
}

/** Texts that are parsed each for itself. */
async function* documentsOf(file: WorkingFile): AsyncGenerator<string> {
    let splitter: Splitter | undefined;
    for await (const chunk of workingChunks(file)) {
        const isBlank = splitter === undefined && chunk.toString("latin1").trim() === "";
        if (isBlank) continue;
        splitter ??= /^\s*\{/.test(chunk.toString("latin1", 0, 4096)) ? new JsonSplitter() : new YamlSplitter();
        yield* splitter.feed(chunk);
        if (splitter.held <= MAX_DOCUMENT_BYTES) continue;
        throw fault(file, `a document has more than ${MAX_DOCUMENT_BYTES} bytes`, "ARCHIVE_TOO_LARGE");
    }
    if (splitter !== undefined) yield* splitter.rest();
}

interface Splitter {
    /** Bytes of the document that has begun. */
    readonly held: number;
    /** The documents that end in this chunk. */
    feed(chunk: Buffer): Generator<string>;
    rest(): Generator<string>;
}

const [QUOTE, BACKSLASH, OPEN, CLOSE] = [0x22, 0x5c, 0x7b, 0x7d];

/** Cuts where the braces of an object at the top close. */
class JsonSplitter implements Splitter {
    held = 0;
    #pieces: Buffer[] = [];
    #depth = 0;
    #inString = false;
    #escaped = false;

    *feed(chunk: Buffer): Generator<string> {
        let start = 0;
        for (let at = 0; at < chunk.length; at++) {
            if (!this.#closes(chunk[at] ?? 0)) continue;
            yield this.#take(chunk.subarray(start, at + 1));
            start = at + 1;
        }
        this.#pieces.push(chunk.subarray(start));
        this.held += chunk.length - start;
    }

    *rest(): Generator<string> {
        const text = this.#take(Buffer.alloc(0));
        if (text !== "") yield text;
    }

    #closes(byte: number): boolean {
        if (this.#inString) {
            if (this.#escaped) this.#escaped = false;
            else if (byte === BACKSLASH) this.#escaped = true;
            else if (byte === QUOTE) this.#inString = false;
            return false;
        }
        if (byte === QUOTE) this.#inString = true;
        else if (byte === OPEN) this.#depth++;
        else if (byte === CLOSE) return --this.#depth === 0;
        return false;
    }

    #take(end: Buffer): string {
        const text = Buffer.concat([...this.#pieces, end])
            .toString("utf8")
            .trim();
        this.#pieces = [];
        this.held = 0;
        return text;
    }
}

/** Cuts at the lines that begin a document (YAML 1.2, 9.1.4). */
class YamlSplitter implements Splitter {
    held = 0;
    #pieces: string[] = [];
    /** The line that has not ended yet. */
    #line = "";
    readonly #decoder = new StringDecoder("utf8");

    *feed(chunk: Buffer): Generator<string> {
        const text = this.#line + this.#decoder.write(chunk);
        const end = Math.max(text.lastIndexOf("\n"), 0);
        this.#line = text.slice(end);
        const [first = "", ...more] = text.slice(0, end).split(/\n(?=---(?:\s|$))/);
        this.#pieces.push(first);
        for (const next of more) {
            yield this.#pieces.join("");
            this.#pieces = [next];
        }
        this.held = this.#pieces.reduce((sum, piece) => sum + piece.length, this.#line.length);
    }

    *rest(): Generator<string> {
        yield `${this.#pieces.join("")}${this.#line}${this.#decoder.end()}`;
    }
}

function fault(file: WorkingFile, what: string, code: string, cause?: unknown): ArchiveError {
    const place = { archive: file.file.path, entry: file.name, offset: file.offset };
    return new ArchiveError(what, { ...place, code, cause });
}
