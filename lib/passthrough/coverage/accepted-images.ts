import { NamePattern } from "../../mirror/name-pattern";
import { parseReference, repositoryName } from "../../oci/reference";
import type { CoveredImage } from "./coverage";

/** Images that a site may lack at the mirror, by patterns over their names; which of these matched none. */
export class AcceptedImages {
    private readonly patterns: readonly { readonly text: string; readonly pattern: NamePattern }[];
    private readonly used = new Set<string>();

    /** @param patterns compared with `host/path`, `host/path:tag`, `host/path@digest`, and the image as an object names it */
    constructor(patterns: readonly string[]) {
        this.patterns = [...new Set(patterns)].map((text) => ({ text, pattern: new NamePattern(text) }));
    }

    has({ image, reference }: Pick<CoveredImage, "image" | "reference">): boolean {
        const pulled = reference === undefined ? [] : [reference, repositoryName(parseReference(reference))];
        const matching = this.patterns.filter(({ pattern }) =>
            [image, ...pulled].some((name) => pattern.matches(name)),
        );
        for (const { text } of matching) this.used.add(text);
        return matching.length > 0;
    }

    /** The patterns that matched no image so far: a typing error, or no longer needed. */
    unused(): string[] {
        return this.patterns.map(({ text }) => text).filter((text) => !this.used.has(text));
    }
}
