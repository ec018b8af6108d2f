import type { Readable } from "node:stream";
import { hostError } from "./host-error";
import type { RunOptions } from "./command";
import type { HostSession } from "./session";
import { shellWord } from "./shell";

/** A file as it is to be on a host. */
export interface HostFile {
    /** Absolute; its folder exists. */
    readonly path: string;
    /** `bytes` of a stream are checked: a connection that ends looks like the end of the file. */
    readonly content: string | Uint8Array | { readonly stream: Readable; readonly bytes: number };
    /** As of chmod: "0600". */
    readonly mode: string;
    /** As of chown: "root:root"; default: that of the user who writes it. */
    readonly owner?: string | undefined;
}

/**
 * Writes a file in one step: other programs see the former one or all of this one, also after a loss of power. The content
 * is in no command.
 * @throws PassthroughError `HOST_COMMAND_FAILED` with what the host says (a full disk, a folder that does not exist); what
 * `HostSession.run` throws
 */
export async function writeHostFile(
    session: HostSession,
    { path, content, mode, owner }: HostFile,
    options: Omit<RunOptions, "stdin"> = {},
): Promise<void> {
    const source = typeof content === "object" && "stream" in content ? content.stream : content;
    const bytes = typeof content === "object" && "stream" in content ? content.bytes : Buffer.byteLength(content);
    // One name for each file: what a run that was ended leaves, the next one overwrites.
    const temporary = path.replace(/[^/]*$/, (name) => `.${name}.registry-passthrough`);
    const script = [
        "set -eu; export LC_ALL=C; umask 077",
        `to=${shellWord(path)}; from=${shellWord(temporary)}; folder=${shellWord(path.replace(/\/[^/]*$/, "") || "/")}`,
        `rm -f "$from"; trap 'rm -f "$from"' EXIT`,
        'cat > "$from"; written=$(wc -c < "$from")',
        `if [ "$written" -ne ${bytes} ]; then echo "$written of ${bytes} bytes arrived" >&2; exit 1; fi`,
        ...(owner === undefined ? [] : [`chown ${shellWord(owner)} "$from"`]),
        `chmod ${shellWord(mode)} "$from"`,
        'sync "$from"; mv -f "$from" "$to"; sync "$folder"',
    ].join("\n");
    const { status, stderr } = await session.run(script, { ...options, stdin: source });
    if (status === 0) return;
    throw hostError(session.connection, "HOST_COMMAND_FAILED", `it cannot be written: ${lastLine(stderr, status)}`, {
        thing: path,
        fix: "mend that on the host (free disk space, rights of the folder), and run again",
    });
}

/** What a command says last, which is why it failed. */
function lastLine(stderr: string, status: number): string {
    return stderr.trim().split("\n").at(-1)?.trim() || `status ${status}`;
}
