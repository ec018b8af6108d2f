import { isDeepStrictEqual } from "node:util";
import { type Digest, isDigest } from "../oci/digest";
import { PassthroughError } from "../errors/errors";
import type { ImagesBySource } from "./plan/offline-plan";

/**
 * Images as resources have them among their inputs, and so in state: one line each, `<source reference> <digest>`,
 * sorted. The first release had a map in place of the text, and state may still hold one; but of a map the SDK and the
 * engine turn over every entry many times in each run (docs/architecture.md, "The images of a set are one string").
 */
export type ImageList = string | ImagesBySource;

/**
 * The text of images: the same images are the same text, and `toImageMap` reads them back.
 * @throws PassthroughError `IMAGE_LIST_INVALID` for a name or a digest that could not be read back
 */
export function formatImages(images: ImagesBySource): string {
    return Object.entries(images)
        .map(([source, digest]) => {
            const line = `${source} ${digest}`;
            const read = parseEntry(line);
            if (read?.[0] === source && read[1] === digest) return `${line}\n`;
            throw invalid(line, "make the lock again with: npm run -s passthrough -- lock --stack <stack>");
        })
        .sort()
        .join("");
}

/**
 * The images of a list, by source reference.
 * @throws PassthroughError `IMAGE_LIST_INVALID` for a text that `formatImages` did not write
 */
export function toImageMap(list: ImageList): ImagesBySource {
    if (typeof list !== "string") return list;
    const lines = list.split("\n");
    if (lines.pop() !== "") throw invalid(list.slice(list.lastIndexOf("\n") + 1), CHANGED);
    const images = new Map<string, Digest>();
    for (const line of lines) {
        const entry = parseEntry(line);
        if (entry === undefined || images.has(entry[0])) throw invalid(line, CHANGED);
        images.set(...entry);
    }
    return Object.fromEntries(images);
}

/** True for a text of `formatImages`. */
export function isImageText(text: string): boolean {
    try {
        toImageMap(text);
        return true;
    } catch {
        return false;
    }
}

/** True if both hold the same images, however they are written. */
export function haveSameImages(a: ImageList, b: ImageList): boolean {
    return a === b || isDeepStrictEqual({ ...toImageMap(a) }, { ...toImageMap(b) });
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
