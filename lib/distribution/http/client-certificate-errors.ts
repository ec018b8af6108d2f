import { RegistryError, type RequestContext } from "../../errors/errors";

/** A server that asked for a client certificate and ended the handshake, or the request, for the lack of a valid one. */
export type CertificateRefusal = "required" | "rejected";

/** The alert of TLS 1.3 for a client without a certificate (RFC 8446 §6.2). */
const REQUIRED = /_ALERT_CERTIFICATE_REQUIRED$/;
/** Alerts about a certificate (RFC 8446 §6.2); to a client without one they mean that it needs one. */
const ABOUT_CERTIFICATE =
    /_ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_EXPIRED|CERTIFICATE_UNKNOWN|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)$/;

/**
 * Whether an error of a connection is about the client's certificate.
 * @param code of the error, as Node.js names OpenSSL's: `ERR_SSL_TLSV1_ALERT_UNKNOWN_CA`
 * @param hasCertificate whether the connection had one to show
 */
export function refusalByAlert(code: string, hasCertificate: boolean): CertificateRefusal | undefined {
    if (REQUIRED.test(code)) return "required";
    if (!ABOUT_CERTIFICATE.test(code)) return undefined;
    return hasCertificate ? "rejected" : "required";
}

/** nginx lets the handshake succeed and responds to the request (ngx_http_special_response.c). */
const PAGES = [
    ["required", /No required SSL certificate was sent/i],
    ["rejected", /The SSL certificate error/i],
] as const;

/** Whether a response is a proxy's page about the client's certificate. */
export function refusalByPage(status: number, text: string): CertificateRefusal | undefined {
    return status === 400 ? PAGES.find(([, title]) => title.test(text))?.[0] : undefined;
}

const REQUIRED_FIX =
    "set site.registry.clientCertificate and its private key, the secret clientKey (docs/security.md#client-certificates)";
const REJECTED_FIX =
    "give a certificate in site.registry.clientCertificate that a CA issued which the server trusts for clients, with its issuing " +
    "CAs after it in the same file, and check that it is neither expired nor revoked";

/** The error for a refusal. */
export function clientCertificateError(
    refusal: CertificateRefusal,
    context: RequestContext,
    facts: { readonly status?: number; readonly cause?: unknown } = {},
): RegistryError {
    return refusal === "required"
        ? new RegistryError(`${context.registry} asks for a client certificate, and none was sent`, {
              ...{ ...context, ...facts, code: "CLIENT_CERTIFICATE_REQUIRED", fix: REQUIRED_FIX },
          })
        : new RegistryError(`${context.registry} rejected the client certificate`, {
              ...{ ...context, ...facts, code: "CLIENT_CERTIFICATE_REJECTED", fix: REJECTED_FIX },
          });
}
