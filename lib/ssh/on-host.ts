import { Client, utils } from "ssh2";
import { errorMessage } from "../errors/errors";
import { type HostConnection, type HostKey, parseHostKey, signatureAlgorithms } from "./connection";
import { connectError, hostError } from "./host-error";
import { type HostSession, createSession } from "./session";

const READY_MS = 20_000;
/** A host that has gone is noticed after a minute, also while a command prints nothing. */
const KEEPALIVE = { keepaliveInterval: 15_000, keepaliveCountMax: 4 } as const;

/**
 * Does some work on a host over one SSH connection, which is closed afterwards. The host is who it is to be before the
 * login is sent, and the login is by public key alone.
 * @param signal ends the connection, and every command with it
 * @throws PassthroughError `SSH_KEY_INVALID`, `HOST_UNREACHABLE`, `HOST_KEY_MISMATCH`, `HOST_LOGIN_REJECTED`; what the work
 * throws; the signal's reason
 */
export async function onHost<T>(
    connection: HostConnection,
    work: (session: HostSession) => Promise<T>,
    signal?: AbortSignal,
): Promise<T> {
    signal?.throwIfAborted();
    const hostKey = parseHostKey(connection.hostKey);
    requirePrivateKey(connection);
    const client = new Client();
    // ssh2 emits errors of a connection that has been made, too: commands see it closed.
    client.on("error", () => undefined);
    try {
        await connect(client, connection, hostKey, signal);
        return await work(createSession(client, connection, signal));
    } finally {
        client.end();
        client.destroy();
    }
}

/** @throws PassthroughError `SSH_KEY_INVALID`; never with a part of the key in it */
function requirePrivateKey(connection: HostConnection): void {
    const { privateKey, passphrase } = connection;
    const parsed = utils.parseKey(privateKey, passphrase);
    if (!(parsed instanceof Error) && parsed.isPrivateKey()) return;
    const isEncrypted = /no passphrase given/i.test(errorMessage(parsed));
    const problem = isEncrypted
        ? "it is encrypted, and no passphrase is configured"
        : passphrase === undefined
          ? "it is no private key that can be read"
          : "it cannot be read with the passphrase that is configured";
    const fix = isEncrypted
        ? "configure its passphrase, or a key without one for this program"
        : "make a key with ssh-keygen -t ed25519, and configure the file without .pub";
    throw hostError(connection, "SSH_KEY_INVALID", problem, { thing: "private key", fix });
}

function connect(
    client: Client,
    connection: HostConnection,
    hostKey: HostKey,
    signal: AbortSignal | undefined,
): Promise<void> {
    const { address, port, user, privateKey, passphrase } = connection;
    return new Promise((resolve, reject) => {
        let shownKey: string | undefined;
        const abort = () => {
            reject(signal?.reason as Error);
            client.destroy();
        };
        signal?.addEventListener("abort", abort, { once: true });
        const over = (settle: () => void) => {
            signal?.removeEventListener("abort", abort);
            settle();
        };
        client.once("ready", () => over(resolve));
        client.once("error", (error) => over(() => reject(connectError(connection, error, shownKey))));
        client.once("close", () =>
            over(() => reject(connectError(connection, new Error("it closes the connection at once"), shownKey))),
        );
        client.connect({
            ...{ host: address, port, username: user, privateKey, readyTimeout: READY_MS, ...KEEPALIVE },
            ...(passphrase === undefined ? {} : { passphrase }),
            authHandler: ["publickey"],
            algorithms: { serverHostKey: signatureAlgorithms(hostKey.type) as never },
            hostVerifier: (shown: Buffer) => {
                if (shown.equals(hostKey.blob)) return true;
                shownKey = `${hostKey.type} ${shown.toString("base64")}`;
                return false;
            },
        });
        // As ssh(1) does: ssh2 leaves small packets to Nagle's algorithm, which waits for delayed acknowledgements.
        client.setNoDelay(true);
    });
}
