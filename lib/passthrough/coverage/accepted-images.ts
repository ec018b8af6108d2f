import { NamePattern } from "../../mirror/name-pattern";
import { parseReference, repositoryName } from "../../oci/reference";
import type { CoveredImage } from "./coverage";

type NamedImage = Pick<CoveredImage, "image" | "reference">;

/**
 * True if a site may lack the image at the mirror.
 * @param accept patterns over `host/path`, `host/path:tag`, `host/path@digest`, and the image as an object names it
 */
export function isAccepted(image: NamedImage, accept: readonly string[]): boolean {
    return accept.some((pattern) => matches(pattern, image));
}

/** The patterns that accept none of these images, each once: a typing error, or no longer needed. */
export function unusedAccepts(accept: readonly string[], images: readonly NamedImage[]): string[] {
    return [...new Set(accept)].filter((pattern) => !images.some((image) => matches(pattern, image)));
}

function matches(text: string, { image, reference }: NamedImage): boolean {
    const pattern = new NamePattern(text);
    const pulled = reference === undefined ? [] : [reference, repositoryName(parseReference(reference))];
    return [image, ...pulled].some((name) => pattern.matches(name));
}
