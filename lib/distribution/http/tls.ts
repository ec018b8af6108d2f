import { createHash } from "node:crypto";
import { type PeerCertificate, type SecureContext, createSecureContext, rootCertificates } from "node:tls";
import { checkServerCertificate } from "./server-certificate";

/** What this side proves its identity with, as PEM. */
export interface ClientCertificate {
    /** The client's certificate, and the issuers that the server needs to verify it. */
    readonly certificate: string;
    /** Its private key, not encrypted: secret. */
    readonly key: string;
}

/** Options of `tls.connect`. */
export interface VerifiedTls {
    readonly rejectUnauthorized: true;
    readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
    readonly secureContext?: SecureContext;
}

/**
 * Options for every TLS connection: the server's certificate is verified, whatever the environment says.
 * @param ca PEM of CAs to trust in addition to the public ones
 * @param client is shown to a server that asks for a client certificate
 */
export function verifiedTls(ca: string | undefined, client?: ClientCertificate): VerifiedTls {
    return {
        // The default is read from NODE_TLS_REJECT_UNAUTHORIZED at each connection.
        rejectUnauthorized: true,
        checkServerIdentity: checkServerCertificate,
        ...(ca === undefined && client === undefined ? {} : { secureContext: secureContext(ca, client) }),
    };
}

/** By digest. Every connection would read all the public CAs anew, which takes longer than its handshake. */
const contexts = new Map<string, SecureContext>();

function secureContext(ca: string | undefined, client: ClientCertificate | undefined): SecureContext {
    const id = createHash("sha256")
        .update(JSON.stringify([ca, client]))
        .digest("hex");
    const context =
        contexts.get(id) ??
        createSecureContext({
            ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
            ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
        });
    contexts.set(id, context);
    return context;
}
