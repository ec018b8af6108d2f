import { createHash } from "node:crypto";
import { type SecureContext, createSecureContext, rootCertificates } from "node:tls";

/** What this side proves its identity with, as PEM. */
export interface ClientCertificate {
    /** The client's certificate, and the issuers that the server needs to verify it. */
    readonly certificate: string;
    /** Its private key, not encrypted: secret. */
    readonly key: string;
}

/** Which CAs a connection trusts, as PEM. */
export interface TrustedCas {
    readonly ca: string | undefined;
    /** `instead`: no public CA is trusted if there is a CA; `in addition`: the public ones as well. */
    readonly trust: "instead" | "in addition";
}

/**
 * What Go's TLS client offers by default (crypto/tls, defaultCipherSuites and defaultCipherSuitesTLS13): a registry without
 * one of these is one that no node can pull from. Level 2 of OpenSSL refuses SHA-1 signatures and RSA keys below 2048 bits.
 */
const CIPHERS = [
    ...["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"],
    ...["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"],
    ...["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"],
    ...["ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"],
    ...["ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA"],
    "@SECLEVEL=2",
].join(":");

/** By digest. Every connection would read all the public CAs anew, which takes longer than its handshake. */
const contexts = new Map<string, SecureContext>();

/**
 * CAs, ciphers, versions and client certificate of a TLS connection: everything that NODE_OPTIONS, NODE_EXTRA_CA_CERTS,
 * SSL_CERT_FILE or OPENSSL_CONF would otherwise decide (docs/security.md).
 */
export function secureContext(cas: TrustedCas, client?: ClientCertificate): SecureContext {
    const id = createHash("sha256")
        .update(JSON.stringify([cas, client]))
        .digest("hex");
    const context =
        contexts.get(id) ??
        createSecureContext({
            ca: trustedCas(cas),
            ciphers: CIPHERS,
            minVersion: "TLSv1.2",
            maxVersion: "TLSv1.3",
            ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
        });
    contexts.set(id, context);
    return context;
}

function trustedCas({ ca, trust }: TrustedCas): string[] {
    if (ca === undefined || ca === "") return [...rootCertificates];
    return trust === "instead" ? [ca] : [...rootCertificates, ca];
}
