import type { ImageMark } from "./image-set";

/** A note names this many images, and the count of the others. */
const NAMED = 20;

/** What people must know of images whose digest is not upstream's, as sentences that name them. */
export function markNotes(marks: Readonly<Record<string, ImageMark>>): string[] {
    return [
        ...note(marks, "tag-only", (count) => {
            return count === 1
                ? "1 image is known by tag only: its upstream digest is lost, so pulls by digest will not find it"
                : `${count} images are known by tag only: their upstream digest is lost, so pulls by digest will not find them`;
        }),
        ...note(marks, "rebuilt", (count) => {
            return count === 1
                ? "1 image was rebuilt by the mirroring tool: its tag has another digest than upstream"
                : `${count} images were rebuilt by the mirroring tool: their tags have other digests than upstream`;
        }),
    ];
}

function note(
    marks: Readonly<Record<string, ImageMark>>,
    wanted: ImageMark,
    sentence: (count: number) => string,
): string[] {
    // Only kept by its digest, for what later sets build on: no pull asks for it.
    const sources = Object.keys(marks).filter((source) => marks[source] === wanted && !source.includes("@"));
    if (sources.length === 0) return [];
    const more = sources.length > NAMED ? ` and ${sources.length - NAMED} more` : "";
    return [`${sentence(sources.length)}: ${sources.sort().slice(0, NAMED).join(", ")}${more}`];
}
