import { readFileSync, statSync } from "node:fs";
import { z } from "zod";
import type { Credentials } from "../../lib/http/credentials";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { parseBoundedJson } from "../../lib/oci/bounded-json";
import { askHelper } from "./credential-helper";

const entry = z.looseObject({
    auth: z.string().optional(),
    username: z.string().optional(),
    password: z.string().optional(),
    identitytoken: z.string().optional(),
});
const schema = z.looseObject({
    auths: z.record(z.string(), entry).default({}),
    credHelpers: z.record(z.string(), z.string()).default({}),
    credsStore: z.string().optional(),
});

type AuthFile = z.infer<typeof schema>;

/** The account of an auth file for one registry, and warnings about the file. */
export interface FoundAuth {
    readonly credentials?: Credentials;
    /** The argument of `podman login` that changes this entry: `host[:port]`, or with a path where the entry has one. */
    readonly login: string;
    readonly warnings: readonly string[];
}

/**
 * The account for a mirror base (`host[:port]/path`) in a docker-style auth file (containers-auth.json(5)): the entry
 * of its longest path, at last that of the host alone. Entries in the file are used before helpers of their host, and
 * these before the store for all hosts, as in containers/image.
 * @throws PassthroughError `AUTH_FILE_INVALID` if the file cannot be read or its entry holds no password
 */
export async function accountInFile(path: string, place: string): Promise<FoundAuth> {
    const file = parseAuthFile(readAuthFile(path), path);
    return { ...(await findAccount(file, path, place)), warnings: permissionWarnings(path) };
}

/** The same for the text of a dockerconfigjson; helpers are not asked. */
export function accountInText(text: string, from: string, place: string): Credentials | undefined {
    const file = parseAuthFile(text, from);
    const key = findKey(file.auths, place);
    return key === undefined ? undefined : readCredentials(file.auths[key] ?? {}, from, key);
}

async function findAccount(file: AuthFile, path: string, place: string): Promise<Omit<FoundAuth, "warnings">> {
    const key = findKey(file.auths, place);
    const host = hostPart(place);
    const login = key === undefined || key.includes("://") ? host : key;
    // Docker leaves an empty entry where a helper holds the password.
    if (key !== undefined && Object.keys(file.auths[key] ?? {}).length > 0) {
        return { credentials: readCredentials(file.auths[key] ?? {}, path, key), login };
    }
    const helper = file.credHelpers[findKey(file.credHelpers, place) ?? host] ?? file.credsStore;
    const credentials = helper === undefined ? undefined : await askHelper(helper, key ?? host, path);
    return credentials === undefined ? { login } : { credentials, login };
}

function readAuthFile(path: string): string {
    try {
        return readFileSync(path, "utf8");
    } catch (cause) {
        throw invalidFile(path, errorMessage(cause), "name an auth file that exists and is readable", cause);
    }
}

/** A parser's own message may quote the text, and so the secrets in it. */
function parseAuthFile(text: string, from: string): AuthFile {
    let document: unknown;
    try {
        document = parseBoundedJson(text);
    } catch {
        throw invalidFile(from, "not JSON", LOG_IN);
    }
    const parsed = schema.safeParse(document);
    if (parsed.success) return parsed.data;
    const places = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
    throw invalidFile(from, places, LOG_IN);
}

/** The most specific key for a place, its host in any case; docker also writes hosts as `https://host/v1/`. */
function findKey(entries: Readonly<Record<string, unknown>>, place: string): string | undefined {
    const parts = place.split("/");
    const host = hostPart(place);
    const candidates = [
        ...parts.map((_, i) => parts.slice(0, parts.length - i).join("/")),
        ...[`https://${host}`, `https://${host}/`, `https://${host}/v1/`, `https://${host}/v2/`, `http://${host}`],
    ];
    const keys = Object.keys(entries);
    for (const candidate of candidates) {
        if (Object.hasOwn(entries, candidate)) return candidate;
        const key = keys.find((each) => withLowerCaseHost(each) === candidate);
        if (key !== undefined) return key;
    }
    return undefined;
}

/** `docker login` keeps the host as it was typed. */
function withLowerCaseHost(key: string): string {
    return key.replace(/^(?:https?:\/\/)?[^/]*/i, (host) => host.toLowerCase());
}

function hostPart(place: string): string {
    return place.split("/")[0] ?? place;
}

function readCredentials(found: z.infer<typeof entry>, from: string, key: string): Credentials {
    const decoded = found.auth === undefined ? undefined : decodeAuth(found.auth);
    const username = found.username ?? decoded?.username;
    const password = found.password ?? decoded?.password;
    if (username && password) return { username, password };
    const what = found.identitytoken === undefined ? "no user name and password" : "an identity token, no password";
    throw invalidFile(from, `the entry ${key} holds ${what}`, `log in with a password: podman login ${hostPart(key)}`);
}

/** base64 of `user:password`; the user has no colon. Docker pads with NUL. */
function decodeAuth(auth: string): Credentials | undefined {
    const text = Buffer.from(auth, "base64").toString("utf8").replace(/\0+$/, "");
    const colon = text.indexOf(":");
    return colon === -1 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** A file that others can read is used, with a warning. */
function permissionWarnings(path: string): string[] {
    const { mode } = statSync(path);
    const octal = (mode & 0o777).toString(8).padStart(4, "0");
    return (mode & 0o077) === 0
        ? []
        : [`auth file ${path} can be read by others (mode ${octal}); close it with: chmod 600 ${path}`];
}

const LOG_IN = "create it with: podman login --authfile FILE HOST";

function invalidFile(file: string, problem: string, fix: string, cause?: unknown): PassthroughError {
    return new PassthroughError(problem, { code: "AUTH_FILE_INVALID", place: { file }, fix, cause });
}
