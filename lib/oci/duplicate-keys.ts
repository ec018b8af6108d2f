import { parseJson } from "../errors/text";

/** A key that an object has twice: JSON takes the later one without a word. */
export interface DuplicateKey {
    readonly key: string;
    /** Of the later one, from 1. */
    readonly line: number;
}

/**
 * The first key that an object of a JSON text has twice, undefined if there is none. The text is scanned once, in about
 * the time that parsing it takes.
 * @param text that can be parsed
 */
export function findDuplicateKey(text: string): DuplicateKey | undefined {
    // A list has no keys of its own, but ends as an object does.
    const open: Set<string>[] = [];
    for (let at = 0; at < text.length; at++) {
        const character = text[at];
        if (character === "{" || character === "[") open.push(new Set());
        else if (character === "}" || character === "]") open.pop();
        if (character !== '"') continue;
        const start = at;
        at = closingQuote(text, start);
        if (!isFollowedByColon(text, at)) continue;
        // The same key may be written with other escapes.
        const key = String(parseJson(text.slice(start, at + 1)));
        const keys = open.at(-1);
        if (keys?.has(key)) return { key, line: text.slice(0, start).split("\n").length };
        keys?.add(key);
    }
    return undefined;
}

/** @param start index of the opening quote */
function closingQuote(text: string, start: number): number {
    let at = start + 1;
    while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
    return at;
}

/** @param end index of a string's closing quote */
function isFollowedByColon(text: string, end: number): boolean {
    let after = end + 1;
    while (/\s/.test(text.charAt(after))) after++;
    return text[after] === ":";
}
