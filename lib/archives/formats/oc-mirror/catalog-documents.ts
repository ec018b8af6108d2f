import { z } from "zod";
import type { ErrorCode } from "../../../errors/codes";
import { ArchiveError, errorMessage } from "../../../errors/errors";
import { parseBoundedJson } from "../../../oci/bounded-json";
import { parseBoundedYamlDocuments } from "../../../oci/bounded-yaml";
import { JsonDocuments } from "./json-documents";
import { type WorkingFile, workingChunks } from "./working-file";
import { YamlDocuments, onlyMembers } from "./yaml-documents";

/** One bundle with its metadata (of JSON without it); the largest in public catalogs have a few MB. */
const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
const BUNDLE = "olm.bundle";
const RELATED = "relatedImages";

const bundle = z.looseObject({
    schema: z.literal(BUNDLE),
    image: z.string().nullish(),
    [RELATED]: z.array(z.looseObject({ image: z.string().nullish() })).nullish(),
});

/**
 * The images that the bundles of a file of a catalog name (File-Based Catalogs, schema `olm.bundle`): JSON documents one
 * after the other, or YAML. A catalog may have hundreds of MB: one document is held at a time, and of its
 * metadata nothing is parsed.
 * @throws ArchiveError `ARCHIVE_TOO_LARGE` (a document), `ARCHIVE_METADATA_INVALID`
 */
export async function* bundleImages(file: WorkingFile): AsyncGenerator<string> {
    for await (const text of splitDocuments(file)) {
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
        if (text.startsWith("{")) return [parseBoundedJson(text)];
        return parseBoundedYamlDocuments(onlyMembers(text, ["schema", "image", RELATED]));
    } catch (cause) {
        throw invalidFile(file, `neither JSON nor YAML: ${errorMessage(cause)}`, "ARCHIVE_METADATA_INVALID", cause);
    }
}

/** Texts that are parsed each for itself. */
async function* splitDocuments(file: WorkingFile): AsyncGenerator<string> {
    let splitter: JsonDocuments | YamlDocuments | undefined;
    for await (const chunk of workingChunks(file)) {
        const isBlank = splitter === undefined && chunk.toString("latin1").trim() === "";
        if (isBlank) continue;
        splitter ??= /^\s*\{/.test(chunk.toString("latin1", 0, 4096))
            ? new JsonDocuments(RELATED)
            : new YamlDocuments();
        yield* splitter.feed(chunk);
        if (splitter.held <= MAX_DOCUMENT_BYTES) continue;
        throw invalidFile(file, `a document has more than ${MAX_DOCUMENT_BYTES} bytes`, "ARCHIVE_TOO_LARGE");
    }
    if (splitter !== undefined) yield* splitter.rest();
}

function invalidFile(file: WorkingFile, what: string, code: ErrorCode, cause?: unknown): ArchiveError {
    const place = { archive: file.file.path, entry: file.name, offset: file.offset };
    return new ArchiveError(what, { ...place, code, cause });
}
