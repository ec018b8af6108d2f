import { parseBoundedJson } from "../../oci/bounded-json";

/** Where one member of a JSON object stands in the text. Offsets are in UTF-16 units; ends are exclusive. */
export interface JsonMember {
    /** Decoded. */
    readonly name: string;
    readonly start: number;
    readonly valueStart: number;
    readonly end: number;
}

/** Where a JSON object and its members stand in the text. */
export interface JsonObjectSpan {
    /** Of `{`. */
    readonly start: number;
    /** After `}`. */
    readonly end: number;
    readonly members: readonly JsonMember[];
}

const WHITE_SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/sy;
/** Strings, and everything else that is no bracket. */
const OPENING = ["{", "["];
const CLOSING = ["}", "]"];

/**
 * Finds the members of the object that begins at `start`, without reading what their values mean.
 * @param text valid JSON: has been parsed before
 * @returns undefined if the value there is no object
 */
export function objectSpan(text: string, start: number): JsonObjectSpan | undefined {
    if (text[start] !== "{") return undefined;
    const members: JsonMember[] = [];
    let at = skipSpace(text, start + 1);
    while (text[at] !== "}") {
        const member = readMember(text, at);
        members.push(member);
        at = skipSpace(text, member.end);
        if (text[at] === ",") at = skipSpace(text, at + 1);
    }
    return { start, end: at + 1, members };
}

/** The offset of the first character from `at` on that is no white space. */
export function skipSpace(text: string, at: number): number {
    return matchEnd(WHITE_SPACE, text, at);
}

function readMember(text: string, start: number): JsonMember {
    const nameEnd = matchEnd(STRING, text, start);
    const colon = skipSpace(text, nameEnd);
    const valueStart = skipSpace(text, colon + 1);
    const name = parseBoundedJson(text.slice(start, nameEnd)) as string;
    return { name, start, valueStart, end: valueEnd(text, valueStart) };
}

/** Where the value that begins at `start` ends. */
function valueEnd(text: string, start: number): number {
    let depth = 0;
    let at = start;
    do {
        const character = text[at] ?? "";
        if (character === '"') at = matchEnd(STRING, text, at);
        else {
            if (OPENING.includes(character)) depth++;
            else if (CLOSING.includes(character)) depth--;
            at++;
        }
    } while (depth > 0 || !isValueEnd(text, start, at));
    return at;
}

/** Strings, objects and arrays end by themselves; numbers and words end before the next delimiter. */
function isValueEnd(text: string, start: number, at: number): boolean {
    return /["{[]/.test(text[start] ?? "") || at >= text.length || /[\s,}\]]/.test(text[at] ?? "");
}

function matchEnd(pattern: RegExp, text: string, at: number): number {
    pattern.lastIndex = at;
    return pattern.test(text) ? pattern.lastIndex : at;
}
