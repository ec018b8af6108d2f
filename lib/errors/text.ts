import { isNestedTooDeeply } from "./nesting";

/** "1 image", "2 images". */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
    return `${count} ${count === 1 ? noun : plural}`;
}

/** The first names, and how many more there are: "a, b and 3 more". */
export function listed(names: readonly string[], most: number): string {
    const more = names.length > most ? ` and ${names.length - most} more` : "";
    const shown = names.slice(0, most).map((name) => printable(bounded(name)));
    return `${shown.join(", ")}${more}`;
}

/** No reference, path or URL that is meant to be read is longer. */
const MAX_WORD = 1000;
/** Longer lines are lists without end: a fix may name a hundred images. */
const MAX_LINE = 40_000;
const WORDS = { long: new RegExp(`(?<!\\S)\\S{${MAX_WORD + 1}}`, "g"), end: /\s/g, most: MAX_WORD };
const LINES = { long: new RegExp(`(?<!.).{${MAX_LINE + 1}}`, "g"), end: /[\n\r\u2028\u2029]/g, most: MAX_LINE };

/**
 * A text for people whose long words and lines are cut, with an ellipsis: what comes from outside may have megabytes.
 * Words are cut first, so that what follows one is still read.
 */
export function bounded(text: string): string {
    if (text.length <= MAX_WORD) return text;
    return cut(cut(text, WORDS), LINES);
}

/** Searches the end of what is too long by itself: `\S+` in one expression overflows the stack at some megabytes. */
function cut(text: string, { long, end, most }: typeof WORDS): string {
    const parts: string[] = [];
    let from = 0;
    for (let start = indexFrom(text, long, 0); start < text.length; start = indexFrom(text, long, from)) {
        parts.push(text.slice(from, start + most), "…");
        from = indexFrom(text, end, start + most);
    }
    return parts.join("") + text.slice(from);
}

/** Index of the first match at or after `from`; the text's length if there is none. */
function indexFrom(text: string, pattern: RegExp, from: number): number {
    pattern.lastIndex = from;
    return pattern.exec(text)?.index ?? text.length;
}

/** The first lines, and one that counts the others. */
export function firstLines(lines: readonly string[], most: number): string[] {
    return lines.length > most ? [...lines.slice(0, most), `… and ${lines.length - most} more`] : [...lines];
}

/** At most the first so many characters, in whole words: a secret that is cut would not be found by a redaction. */
export function firstWords(text: string, most: number): string {
    if (text.length <= most) return text;
    const start = text.slice(0, most + 1);
    return `${start.slice(0, Math.max(0, start.search(/\s\S*$/))).trimEnd()}…`;
}

/** At most the last so many characters, in whole words: a secret that is cut would not be found by a redaction. */
export function lastWords(text: string, most: number): string {
    return text.length > most ? `…${text.slice(-most - 1).replace(/^\S+/, "")}` : text;
}

/** Decimal units, as for disks and networks: 1 kB = 1000 bytes. */
export function formatBytes(bytes: number): string {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let value = bytes;
    let unit = 0;
    // What three digits would round up to 1000 belongs to the next unit.
    while (value >= 999.5 && unit < units.length - 1) {
        value /= 1000;
        unit++;
    }
    return `${unit === 0 ? value.toFixed(0) : value.toPrecision(3)} ${units[unit] ?? "B"}`;
}

/** Control characters, invisible ones, and those that reverse the order of letters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** A name that may be printed: one with characters that a terminal obeys or hides is written as JSON. */
export function printable(name: string): string {
    return name.search(UNPRINTABLE) < 0 ? name : quoted(name);
}

/** As JSON, and so as YAML, with every unprintable character escaped. */
export function quoted(name: string): string {
    return escaped(JSON.stringify(name));
}

/** As `quoted`, with everything escaped that is not ASCII: a letter of another alphabet looks like one of this. */
export function quotedAscii(name: string): string {
    return JSON.stringify(name).replace(/[^ -~]/g, escapeCharacter);
}

/** A text with every unprintable character escaped. */
export function escaped(text: string): string {
    return text.replace(UNPRINTABLE, escapeCharacter);
}

/** The same for a text of several lines, which it stays. Valid JSON stays valid, with the same content. */
export function escapedLines(text: string): string {
    return text.replace(UNPRINTABLE, (found) => (found === "\n" ? found : escapeCharacter(found)));
}

/** Untrusted text as one line: where it has several, they are joined by spaces. */
export function oneLine(text: string): string {
    return escaped(text.replace(/\s*[\r\n\u2028\u2029]\s*/g, " "));
}

function escapeCharacter(found: string): string {
    const escape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
    return found.split("").map(escape).join("");
}

/**
 * Text that stays one cell of a Markdown table and is read as text: it has no code span, no HTML, no link, no image, no
 * mention and no emphasis.
 */
export function markdownCell(text: string, length: number): string {
    const line = shortened(oneLine(text).replaceAll("`", "'"), length);
    return line.replace(/[\\|*_~[\]#<>&@!]/g, (found) => `&#${found.charCodeAt(0)};`);
}

/** Text that stays one cell of a Markdown table and one code span, whatever is in it. */
export function markdownCode(text: string, length: number): string {
    const line = shortened(oneLine(text).replaceAll("`", "'"), length);
    // A backslash before a pipe would end the cell if the pipe got one more: only an odd number keeps it.
    const cell = line.replace(/(\\*)\|/g, (_, before: string) => `${before}${before.length % 2 === 0 ? "\\" : ""}|`);
    return `\`${cell.trim() === "" ? "-" : cell}\``;
}

function shortened(text: string, length: number): string {
    return text.length > length ? `${text.slice(0, length)}…` : text;
}

/**
 * A text as JSON; undefined if it is not JSON, or nested so deeply that it is made to cost memory: four million `[` are
 * four megabytes as a text, and more than 600 MB as values.
 */
export function parseJson(text: string): unknown {
    if (isNestedTooDeeply(text)) return undefined;
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}
