import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Credentials } from "../../lib/distribution/auth/credentials";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { accountInFile, accountInText } from "./auth-file";
import { keepSecret, printDiagnostic } from "../terminal/output";
import { STACK_ELSEWHERE } from "../stack/pulumi-stack";

/** Which of a site's accounts a command works with: the one that pushes, or the one that clusters pull with. */
export type Role = "importer" | "puller";

/** Where an account may come from, beside the environment. */
export interface CredentialSources {
    /** `host[:port]/path` of the mirror base. */
    readonly place: string;
    /** The file that was named on the command line: it alone is asked then. */
    readonly authfile?: string | undefined;
    /** The stack's own accounts, read only if nothing before them has one; may fail: the other ways are tried. */
    readonly stack: StackAccounts;
    readonly env?: NodeJS.ProcessEnv;
}

export type StackOutputs = Readonly<Record<string, unknown>>;

/** The accounts that a stack itself knows. */
export interface StackAccounts {
    /** Its outputs, secrets included. */
    readonly outputs: () => Promise<StackOutputs>;
    /** The account that its configuration holds; none where the registry has robot accounts. */
    readonly configured: (role: Role) => Promise<FoundAccount | undefined>;
    /** What makes an output work again that the registry refuses, and what makes one where there is none. */
    readonly fixes: { readonly refused: string; readonly absent: string };
}

/** An account and, for people, where it is from, and what to change there if the registry refuses it. */
export interface FoundAccount {
    readonly credentials: Credentials;
    readonly from: string;
    readonly fix: string;
}

const PREFIXES = { importer: "REGISTRY_PASSTHROUGH", puller: "REGISTRY_PASSTHROUGH_PULLER" } as const;
const OUTPUTS = { importer: "pushSecret", puller: "pullSecret" } as const;

/**
 * Finds an account, and keeps its password out of everything that is said from then on. In this order: the file that
 * the command line names; the environment; `$REGISTRY_AUTH_FILE`; the stack's own secret output, or before the first
 * `up` its configuration; for pulling, the environment's account that pushes; `$XDG_RUNTIME_DIR/containers/auth.json`; `~/.docker/config.json`.
 * @throws PassthroughError `NO_CREDENTIALS` that names all these ways
 */
export async function findAccount(role: Role, sources: CredentialSources): Promise<FoundAccount> {
    let unread: unknown;
    const note = (error: unknown) => void (unread ??= error);
    const account = await search(role, sources, note);
    if (account === undefined) throw nowhere(role, sources, unread);
    keepSecret(account.credentials);
    if (unread instanceof PassthroughError && unread.code === STACK_ELSEWHERE)
        printDiagnostic(`note: ${unread.message}`);
    return account;
}

async function search(
    role: Role,
    sources: CredentialSources,
    unread: (error: unknown) => undefined,
): Promise<FoundAccount | undefined> {
    const { authfile, env = process.env } = sources;
    if (authfile !== undefined) return inFile(authfile, sources);
    const ways: readonly (() => FoundAccount | undefined | Promise<FoundAccount | undefined>)[] = [
        () => inEnvironment(PREFIXES[role], env),
        () => (env.REGISTRY_AUTH_FILE ? inFile(env.REGISTRY_AUTH_FILE, sources) : undefined),
        () => inOutputs(role, sources).catch(unread),
        () => sources.stack.configured(role).catch(unread),
        () => inEnvironment(PREFIXES.importer, env),
        ...defaultFiles(env).map((path) => () => (existsSync(path) ? inFile(path, sources) : undefined)),
    ];
    for (const way of ways) {
        const account = await way();
        if (account !== undefined) return account;
    }
    return undefined;
}

function inEnvironment(prefix: string, env: NodeJS.ProcessEnv): FoundAccount | undefined {
    const names = [`${prefix}_USERNAME`, `${prefix}_PASSWORD`] as const;
    const [username, password] = names.map((name) => env[name]);
    if (!username && !password) return undefined;
    if (username && password) {
        const from = `the environment (${names[0]})`;
        return {
            credentials: { username, password },
            from,
            fix: `set ${names.join(" and ")} to one it lets in, or unset both`,
        };
    }
    const [set, missing] = username ? names : [names[1], names[0]];
    throw new PassthroughError(`${set} is set, but ${missing} is not`, {
        code: "NO_CREDENTIALS",
        fix: "set both or none",
    });
}

async function inFile(path: string, { place }: CredentialSources): Promise<FoundAccount | undefined> {
    const { credentials, login, warnings } = await accountInFile(path, place);
    for (const warning of warnings) printDiagnostic(`warning: ${warning}`);
    const fix = `log in again: podman login --authfile ${shellWord(path)} ${login}`;
    return credentials === undefined ? undefined : { credentials, from: path, fix };
}

async function inOutputs(role: Role, { stack, place }: CredentialSources): Promise<FoundAccount | undefined> {
    const name = OUTPUTS[role];
    const secret = (await stack.outputs())[name];
    const from = `the stack's output ${name}`;
    const credentials = typeof secret === "string" ? accountInText(secret, from, place) : undefined;
    return credentials === undefined ? undefined : { credentials, from, fix: stack.fixes.refused };
}

/** A path as a shell takes it for one word. */
function shellWord(text: string): string {
    return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function defaultFiles({ XDG_RUNTIME_DIR, DOCKER_CONFIG }: NodeJS.ProcessEnv): string[] {
    return [
        ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, "containers", "auth.json")] : []),
        join(DOCKER_CONFIG || join(homedir(), ".docker"), "config.json"),
    ];
}

function nowhere(role: Role, { place, authfile, stack }: CredentialSources, unread: unknown): PassthroughError {
    const what = role === "importer" ? "pushes to" : "pulls from";
    const where = authfile === undefined ? "" : ` in ${authfile}`;
    const why = unread === undefined ? "" : ` (the stack's own could not be read: ${messageWithoutFix(unread)})`;
    const own = unread instanceof PassthroughError ? (unread.fix ?? "") : stack.fixes.absent;
    const first = authfile === undefined && own !== "" ? `${own}; or ` : "";
    return new PassthroughError(`there is no account that ${what} ${place}${where}${why}`, {
        code: "NO_CREDENTIALS",
        fix:
            `${first}name an auth file that has ${place} or its host with --authfile or REGISTRY_AUTH_FILE, or set ` +
            `${PREFIXES[role]}_USERNAME and ${PREFIXES[role]}_PASSWORD`,
    });
}

/** The message without its cure: this error has one of its own. */
function messageWithoutFix(error: unknown): string {
    const fix = error instanceof PassthroughError && error.fix !== undefined ? `; ${error.fix}` : "";
    return errorMessage(error).replace(fix, "");
}
