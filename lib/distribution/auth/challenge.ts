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

/** Also without an end: a search from each quote in it would take its square in time. */
const QUOTED = /"(?:[^"\\]|\\[^])*\\?(?:"|$)/g;

function parseLine(line: string): Challenge[] {
    const unquoted = line.replace(QUOTED, (quoted) => `"${"x".repeat(Math.max(0, quoted.length - 2))}"`);
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
