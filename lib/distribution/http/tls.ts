import type { PeerCertificate, SecureContext } from "node:tls";
import { type ClientCertificate, secureContext } from "../../http/secure-context";
import { checkServerCertificate } from "./server-certificate";

/** Options of `tls.connect`. */
export interface VerifiedTls {
    readonly rejectUnauthorized: true;
    readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
    readonly secureContext: SecureContext;
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
        secureContext: secureContext({ ca, trust: "in addition" }, client),
    };
}
