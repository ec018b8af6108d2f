/** What is wrong with a text that is to be a private key. */
export interface PrivateKeyProblem {
    /** Without its subject: "is the public key". */
    readonly problem: string;
    readonly fix: string;
}

const MAKE = "make a key with ssh-keygen -t ed25519, and configure the file without .pub";
/** openssh/PROTOCOL.key: the text that a key in the format of OpenSSH begins with. */
const MAGIC = "openssh-key-v1\0";

/**
 * Looks at a private key as a login over SSH will need it: in the format of OpenSSH or PEM, and not encrypted unless there is a
 * passphrase. No message has a part of it.
 * @param passphrase "" and undefined: there is none
 * @returns undefined: nothing is wrong with it, as far as can be seen without the passphrase being tried
 */
export function privateKeyProblem(text: string, passphrase: string | undefined): PrivateKeyProblem | undefined {
    const trimmed = text.trim();
    if (/^(ssh-|ecdsa-sha2-|---- BEGIN SSH2 PUBLIC KEY)/.test(trimmed))
        return { problem: "is the public key", fix: MAKE };
    // A text of several lines, in quotes that a shell has eaten, is the usual mistake.
    const [, kind] = /^-----BEGIN ([A-Z ]*)PRIVATE KEY-----\r?\n/.exec(trimmed) ?? [];
    if (kind === undefined) return { problem: "is no private key", fix: MAKE };
    if (!trimmed.endsWith(`-----END ${kind}PRIVATE KEY-----`))
        return { problem: "is a private key without its end", fix: MAKE };
    // PKCS #8, which ssh2 does not read (lib/protocol/keyParser.js).
    if (kind === "" || kind === "ENCRYPTED ") {
        const fix = "convert a copy of it with: ssh-keygen -p -f <file>, or make a key with ssh-keygen -t ed25519";
        return { problem: "is in the format PKCS #8, which is not read", fix };
    }
    if ((passphrase ?? "") !== "" || !isEncrypted(trimmed, kind)) return undefined;
    const fix = "set hostPassphrase, or configure a key without a passphrase";
    return { problem: "is encrypted, and hostPassphrase is not set", fix };
}

/** openssh/PROTOCOL.key, section 1: the cipher is a string after the magic; RFC 1421, section 4.6.1.1: `Proc-Type`. */
function isEncrypted(text: string, kind: string): boolean {
    if (kind !== "OPENSSH ") return /^Proc-Type: *4, *ENCRYPTED/m.test(text);
    const bytes = Buffer.from(text.split("\n").slice(1, -1).join(""), "base64");
    const start = MAGIC.length + 4;
    if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC || bytes.length < start) return false;
    return bytes.toString("latin1", start, start + bytes.readUInt32BE(MAGIC.length)) !== "none";
}
