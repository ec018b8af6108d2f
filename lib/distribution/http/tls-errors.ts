import { RegistryError, type RequestContext, errorMessage } from "../../errors/errors";
import { clientCertificateError, refusalByAlert } from "./client-certificate-errors";
import { ServerCertificateError } from "./server-certificate";

const UNKNOWN_ISSUER = "give the registry's issuing CA as a PEM file in site.registry.ca";
const AGAIN = "issue the certificate again";
/** By the code of Node.js (nodejs.org/api/tls.html, "X509 certificate error codes"). */
const FIXES: Readonly<Record<string, string>> = {
    CERT_HAS_EXPIRED: "renew the registry's certificate, or set the clock of this machine right",
    CERT_NOT_YET_VALID: "set the clock of this machine or of the registry right",
    ERR_TLS_CERT_ALTNAME_INVALID:
        "use a host name the certificate is made for in site.registry.mirrorBase, or issue it again with this one in its subjectAltName",
    DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_ISSUER,
    SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_ISSUER,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_ISSUER,
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_ISSUER,
    UNABLE_TO_GET_ISSUER_CERT: "add the CAs above the issuing one, up to the root, to the PEM file in site.registry.ca",
    CERT_SIGNATURE_FAILURE: UNKNOWN_ISSUER,
    INVALID_PURPOSE: `${AGAIN}: a server certificate with extendedKeyUsage: serverAuth and keyUsage: digitalSignature, a CA certificate with basicConstraints: CA:TRUE`,
    INVALID_CA: `${AGAIN} by a CA whose certificate has basicConstraints: CA:TRUE`,
    PATH_LENGTH_EXCEEDED: `${AGAIN} by a CA that the pathlen of its own issuers allows`,
    CERT_UNTRUSTED: UNKNOWN_ISSUER,
    CERT_REJECTED: AGAIN,
    // Whatever Node.js has no code for, such as a SHA-1 signature or a short key; the message names the fault.
    UNSPECIFIED: `${AGAIN} without this fault (use SHA-256 signatures and RSA keys of at least 2048 bits)`,
};
/** The handshake failed before a certificate was verified. */
const HANDSHAKE = /^(EPROTO|ERR_SSL_.*)$/;
const HANDSHAKE_FIX =
    "check the port in site.registry.mirrorBase or pushHost, that the registry offers TLS 1.2 or 1.3 with ECDHE cipher suites, and whether " +
    "it asks for a client certificate (site.registry.clientCertificate)";
/** What OpenSSL reads in place of a TLS record, such as an HTTP response. */
const PLAIN_TEXT = /wrong[_ ]version[_ ]number|packet[_ ]length[_ ]too[_ ]long/i;
/** The alert of RFC 7301 §3.2: what is offered here is HTTP/1.1 alone. */
const NO_COMMON_PROTOCOL = "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL";

/**
 * The RegistryError `TLS` or `CLIENT_CERTIFICATE_…` for a failed connection.
 * @param code the error's own
 * @param hasCertificate whether the connection had a client certificate to show
 * @returns undefined if it failed for another reason than TLS
 */
export function tlsError(
    context: RequestContext,
    error: Error,
    code: string,
    hasCertificate: boolean,
): RegistryError | undefined {
    const refusal = refusalByAlert(code, hasCertificate);
    if (refusal !== undefined) return clientCertificateError(refusal, context, { cause: error });
    const failed = (problem: string, fix: string) =>
        new RegistryError(problem, { ...context, code: "TLS", fix, cause: error });
    const untrusted = (why: string, fix: string) => failed(`the TLS certificate cannot be trusted: ${why}`, fix);
    if (error instanceof ServerCertificateError) return untrusted(error.problem, error.fix);
    const fix = FIXES[code];
    if (fix !== undefined) return untrusted(`${errorMessage(error) || code} (${code})`, fix);
    if (!HANDSHAKE.test(code)) return undefined;
    if (PLAIN_TEXT.test(`${code} ${errorMessage(error)}`)) {
        return failed(
            "the response is not TLS; the port may be one for plain HTTP",
            "check the port in site.registry.mirrorBase or pushHost; serve the registry with TLS there",
        );
    }
    return failed(
        `the TLS handshake failed (${code})`,
        code === NO_COMMON_PROTOCOL
            ? "let the registry, or what stands in front of it, offer HTTP/1.1 beside HTTP/2 (ALPN)"
            : HANDSHAKE_FIX,
    );
}
