import { type PeerCertificate, type SecureContext, createSecureContext, rootCertificates } from "node:tls";
import { checkServerCertificate } from "./server-certificate";

/** Options of `tls.connect`. */
export interface VerifiedTls {
    readonly rejectUnauthorized: true;
    readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
    readonly secureContext?: SecureContext;
}

/**
 * Options for every TLS connection: the server's certificate is verified, whatever the environment says.
 * @param ca PEM of CAs to trust in addition to the public ones
 */
export function verifiedTls(ca: string | undefined): VerifiedTls {
    return {
        // The default is read from NODE_TLS_REJECT_UNAUTHORIZED at each connection.
        rejectUnauthorized: true,
        checkServerIdentity: checkServerCertificate,
        ...(ca === undefined ? {} : { secureContext: secureContext(ca) }),
    };
}

/** By CA. Every connection would read all the public CAs anew, which takes longer than its handshake. */
const contexts = new Map<string, SecureContext>();

function secureContext(ca: string): SecureContext {
    const context = contexts.get(ca) ?? createSecureContext({ ca: [...rootCertificates, ca] });
    contexts.set(ca, context);
    return context;
}
