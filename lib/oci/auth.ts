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

/** The texts that would give an account away: its password, and what an Authorization header makes of it. */
export function secretForms({ username, password }: Credentials): string[] {
    const pair = `${username}:${password}`;
    const forms = [Buffer.from(pair, "utf8").toString("base64"), encodeURIComponent(password), password];
    return password.length < LEAST_LENGTH ? [pair, ...forms] : forms;
}

/**
 * A text without these secrets. What lies inside a digest stays: a short password that happens to be in one is none
 * there. One below four characters is hidden in quotes and after words like `password`, and stays inside of other words.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
    return secrets.filter((secret) => secret !== "").reduce((shown, secret) => hide(shown, secret), text);
}

function hide(text: string, secret: string): string {
    if (secret.length >= 64) return text.replaceAll(secret, "[secret]");
    if (secret.length < LEAST_LENGTH) return text.replace(asPassword(secret), "[secret]");
    const digests = [...text.matchAll(/\b[0-9a-f]{64}\b/g)].map(({ index }) => index);
    const isInside = (at: number) => digests.some((start) => start <= at && at + secret.length <= start + 64);
    return text.replaceAll(secret, (found, at: number) => (isInside(at) ? found : "[secret]"));
}

/** Where a text shows a secret as what it is: `"…"`, `password=…`, `"password": "…"`, `password …`. */
function asPassword(secret: string): RegExp {
    const literal = secret.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
    const quoted = ['"', "'", "`"].map((quote) => `(?<=${quote})${literal}(?=${quote})`);
    const named = `(?<=(?:passw(?:or)?d|pwd|secret|token)(?:["']?\\s*[:=]\\s*["']?|\\s+["']?))${literal}(?![\\w-])`;
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
