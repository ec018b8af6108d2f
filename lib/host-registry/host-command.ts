import { type HostSession, type RunOptions, hostError } from "../ssh";

/**
 * Runs a command as root that must succeed, in the C locale.
 * @param what it does, for the error: "the image cannot be loaded"
 * @returns what it printed
 * @throws PassthroughError `HOST_COMMAND_FAILED` with the host's words; what `HostSession.run` throws
 */
export async function runAsRoot(
    session: HostSession,
    command: string,
    { what, fix, ...options }: RunOptions & { readonly what: string; readonly fix: string },
): Promise<string> {
    const { status, stdout, stderr } = await session.run(`export LC_ALL=C\n${command}`, { ...options, root: true });
    if (status === 0) return stdout;
    const said = stderr.trim().split("\n").slice(-3).join("; ") || `status ${status}`;
    throw hostError(session.connection, "HOST_COMMAND_FAILED", `${what}: ${said}`, { fix });
}
