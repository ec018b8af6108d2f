import { parseJson } from "../errors/text";
import type { Credentials } from "../http/credentials";
import { secretPattern } from "./secret-pattern";

/**
 * A secret below this many characters is part of so many words that taking it out of all of them would name it: by what
 * is missing. It is taken out where it stands as a password.
 */
const LEAST_LENGTH = 4;

/**
 * The texts that would give an account away: its password, and what headers, forms, JSON and one line make of it. Each is
 * searched for in every mixture of escapes (`secretPattern`).
 */
export function secretForms({ username, password }: Credentials): string[] {
    const pair = `${username}:${password}`;
    const forms = [
        ...base64Forms(pair),
        ...(password.length < LEAST_LENGTH ? [] : encodedForms(password)),
        // A lone surrogate has no UTF-8: it is sent as U+FFFD.
        encodeURIComponent(Buffer.from(password, "utf8").toString("utf8")),
        new URLSearchParams({ "": password }).toString().slice("=".length),
        JSON.stringify(password).slice(1, -1),
        password.replace(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim(),
        password,
    ];
    const more = password.length < LEAST_LENGTH ? [pair] : [];
    return [...new Set([...more, ...forms])].filter((form) => form !== "");
}

function base64Forms(text: string): string[] {
    const bytes = Buffer.from(text, "utf8");
    const padded = bytes.toString("base64");
    return [padded, padded.replace(/=+$/, ""), bytes.toString("base64url")];
}

/** Base64 has a text at three offsets: this much of it is the same whatever is before and after. */
const LEAST_CORE = 8;

function encodedForms(password: string): string[] {
    const bytes = Buffer.from(password, "utf8");
    const cores = [0, 1, 2].flatMap((before) => {
        const shifted = Buffer.concat([Buffer.alloc(before), bytes]);
        const core = (text: string) => text.slice(before === 0 ? 0 : before + 1, Math.floor((shifted.length * 8) / 6));
        return [core(shifted.toString("base64")), core(shifted.toString("base64url"))];
    });
    const hexadecimal = bytes.toString("hex");
    return [
        ...base64Forms(password),
        ...cores.filter((core) => core.length >= LEAST_CORE),
        ...[hexadecimal, hexadecimal.toUpperCase()],
        ...decodedForms(password),
    ];
}

/** What a server makes of a password that it takes for JSON, or for a form. */
function decodedForms(password: string): string[] {
    const decoded = [parseJson(`"${password}"`), decodeUri(password)];
    return decoded.filter((form) => typeof form === "string").filter((form) => form.length >= LEAST_LENGTH);
}

function decodeUri(text: string): string | undefined {
    try {
        return decodeURIComponent(text);
    } catch {
        return undefined;
    }
}

/**
 * The texts that would give secrets of a connection away: a private key in every form and each line of it, the password of
 * an account.
 */
export function connectionForms(secrets: object): string[] {
    return Object.values(secrets).flatMap((secret: unknown) => {
        if (typeof secret === "string")
            return [...secretForms({ username: "", password: secret }), ...keyLines(secret)];
        const { username, password } = (secret ?? {}) as Partial<Credentials>;
        return typeof password === "string" ? secretForms({ username: String(username), password }) : [];
    });
}

/** Lines of a PEM text that are secret: not its first and last one, and no short rest that may occur elsewhere. */
function keyLines(text: string): string[] {
    return text.split(/\s+/).filter((line) => /^[A-Za-z0-9+/=]{16,}$/.test(line));
}

const MARKER = "[secret]";

/** From, and up to but without. */
type Span = readonly [start: number, end: number];

/**
 * A text without these secrets. What lies inside a digest stays: a short password that happens to be in one is none
 * there. One below four characters is hidden in quotes and after words like `password`, and stays inside of other words.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
    const kept = [...text.matchAll(/\b[0-9a-f]{64}\b|\[secret\]/g)].map(toSpan);
    // All are looked for in the text as it came: none breaks another one up, or is found in what stands for one.
    const searched = withoutUrlEscapes(text);
    const spans = secrets
        .filter((secret) => secret !== "")
        .flatMap((secret) => [
            ...(mayContain(searched, secret) ? findSpans(secret, text, kept) : []),
            ...findCut(secret, text),
        ]);
    let shown = "";
    let end = 0;
    for (const span of spans.sort(([a], [b]) => a - b)) {
        if (span[0] >= end) shown += `${text.slice(end, span[0])}${MARKER}`;
        end = Math.max(end, span[1]);
    }
    return shown + text.slice(end);
}

const ESCAPE = /[%&\\]/;
/** `/` and `:` in a URL: what most texts have of escapes. */
const URL_ESCAPES: readonly (readonly [RegExp, string])[] = [
    [/%(?:25)*2f/gi, "/"],
    [/%(?:25)*3a/gi, ":"],
];
/** What may be the rest of such an escape. */
const REST_OF_ESCAPE = /^[2-5af]/i;

/** A text without the escapes of a URL and without white space, in which a secret stands as it is, if it does at all. */
function withoutUrlEscapes(text: string): string {
    const decoded = URL_ESCAPES.reduce((shown, [escape, character]) => shown.replace(escape, character), text);
    return decoded.replace(/[\s+]+/g, "");
}

/**
 * Saves most searches for a pattern (`secretPattern`), which take long: a debug log looks for every secret in every line.
 * @param searched the text `withoutUrlEscapes`
 * @returns false only if the text contains the secret in no form
 */
function mayContain(searched: string, secret: string): boolean {
    // Short ones are found in either case; the others may begin or end within an escape that was replaced.
    const needsPattern = secret.length < LEAST_LENGTH || ESCAPE.test(secret) || REST_OF_ESCAPE.test(secret);
    return needsPattern || ESCAPE.test(searched) || searched.includes(secret.replace(/[\s+]+/g, ""));
}

/** @param kept where a secret is none, in order and apart from each other */
function findSpans(secret: string, text: string, kept: readonly Span[]): Span[] {
    const found = secret.length < LEAST_LENGTH ? [...text.matchAll(asPassword(secret))].map(toSpan) : all(secret, text);
    if (secret.length >= 64) return found;
    let next = 0;
    return found.filter(([start, end]) => {
        while ((kept[next]?.[1] ?? Infinity) <= start) next++;
        const [from, to] = kept[next] ?? [Infinity, Infinity];
        return !(from <= start && end <= to);
    });
}

/** Patterns are long: each is made once. */
const patterns = new Map<string, RegExp>();
const MAX_PATTERNS = 1000;
/** Longer ones are tokens, whose letters no escaping changes. */
const MAX_PATTERN_LENGTH = 256;

function all(secret: string, text: string): Span[] {
    if (secret.length > MAX_PATTERN_LENGTH) return plain(secret, text);
    const pattern = patterns.get(secret) ?? secretPattern(secret);
    if (patterns.size >= MAX_PATTERNS) patterns.clear();
    patterns.set(secret, pattern);
    return [...text.matchAll(pattern)].map(toSpan);
}

function plain(secret: string, text: string): Span[] {
    const found: Span[] = [];
    for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + secret.length)) {
        found.push([at, at + secret.length]);
    }
    return found;
}

/** The beginning of a secret before an ellipsis: a long text was cut within it. */
function findCut(secret: string, text: string): Span[] {
    return [...text.matchAll(/…/g)].flatMap(({ index }) => {
        const before = text.slice(Math.max(0, index - secret.length), index);
        for (let length = Math.min(before.length, secret.length); length >= LEAST_LENGTH; length--) {
            if (before.endsWith(secret.slice(0, length))) return [[index - length, index] as const];
        }
        return [];
    });
}

function toSpan({ index, 0: found }: RegExpExecArray): Span {
    return [index, index + found.length];
}

/** Where a text shows a secret as what it is: `"…"`, `password=…`, `"password": "…"`, `password …`. */
function asPassword(secret: string): RegExp {
    const literal = secret.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
    const quoted = ['"', "'", "`"].map((quote) => `(?<=${quote})${literal}(?=${quote})`);
    const named = `(?<=(?:passw(?:or)?d|pwd|secret|token)(?:["']?\\s{0,8}[:=]\\s{0,8}["']?|\\s{1,8}["']?))${literal}(?![\\w-])`;
    return new RegExp([...quoted, named].join("|"), "gi");
}
