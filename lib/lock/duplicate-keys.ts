import { parseJson } from "../errors/text";

/** A key that an object has twice: JSON takes the later one without a word. */
export interface DuplicateKey {
    readonly key: string;
    /** Of the later one, from 1. */
    readonly line: number;
}

/**
 * The first key that an object of a JSON text has twice, undefined if there is none. Takes a time in proportion to the
 * text: the keys of the text are counted, and looked for only if the document has fewer.
 * @param text that was parsed
 * @param document what it was parsed to
 */
export function findDuplicateKey(text: string, document: unknown): DuplicateKey | undefined {
    let count = 0;
    for (const token of stringTokens(text)) if (token.isKey) count++;
    return count === keyCount(document) ? undefined : locate(text);
}

function keyCount(document: unknown): number {
    let count = 0;
    for (const open = [document]; open.length > 0;) {
        const value = open.pop();
        if (typeof value !== "object" || value === null) continue;
        const inner = Object.values(value);
        if (!Array.isArray(value)) count += inner.length;
        // Not spread: a list may have more entries than a call may have arguments.
        for (const entry of inner) open.push(entry);
    }
    return count;
}

/** A string of a JSON text: its quotes, and whether it is a key. */
interface StringToken {
    readonly start: number;
    readonly end: number;
    readonly isKey: boolean;
}

function* stringTokens(text: string): Generator<StringToken> {
    for (let start = text.indexOf('"'); start !== -1;) {
        const end = closingQuote(text, start);
        let after = end + 1;
        while (/\s/.test(text.charAt(after))) after++;
        yield { start, end, isKey: text[after] === ":" };
        start = text.indexOf('"', end + 1);
    }
}

function closingQuote(text: string, start: number): number {
    for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
        let backslashes = 0;
        while (text[end - 1 - backslashes] === "\\") backslashes++;
        if (backslashes % 2 === 0) return end;
    }
    return text.length;
}

function locate(text: string): DuplicateKey | undefined {
    const objects: Set<string>[] = [];
    let read = 0;
    for (const { start, end, isKey } of stringTokens(text)) {
        for (const character of text.slice(read, start)) {
            // A list has no keys of its own, but ends.
            if (character === "{" || character === "[") objects.push(new Set());
            else if (character === "}" || character === "]") objects.pop();
        }
        read = end + 1;
        if (!isKey) continue;
        // The same key may be written with other escapes.
        const key = String(parseJson(text.slice(start, end + 1)));
        const keys = objects.at(-1);
        if (keys?.has(key)) return { key, line: text.slice(0, start).split("\n").length };
        keys?.add(key);
    }
    return undefined;
}
