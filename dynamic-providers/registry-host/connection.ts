import { PassthroughError, toProblem } from "../../lib/errors/errors";
import { formatProblem } from "../../lib/errors/format";
import { type HostSession, hostLabel, onHost } from "../../lib/ssh";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { RegistryContext } from "../registry/registry-process";
import type { StoredHost } from "../registry/stack-settings";

/** Logs in to a resource's host for one operation. */
export async function withHost<T>(
    inputs: StoredHost,
    { process, signal }: RegistryContext,
    use: (session: HostSession) => Promise<T>,
): Promise<T> {
    return onHost(process.settings.hostConnection(inputs), use, signal);
}

/** Codes of a host of which nothing can be found out now. */
const UNREACHABLE = ["HOST_UNREACHABLE", "HOST_CONNECTION_LOST", "TIMEOUT"];

/**
 * The same for a preview or refresh: a host that cannot be reached is no reason to fail, and nothing on it counts as gone.
 * @param otherwise what the line that is logged then says beside the reason
 * @param tolerates whether every error of the host is only logged
 * @returns undefined if it could not be looked at
 */
export async function withReadableHost<T>(
    inputs: StoredHost,
    context: RegistryContext,
    use: (session: HostSession) => Promise<T>,
    { otherwise, tolerates }: { readonly otherwise: string; readonly tolerates: "all" | "unreachable" },
): Promise<T | undefined> {
    const connection = context.process.settings.hostConnection(inputs);
    if (hasUnknown(connection)) return undefined;
    try {
        return await withHost(inputs, context, use);
    } catch (error) {
        context.signal.throwIfAborted();
        if (!(error instanceof PassthroughError)) throw error;
        if (tolerates === "unreachable" && !UNREACHABLE.includes(error.code)) throw error;
        const reason = formatProblem(toProblem(error));
        context.log.line(
            "warning",
            `the host ${hostLabel(connection)} could not be looked at, ${otherwise}: ${reason}`,
        );
        return undefined;
    }
}
