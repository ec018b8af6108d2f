import { isDeepStrictEqual } from "node:util";
import { type Digest, isDigest } from "../oci/digest";
import { PassthroughError } from "../oci/errors";
import type { ImagesBySource } from "./offline-plan";

/**
 * Images as resources have them among their inputs, and so in state: one line each, `<source reference> <digest>`,
 * sorted. The first release had a map in place of the text, and state may still hold one; but of a map the SDK and the
 * engine turn over every entry many times in each run (docs/architecture.md, "Images travel as one text").
 */
export type ImageList = string | ImagesBySource;

/** The text of images: the same images are the same text. */
export function formatImages(images: ImagesBySource): string {
    return Object.entries(images)
        .map(([source, digest]) => `${source} ${digest}\n`)
        .sort()
        .join("");
}

/**
 * The images of a list, by source reference.
 * @throws PassthroughError `IMAGE_LIST_INVALID` for a text that `formatImages` did not write
 */
export function imagesOf(list: ImageList): ImagesBySource {
    if (typeof list !== "string") return list;
    const lines = list.split("\n");
    if (lines.pop() !== "") throw invalid(list.slice(list.lastIndexOf("\n") + 1));
    return Object.fromEntries(lines.map(entryOf));
}

/** True for a text of `formatImages`. */
export function isImageText(text: string): boolean {
    try {
        imagesOf(text);
        return true;
    } catch {
        return false;
    }
}

/** True if both hold the same images, however they are written. */
export function sameImages(a: ImageList, b: ImageList): boolean {
    return a === b || isDeepStrictEqual({ ...imagesOf(a) }, { ...imagesOf(b) });
}

function entryOf(line: string): [source: string, digest: Digest] {
    const blank = line.indexOf(" ");
    const digest = line.slice(blank + 1);
    if (blank < 1 || !isDigest(digest)) throw invalid(line);
    return [line.slice(0, blank), digest];
}

function invalid(line: string): PassthroughError {
    return new PassthroughError(`${JSON.stringify(line)} in the list of images is no image and its digest`, {
        code: "IMAGE_LIST_INVALID",
        cure: "state was changed by hand: bring back the one of before (`pulumi stack history`, `pulumi stack import`)",
    });
}
