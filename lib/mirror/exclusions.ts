import type { Digest } from "../oci/digest";
import { parseSourceKey, repositoryName } from "../oci/reference";
import { NamePattern } from "./name-pattern";

/** One pattern for images that a set leaves out. */
export interface ExcludePattern {
    /** Where it is written, for messages: `site.content[0].exclude[1]`, `--exclude`. */
    readonly key: string;
    /** Compared with `host/path`, `host/path:tag` and `host/path@digest`. */
    readonly pattern: string;
}

/** The images that a set leaves out, and which of its patterns match one. */
export class Exclusions {
    private readonly rules: readonly { readonly rule: ExcludePattern; readonly pattern: NamePattern }[];
    private readonly used = new Set<ExcludePattern>();

    constructor(patterns: readonly ExcludePattern[]) {
        this.rules = patterns.map((rule) => ({ rule, pattern: new NamePattern(rule.pattern) }));
    }

    /**
     * The first pattern that matches an image.
     * @param source its source reference
     * @param digest absent: it is not known
     */
    find(source: string, digest?: Digest): ExcludePattern | undefined {
        if (this.rules.length === 0) return undefined;
        const repository = repositoryName(parseSourceKey(source));
        const names = [source, repository, ...(digest === undefined ? [] : [`${repository}@${digest}`])];
        const matching = this.rules.filter(({ pattern }) => names.some((name) => pattern.matches(name)));
        for (const { rule } of matching) this.used.add(rule);
        return matching[0]?.rule;
    }

    /** The patterns that matched nothing so far: most often a typing error. */
    unused(): readonly ExcludePattern[] {
        return this.rules.map(({ rule }) => rule).filter((rule) => !this.used.has(rule));
    }
}

/** A line of the configuration names this many images; the next attempt names the others. */
const NAMED = 100;

/** How to leave these images out, with the key to paste. */
export function excludeFix(sources: readonly string[]): string {
    const images = [...new Set(sources)].slice(0, NAMED).map((source) => JSON.stringify(source));
    // Not at the end: messages append the names of images to a fix.
    const what = images.length === 1 ? "it" : "them";
    return `leave ${what} out: add exclude: [${images.join(", ")}] to the set in site.content, and lock the set again`;
}
