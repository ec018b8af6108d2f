import { once } from "node:events";
import { type Socket, isIP } from "node:net";
import type { Credentials } from "../http/credentials";
import { withoutBrackets } from "../http/hostname";

const VERSION = 5;
const NO_LOGIN = 0;
const PASSWORD_LOGIN = 2;
const DOMAIN_NAME = 3;
/** Bytes of an address in a reply, by its type: IPv4, IPv6. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = { 1: 4, 4: 16 };
/** RFC 1928 §6. */
const REPLIES = [
    ...["succeeded", "the proxy failed", "its rules do not allow the connection", "the network is unreachable"],
    ...["the host is unreachable", "the connection was refused", "the TTL expired", "it does not support CONNECT"],
];

/**
 * Lets a SOCKS5 proxy connect a socket with a host, whose name the proxy resolves (RFC 1928, RFC 1929).
 * @param socket connecting to the proxy, or connected with it
 * @param target an IPv6 address has brackets
 */
export async function openSocksTunnel(
    socket: Socket,
    { host, port }: { readonly host: string; readonly port: number },
    account: Credentials,
): Promise<void> {
    if (socket.connecting) await once(socket, "connect");
    const methods = account.username === "" ? [NO_LOGIN] : [NO_LOGIN, PASSWORD_LOGIN];
    socket.write(Buffer.from([VERSION, methods.length, ...methods]));
    const [version, method] = await read(socket, 2);
    if (version !== VERSION) throw new Error("it does not speak SOCKS5");
    if (method === PASSWORD_LOGIN && account.username !== "") await logIn(socket, account);
    else if (method !== NO_LOGIN) throw new Error("it asks for an account");
    const name = Buffer.from(withoutBrackets(host));
    if (name.length > 255) throw new Error("the host name is too long for SOCKS5");
    const address =
        isIP(name.toString()) === 4
            ? [1, ...name.toString().split(".").map(Number)]
            : [DOMAIN_NAME, name.length, ...name];
    socket.write(Buffer.from([VERSION, 1, 0, ...address, port >> 8, port & 0xff]));
    await readReply(socket);
}

async function logIn(socket: Socket, account: Credentials): Promise<void> {
    const [username, password] = [Buffer.from(account.username), Buffer.from(account.password)];
    socket.write(Buffer.from([1, username.length, ...username, password.length, ...password]));
    const [, status] = await read(socket, 2);
    if (status !== 0) throw new Error("it rejected the account");
}

async function readReply(socket: Socket): Promise<void> {
    const [, reply = 1, , type = 0] = await read(socket, 4);
    if (reply !== 0) throw new Error(REPLIES[reply] ?? `SOCKS5 reply ${reply}`);
    const length = type === DOMAIN_NAME ? ((await read(socket, 1))[0] ?? 0) : ADDRESS_BYTES[type];
    if (length === undefined) throw new Error("it sent an address that SOCKS5 does not have");
    await read(socket, length + 2);
}

/** Exactly so many bytes; what comes after them stays in the socket. */
async function read(socket: Socket, length: number): Promise<Buffer> {
    for (;;) {
        const bytes = socket.read(length) as Buffer | null;
        if (bytes?.length === length) return bytes;
        if (socket.readableEnded || socket.destroyed) throw new Error("it closed the connection");
        await Promise.race([once(socket, "readable"), once(socket, "close")]);
    }
}
