import { PassthroughError } from "../errors/errors";

/** How a host is reached over SSH. */
export interface HostConnection {
    /** Host name or IP address, without a port. */
    readonly address: string;
    readonly port: number;
    readonly user: string;
    /** Public key that the host proves itself with, as in a `.pub` file of `/etc/ssh`: `ssh-ed25519 AAAA…`. */
    readonly hostKey: string;
    /** Secret: the user's private key, in the format of OpenSSH or PEM. */
    readonly privateKey: string;
    /** Secret: what the private key is encrypted with. */
    readonly passphrase?: string | undefined;
}

/** `user@host:port`, for errors and messages. */
export function hostLabel({ user, address, port }: Pick<HostConnection, "user" | "address" | "port">): string {
    return `${user}@${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** A public key of a host (RFC 4253, section 6.6). */
export interface HostKey {
    /** `ssh-ed25519` */
    readonly type: string;
    readonly blob: Buffer;
}

/** Of hosts: ssh(1), HostKeyAlgorithms. DSA is none of them. */
const KEY_TYPES = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"];

/**
 * Reads a host's public key as `ssh-keyscan` and `/etc/ssh/ssh_host_*_key.pub` have it, with or without a comment.
 * @throws PassthroughError `SSH_KEY_INVALID`
 */
export function parseHostKey(text: string): HostKey {
    const [type = "", encoded = ""] = text.trim().split(/\s+/);
    const blob = Buffer.from(encoded, "base64");
    // The key begins with its own type, as a string of SSH: its length in four bytes, then its text.
    const named = blob.length > 4 ? blob.subarray(4, 4 + blob.readUInt32BE(0)).toString("latin1") : "";
    if (KEY_TYPES.includes(type) && named === type && !text.trim().includes("\n")) return { type, blob };
    throw new PassthroughError("it is no public key of a host", {
        code: "SSH_KEY_INVALID",
        thing: "host key",
        fix:
            "write one line of /etc/ssh/ssh_host_ed25519_key.pub of that host: ssh-ed25519 AAAA…; read it on the host itself, since " +
            "what ssh-keyscan prints over the network is not proven",
    });
}

/** Signature algorithms for keys of a type: RSA keys sign with SHA-2 (RFC 8332). */
export function signatureAlgorithms(type: string): string[] {
    return type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type];
}
