/** Named character references of HTML for what passwords are made of, beside letters and digits. */
const ENTITIES: Readonly<Record<string, string>> = {
    ...{ "&": "amp|AMP", "<": "lt|LT", ">": "gt|GT", '"': "quot|QUOT", "'": "apos", "!": "excl", "#": "num" },
    ...{ $: "dollar", "%": "percnt", "(": "lpar", ")": "rpar", "*": "ast|midast", "+": "plus", ",": "comma" },
    ...{ ".": "period", "/": "sol", ":": "colon", ";": "semi", "=": "equals", "?": "quest", "@": "commat" },
    ...{ "[": "lsqb|lbrack", "\\": "bsol", "]": "rsqb|rbrack", "^": "Hat", _: "lowbar|UnderBar" },
    ...{ "`": "grave|DiacriticalGrave", "{": "lcub|lbrace", "|": "verbar|vert|VerticalLine", "}": "rcub|rbrace" },
};

const SHORT_ESCAPES: Readonly<Record<string, string>> = { "\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f" };

/** A secret this long is also found where a text that was wrapped breaks it up. */
const LEAST_BROKEN = 8;
const LINE_BREAK = "(?:[ \\t]*[\\r\\n]+[ \\t]*| )?";

/**
 * Finds a secret in whatever mixture of escapes a server repeats it: percent-encoding in either case (also twice), HTML's
 * character references, escapes of JSON (also of JSON within JSON), as it is. In linear time, whatever the text is.
 */
export function secretPattern(secret: string): RegExp {
    // Backslashes may be doubled again and again: each run of them is one piece, so that nothing is tried twice.
    const pieces = secret.match(/\\+|[^\\]/gsu) ?? [];
    const between = secret.length < LEAST_BROKEN ? "" : LINE_BREAK;
    return new RegExp(pieces.map(piecePattern).join(between), "gu");
}

function piecePattern(piece: string): string {
    if (piece.startsWith("\\")) return backslashes(piece.length);
    const spellings = [...percent(piece), ...references(piece), ...escapes(piece), literal(piece)];
    return spellings.length === 1 ? (spellings[0] ?? "") : `(?:${spellings.join("|")})`;
}

function backslashes(count: number): string {
    const encoded = ["\\\\u005[cC]", "%(?:25){0,2}5[cC]", "&#0{0,6}92;", "&#[xX]0{0,6}5[cC];", "&bsol;"].join("|");
    return `(?:(?:${encoded}){${count}}|\\\\{${count},${count * 8}})`;
}

function percent(character: string): string[] {
    const bytes = [...Buffer.from(character, "utf8")];
    const encoded = bytes.map((byte) => `%(?:25){0,2}${hex(byte, 2)}`).join("");
    return character === " " ? [encoded, "\\+"] : [encoded];
}

function references(character: string): string[] {
    const point = character.codePointAt(0) ?? 0;
    const name = ENTITIES[character];
    const named = name === undefined ? "" : `|${name}`;
    return [`&(?:amp;)?(?:#0{0,6}${point}|#[xX]0{0,6}${hex(point, 1)}${named});`];
}

function escapes(character: string): string[] {
    const point = character.codePointAt(0) ?? 0;
    const units = character.split("").map((unit) => `\\\\{1,4}u${hex(unit.charCodeAt(0), 4)}`);
    const short = SHORT_ESCAPES[character];
    return [
        units.join(""),
        ...(point < 256 ? [`\\\\{1,4}x${hex(point, 2)}`] : []),
        ...(short === undefined ? [] : [`\\\\{1,4}${short}`]),
        ...(/["'/]/.test(character) ? [`\\\\{1,7}${literal(character)}`] : []),
    ];
}

/** A number in hexadecimal, each letter in either case. */
function hex(value: number, digits: number): string {
    const text = value.toString(16).padStart(digits, "0");
    return text.replace(/[a-f]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
}

/** A lone surrogate cannot stand in a pattern for whole characters as it is. */
function literal(character: string): string {
    if (/\p{Cs}/u.test(character)) return `\\u${(character.codePointAt(0) ?? 0).toString(16)}`;
    return character.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
