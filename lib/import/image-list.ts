import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { type Digest, isDigest } from "../oci/digest";
import { PassthroughError } from "../errors/errors";
import type { ImagesBySource } from "./plan/offline-plan";

/** Lines of a text. While a string is sent, the SDK has a list of its bytes, which takes twenty times as much memory. */
const LINES = 500;

/** Images as text: one line each, `<source reference> <digest>`, sorted; several texts if there are many. */
export type ImageText = string | readonly string[];

/**
 * Images as resources have them among their inputs, and so in state. The first release had a map in place of the text, and
 * state may still hold one; but of a map the SDK and the engine turn over every entry many times in each run
 * (docs/architecture.md, "The images of a set are one string").
 */
export type ImageList = ImageText | ImagesBySource;

/**
 * The text of images: the same images are the same text, and `toImageMap` reads them back.
 * @throws PassthroughError `IMAGE_LIST_INVALID` for a name or a digest that could not be read back
 */
export function formatImages(images: ImagesBySource): ImageText {
    const lines = Object.entries(images)
        .map(([source, digest]) => {
            const line = `${source} ${digest}`;
            const read = parseEntry(line);
            if (read?.[0] === source && read[1] === digest) return `${line}\n`;
            throw invalid(line, "make the lock again with: npm run -s passthrough -- lock --stack <stack>");
        })
        .sort();
    if (lines.length <= LINES) return lines.join("");
    const texts = Math.ceil(lines.length / LINES);
    return Array.from({ length: texts }, (_, at) => lines.slice(at * LINES, (at + 1) * LINES).join(""));
}

/**
 * The images of a list, by source reference.
 * @throws PassthroughError `IMAGE_LIST_INVALID` for a text that `formatImages` did not write
 */
export function toImageMap(list: ImageList): ImagesBySource {
    if (!isText(list)) return list;
    const images = new Map<string, Digest>();
    for (const text of typeof list === "string" ? [list] : list) {
        const lines = text.split("\n");
        if (lines.pop() !== "") throw invalid(text.slice(text.lastIndexOf("\n") + 1), CHANGED);
        for (const line of lines) {
            const entry = parseEntry(line);
            if (entry === undefined || images.has(entry[0])) throw invalid(line, CHANGED);
            images.set(...entry);
        }
    }
    return Object.fromEntries(images);
}

function isText(list: ImageList): list is ImageText {
    return typeof list === "string" || Array.isArray(list);
}

/** What `formatImages` writes. */
export const imageText: z.ZodType<ImageText> = z
    .union([z.string(), z.array(z.string())])
    .refine(isImageText, "not a list of images");

function isImageText(text: ImageText): boolean {
    try {
        toImageMap(text);
        return true;
    } catch {
        return false;
    }
}

/** True if both hold the same images, however they are written. */
export function haveSameImages(a: ImageList, b: ImageList): boolean {
    return isDeepStrictEqual(a, b) || isDeepStrictEqual({ ...toImageMap(a) }, { ...toImageMap(b) });
}

/** A source reference has no blank and no line end (lib/oci/reference.ts). */
const LINE = /^(\S+) (\S+)$/;

/** What a line says; undefined if it is not one that this program wrote. */
function parseEntry(line: string): [source: string, digest: Digest] | undefined {
    const [, source = "", digest = ""] = LINE.exec(line) ?? [];
    return isDigest(digest) ? [source, digest] : undefined;
}

const CHANGED = "restore the state that was changed by hand (`pulumi stack history`, `pulumi stack import`)";

function invalid(line: string, fix: string): PassthroughError {
    const problem = `${JSON.stringify(line)} in the list of images is not an image and its digest`;
    return new PassthroughError(problem, { code: "IMAGE_LIST_INVALID", fix });
}
