import { counted, firstLines, printable } from "../errors/text";
import type { Lock } from "../lock";
import { type ExcludePattern, Exclusions } from "../mirror/exclusions";
import type { ConfigIssue } from "./config-issue";
import { patternIssues } from "./pattern-issues";
import type { ContentDocument } from "./schema";

/** An issue names this many images. */
const NAMED = 5;

/**
 * The exclude patterns of a set, each with its key.
 * @param index of the set in `site.content`
 */
export function configuredExclusions({ exclude = [] }: ContentDocument, index: number): ExcludePattern[] {
    return exclude.map((pattern, i) => ({ key: `site.content[${index}].exclude[${i}]`, pattern }));
}

/** Patterns of all sets that can match no image. */
export function excludePatternIssues(documents: readonly ContentDocument[]): ConfigIssue[] {
    return documents.flatMap(({ exclude }, i) => patternIssues(`site.content[${i}].exclude`, exclude));
}

/**
 * Where the `exclude` of a set is not what its lock file was written with: the lock file would import images that are to be
 * left out, or leave out images that are wanted.
 * @param index of the set in `site.content`
 */
export function excludeIssues(document: ContentDocument, index: number, lock: Lock, stack: string): ConfigIssue[] {
    const patterns = configuredExclusions(document, index);
    const exclusions = new Exclusions(patterns);
    const included = new Map<string, string[]>();
    for (const [image, digest] of Object.entries({ ...lock.earlier.images, ...lock.images })) {
        const key = exclusions.find(image, digest)?.key;
        if (key !== undefined) included.set(key, [...(included.get(key) ?? []), image]);
    }
    const fix = `write the lock file again: npm run -s passthrough -- lock --stack ${stack}`;
    const matching = [...included].map(([key, images]) => {
        const problem = `${document.lock} has ${counted(images.length, "image")} that it matches: ${names(images)}`;
        return { key, problem, fix };
    });
    const left = Object.entries(lock.excluded ?? {}).filter(
        ([, by]) => !patterns.some(({ pattern }) => pattern === by),
    );
    if (left.length === 0) return matching;
    const absent = [...new Set(left.map(([, by]) => by))];
    const problem =
        `${document.lock} leaves out ${counted(left.length, "image")} by ${names(absent)}, which is not listed here: ` +
        names(left.map(([image]) => image));
    return [...matching, { key: `site.content[${index}].exclude`, problem, fix: `${fix}; or list it again` }];
}

function names(all: readonly string[]): string {
    return firstLines([...all].sort().map(printable), NAMED).join(", ");
}
