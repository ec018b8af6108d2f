import type { ErrorCode } from "../errors/codes";
import { type ErrorFacts, PassthroughError } from "../errors/errors";
import { type HostConnection, hostLabel } from "./connection";

/** What an error of a host says beside its code. */
type HostErrorFacts = Omit<ErrorFacts, "place" | "code">;

/** Something at a host, or on the way to it, is not as it must be. */
export function hostError(
    connection: HostConnection,
    code: ErrorCode,
    problem: string,
    facts: HostErrorFacts = {},
): PassthroughError {
    return new PassthroughError(problem, { ...facts, code, place: { host: hostLabel(connection) } });
}

/** What ssh2 and Node throw. */
type Failure = Error & { readonly level?: string; readonly code?: string };

/** Why a connection was not made. @param shownKey the key that the host showed; undefined: it showed none */
export function connectError(connection: HostConnection, cause: unknown, shownKey: string | undefined): Error {
    const { level, code, message } = cause as Failure;
    const { address, port, user } = connection;
    if (shownKey !== undefined) return keyMismatch(connection, shownKey);
    // As it is negotiated, the host is asked for a key of the configured type only.
    if (/no matching (host key|server host key)/i.test(message)) {
        const problem = `it has no key of the type ${connection.hostKey.split(/\s/)[0] ?? ""}, which is the configured one`;
        return hostError(connection, "HOST_KEY_MISMATCH", problem, { fix: KEY_FIX });
    }
    if (level === "client-authentication") {
        const also =
            user === "root" ? ", and let root log in with it (PermitRootLogin prohibit-password in sshd_config)" : "";
        const fix = `add the public key to ~${user}/.ssh/authorized_keys on the host, or configure the key that is there${also}`;
        return hostError(connection, "HOST_LOGIN_REJECTED", `it rejects the login of ${user} with this key`, { fix });
    }
    if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
        const fix = "write a name that this machine resolves, or an IP address";
        return hostError(connection, "HOST_UNREACHABLE", `${address} cannot be resolved`, { cause, fix });
    }
    const reason = code === "ECONNREFUSED" ? `nothing listens at port ${port}` : message;
    const fix = `check that ssh -p ${port} ${user}@${address} connects from this machine, and that no firewall is between`;
    return hostError(connection, "HOST_UNREACHABLE", reason, { cause, fix });
}

const KEY_FIX =
    "compare it with /etc/ssh/ssh_host_*_key.pub on the host itself; configure that one if the host was installed again, and " +
    "find out who answers in its place otherwise";

function keyMismatch(connection: HostConnection, shownKey: string): PassthroughError {
    return hostError(connection, "HOST_KEY_MISMATCH", `it shows another key than the configured one: ${shownKey}`, {
        fix: KEY_FIX,
    });
}

/** The connection ended before a command did. */
export function connectionLost(connection: HostConnection, cause?: unknown): PassthroughError {
    const reason = cause instanceof Error ? `: ${cause.message}` : "";
    return hostError(connection, "HOST_CONNECTION_LOST", `the connection ended in the middle of a command${reason}`, {
        cause,
        fix: "run again when the host is reachable; what was not done is done then",
    });
}
