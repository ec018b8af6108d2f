import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Credentials } from "../../lib/http/credentials";
import { PassthroughError, errorMessage, toProblem } from "../../lib/errors/errors";
import { formatReason } from "../../lib/errors/format";
import { homeFolder } from "../../lib/files/home-folder";
import { accountInFile, accountInText } from "./auth-file";
import { keepSecret, printDiagnostic } from "../terminal/output";

/** The account that pushes, or the one that clusters pull with. */
export type Role = "importer" | "puller";

/** Where an account may be found, beside the environment. */
export interface CredentialSources {
    /** `host[:port]/path` that an account is for: where it pushes to, or that of the mirror base. */
    readonly place: (role: Role) => string;
    /** The file of --authfile; no other place is tried then. */
    readonly authfile?: string | undefined;
    /** The stack's own accounts, read only if no place before has one. If they cannot be read, the next places are tried. */
    readonly stack: StackAccounts;
    readonly env?: NodeJS.ProcessEnv;
}

export type StackOutputs = Readonly<Record<string, unknown>>;

/** The accounts in a stack's outputs and configuration. */
export interface StackAccounts {
    /** Its outputs, secrets included. */
    readonly outputs: () => Promise<StackOutputs>;
    /** The account that its configuration holds; none where the registry has robot accounts. */
    readonly configured: (role: Role) => Promise<FoundLogin | undefined>;
    /** Fixes for an account that the registry rejects, and for a stack without an account. */
    readonly fixes: { readonly refused: string; readonly absent: string };
}

/** An account, where it is from, and what to change there if the registry rejects it. */
export interface FoundAccount extends FoundLogin {
    readonly role: Role;
}

export interface FoundLogin {
    readonly credentials: Credentials;
    readonly from: string;
    readonly fix: string;
}

const PREFIXES = { importer: "REGISTRY_PASSTHROUGH", puller: "REGISTRY_PASSTHROUGH_PULLER" } as const;
const OUTPUTS = { importer: "pushSecret", puller: "pullSecret" } as const;

/**
 * Finds an account, and keeps its password out of everything that is printed from then on. In this order: the file of
 * --authfile; the environment; `$REGISTRY_AUTH_FILE`; the stack's own secret output, or before the first `up` its
 * configuration; for pulling, the environment's account that pushes; `$XDG_RUNTIME_DIR/containers/auth.json`;
 * `~/.docker/config.json`.
 * @throws PassthroughError `NO_CREDENTIALS` that names all these places
 */
export async function findAccount(role: Role, sources: CredentialSources): Promise<FoundAccount> {
    let unread: unknown;
    const note = (error: unknown) => void (unread ??= error);
    const account = await searchPlaces(role, sources, note);
    if (account === undefined) throw noAccount(role, sources, unread);
    keepSecret(account.credentials);
    if (unread instanceof PassthroughError && unread.code === "STACK_MISMATCH")
        printDiagnostic(`note: ${errorMessage(unread)}`);
    return { ...account, role };
}

async function searchPlaces(
    role: Role,
    sources: CredentialSources,
    unread: (error: unknown) => undefined,
): Promise<FoundLogin | undefined> {
    const { authfile, env = process.env } = sources;
    const place = sources.place(role);
    if (authfile !== undefined) return inFile(authfile, place);
    const places: readonly (() => FoundLogin | undefined | Promise<FoundLogin | undefined>)[] = [
        () => inEnvironment(PREFIXES[role], env),
        () => (env.REGISTRY_AUTH_FILE ? inFile(env.REGISTRY_AUTH_FILE, place) : undefined),
        () => inOutputs(role, sources).catch(unread),
        () => sources.stack.configured(role).catch(unread),
        () => inEnvironment(PREFIXES.importer, env),
        ...defaultFiles(env).map((path) => () => (existsSync(path) ? inFile(path, place) : undefined)),
    ];
    for (const read of places) {
        const account = await read();
        if (account !== undefined) return account;
    }
    return undefined;
}

/**
 * The account in `<prefix>_USERNAME` and `<prefix>_PASSWORD`.
 * @throws PassthroughError `NO_CREDENTIALS` if one of them is set
 */
export function inEnvironment(prefix: string, env: NodeJS.ProcessEnv): FoundLogin | undefined {
    const names = [`${prefix}_USERNAME`, `${prefix}_PASSWORD`] as const;
    const [username, password] = names.map((name) => env[name]);
    if (!username && !password) return undefined;
    if (username && password) {
        const from = `the environment (${names[0]})`;
        return {
            credentials: { username, password },
            from,
            fix: `set ${names.join(" and ")} to an account that the registry accepts, or unset both`,
        };
    }
    const [set, missing] = username ? names : [names[1], names[0]];
    throw new PassthroughError(`${set} is set in the environment, but ${missing} is not`, {
        code: "NO_CREDENTIALS",
        fix: "set both or none",
    });
}

async function inFile(path: string, place: string): Promise<FoundLogin | undefined> {
    const { credentials, login, warnings } = await accountInFile(path, place);
    for (const warning of warnings) printDiagnostic(`warning: ${warning}`);
    const fix = `log in again: podman login --authfile ${shellWord(path)} ${login}`;
    return credentials === undefined ? undefined : { credentials, from: path, fix };
}

async function inOutputs(role: Role, { stack, place }: CredentialSources): Promise<FoundLogin | undefined> {
    const name = OUTPUTS[role];
    const secret = (await stack.outputs())[name];
    const from = `the stack's output ${name}`;
    const credentials = typeof secret === "string" ? accountInText(secret, from, place(role)) : undefined;
    return credentials === undefined ? undefined : { credentials, from, fix: stack.fixes.refused };
}

/** Quoted for a shell where it must be. */
function shellWord(text: string): string {
    return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function defaultFiles({ XDG_RUNTIME_DIR, DOCKER_CONFIG }: NodeJS.ProcessEnv): string[] {
    const home = homeFolder();
    const docker = DOCKER_CONFIG || (home === undefined ? undefined : join(home, ".docker"));
    return [
        ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, "containers", "auth.json")] : []),
        ...(docker === undefined ? [] : [join(docker, "config.json")]),
    ];
}

function noAccount(
    role: Role,
    { place: placeOf, authfile, stack }: CredentialSources,
    unread: unknown,
): PassthroughError {
    const place = placeOf(role);
    const what = role === "importer" ? "pushes to" : "pulls from";
    const where = authfile === undefined ? "" : ` in ${authfile}`;
    const why = unread === undefined ? "" : ` (the stack's own could not be read: ${formatReason(toProblem(unread))})`;
    const own = unread instanceof PassthroughError ? (unread.fix ?? "") : stack.fixes.absent;
    const first = authfile === undefined && own !== "" ? `${own}; or ` : "";
    return new PassthroughError(`there is no account that ${what} ${place}${where}${why}`, {
        code: "NO_CREDENTIALS",
        fix:
            `${first}name an auth file that has ${place} or its host with --authfile or REGISTRY_AUTH_FILE, or set ` +
            `${PREFIXES[role]}_USERNAME and ${PREFIXES[role]}_PASSWORD`,
    });
}
