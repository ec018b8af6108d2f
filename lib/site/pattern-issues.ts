import { quotedAscii } from "../errors/text";
import type { ConfigIssue } from "./config-issue";
import { keyFix } from "./issues";

/** Names of images are ASCII: a letter of another alphabet, which may look like one of this, would match nothing. */
const NOT_ASCII = /[^\0-\x7f]/u;

/**
 * Patterns over upstream names of images that can match none.
 * @param key of the list: `site.content[0].exclude`
 */
export function patternIssues(key: string, patterns: readonly string[] = []): ConfigIssue[] {
    return patterns.flatMap((text, i) => {
        const code = NOT_ASCII.exec(text)?.[0].codePointAt(0);
        if (code === undefined) return [];
        const named = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
        const problem = `${quotedAscii(text)} has the character ${named}, which no name of an image has`;
        return [{ key: `${key}[${i}]`, problem, fix: keyFix(key) }];
    });
}
