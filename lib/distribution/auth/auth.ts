/** The registry's account that requests are made with. */
export interface Credentials {
    readonly username: string;
    readonly password: string;
}

/** One challenge of a `WWW-Authenticate` header (RFC 9110 §11.6.1): scheme and parameter names in lower case. */
export interface Challenge {
    readonly scheme: string;
    readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Reads the challenges of one or several `WWW-Authenticate` headers. What cannot be read is left out: a registry
 * that sends garbage is treated as one that sends no challenge.
 */
export function parseChallenges(header: string | readonly string[] | undefined): Challenge[] {
    const lines = header === undefined ? [] : typeof header === "string" ? [header] : header;
    return lines.flatMap(parseLine);
}

const SCHEME = /(?:^|,)\s*([A-Za-z][A-Za-z0-9-]*)(?=\s+[A-Za-z0-9_-]+\s*=|\s*$|\s*,)/g;
const PARAMETER = /([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g;

function parseLine(line: string): Challenge[] {
    const unquoted = line.replace(/"(?:[^"\\]|\\.)*"/g, (quoted) => `"${"x".repeat(quoted.length - 2)}"`);
    const starts = [...unquoted.matchAll(SCHEME)];
    return starts.map((match, i) => {
        const from = match.index + match[0].length;
        const parameters: Record<string, string> = {};
        for (const [, name, quoted, token] of line.slice(from, starts[i + 1]?.index).matchAll(PARAMETER)) {
            if (name !== undefined) parameters[name.toLowerCase()] = quoted?.replace(/\\(.)/g, "$1") ?? token ?? "";
        }
        return { scheme: (match[1] ?? "").toLowerCase(), parameters };
    });
}

/** `repository:<name>:<actions>` (distribution, "Token Scope"). */
export function repositoryScope(repository: string, actions: "pull" | "pull,push" | "pull,push,delete"): string {
    return `repository:${repository}:${actions}`;
}

/** The value of an Authorization header for HTTP Basic (RFC 7617, UTF-8). */
export function basicAuthorization(credentials: Credentials): string {
    return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`, "utf8").toString("base64")}`;
}

/**
 * A secret below this many characters is part of so many words that taking it out of all of them would name it: by what
 * is missing. It is taken out where it stands as a password.
 */
const LEAST_LENGTH = 4;

/** The texts that would give an account away: its password, and what headers, forms, JSON and one line make of it. */
export function secretForms({ username, password }: Credentials): string[] {
    const pair = `${username}:${password}`;
    const forms = [
        Buffer.from(pair, "utf8").toString("base64"),
        Buffer.from(pair, "utf8").toString("base64url"),
        // A lone surrogate has no UTF-8: it is sent as U+FFFD.
        encodeURIComponent(Buffer.from(password, "utf8").toString("utf8")),
        new URLSearchParams({ "": password }).toString().slice("=".length),
        JSON.stringify(password).slice(1, -1),
        password.replace(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim(),
        password,
    ];
    const more = password.length < LEAST_LENGTH ? pair : Buffer.from(password, "utf8").toString("base64");
    return [...new Set([more, ...forms])].filter((form) => form !== "");
}

const MARKER = "[secret]";

/** From, and up to but without. */
type Span = readonly [start: number, end: number];

/**
 * A text without these secrets. What lies inside a digest stays: a short password that happens to be in one is none
 * there. One below four characters is hidden in quotes and after words like `password`, and stays inside of other words.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
    const kept = [...text.matchAll(/\b[0-9a-f]{64}\b|\[secret\]/g)].map(spanOf);
    // All are looked for in the text as it came: none breaks another one up, or is found in what stands for one.
    const spans = secrets.filter((secret) => secret !== "").flatMap((secret) => spansOf(secret, text, kept));
    let shown = "";
    let end = 0;
    for (const span of spans.sort(([a], [b]) => a - b)) {
        if (span[0] >= end) shown += `${text.slice(end, span[0])}${MARKER}`;
        end = Math.max(end, span[1]);
    }
    return shown + text.slice(end);
}

/** @param kept where a secret is none, in order and apart from each other */
function spansOf(secret: string, text: string, kept: readonly Span[]): Span[] {
    const found = secret.length < LEAST_LENGTH ? [...text.matchAll(asPassword(secret))].map(spanOf) : all(secret, text);
    if (secret.length >= 64) return found;
    let next = 0;
    return found.filter(([start, end]) => {
        while ((kept[next]?.[1] ?? Infinity) <= start) next++;
        const [from, to] = kept[next] ?? [Infinity, Infinity];
        return !(from <= start && end <= to);
    });
}

function all(secret: string, text: string): Span[] {
    const found: Span[] = [];
    for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + secret.length)) {
        found.push([at, at + secret.length]);
    }
    return found;
}

function spanOf({ index, 0: found }: RegExpExecArray): Span {
    return [index, index + found.length];
}

/** Where a text shows a secret as what it is: `"…"`, `password=…`, `"password": "…"`, `password …`. */
function asPassword(secret: string): RegExp {
    const literal = secret.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
    const quoted = ['"', "'", "`"].map((quote) => `(?<=${quote})${literal}(?=${quote})`);
    const named = `(?<=(?:passw(?:or)?d|pwd|secret|token)(?:["']?\\s{0,8}[:=]\\s{0,8}["']?|\\s{1,8}["']?))${literal}(?![\\w-])`;
    return new RegExp([...quoted, named].join("|"), "gi");
}

/** What a header may carry of a token (RFC 9110 §5.5). */
const VISIBLE = /^[\x21-\x7e]+$/;

/** A bearer token and when it is to be renewed, in milliseconds since the epoch. */
export interface BearerToken {
    readonly token: string;
    /** Milliseconds since the epoch, by our clock. */
    readonly givenAt: number;
    readonly renewAt: number;
}

/** A token endpoint that names no lifetime grants 60 s (distribution, "Token Authentication Specification"). */
const DEFAULT_LIFETIME = 60;

/**
 * Reads the answer of a token endpoint. Renewal is due when nine tenths of the lifetime are over.
 * @returns undefined if the answer holds no token.
 */
export function readToken(answer: unknown, now: number): BearerToken | undefined {
    if (typeof answer !== "object" || answer === null) return undefined;
    const { token, access_token, expires_in } = answer as Record<string, unknown>;
    // Harbor sends an empty access_token beside token.
    const found = [token, access_token].find((value) => typeof value === "string" && VISIBLE.test(value));
    if (typeof found !== "string") return undefined;
    const lifetime = typeof expires_in === "number" && expires_in > 0 ? expires_in : DEFAULT_LIFETIME;
    return { token: found, givenAt: now, renewAt: now + lifetime * 900 };
}
