import { hostError, type CommandResult, type HostSession, type RunOptions } from "../ssh";

/** Texts of programs on the host are compared: not in its language, and `~` is root's. */
const PREAMBLE = "export LC_ALL=C HOME=/root USER=root; umask 077";

export interface RootScript {
    /** What it works on, for errors. */
    readonly thing: string;
    /** How to mend it if it fails. */
    readonly fix?: string;
}

/** Runs a script as root, whatever its status is. */
export async function tryAsRoot(
    session: HostSession,
    lines: readonly string[],
    options: RunOptions = {},
): Promise<CommandResult> {
    return session.run([PREAMBLE, ...lines].join("\n"), { ...options, root: true });
}

/**
 * Runs a script as root that is to succeed; it ends at the first command that fails.
 * @returns what it prints
 * @throws PassthroughError `HOST_COMMAND_FAILED` with the last line of its errors
 */
export async function asRoot(
    session: HostSession,
    { thing, fix }: RootScript,
    lines: readonly string[],
    options: RunOptions = {},
): Promise<string> {
    const result = await tryAsRoot(session, ["set -eu", ...lines], options);
    if (result.status === 0) return result.stdout;
    const said = result.stderr.trim().split("\n").at(-1)?.trim() || `a command ended with status ${result.status}`;
    throw hostError(session.connection, "HOST_COMMAND_FAILED", said, {
        thing,
        fix: fix ?? "mend that on the host, and run again; what was done stays",
    });
}

/** Lines of the form `name value`, as scripts here print facts; each name has all of its values. */
export function readFacts(text: string): ReadonlyMap<string, readonly string[]> {
    const facts = new Map<string, string[]>();
    for (const line of text.split("\n")) {
        const [, name, value = ""] = /^([a-z-]+)(?: (.*))?$/.exec(line.trimEnd()) ?? [];
        if (name !== undefined) facts.set(name, [...(facts.get(name) ?? []), value]);
    }
    return facts;
}
