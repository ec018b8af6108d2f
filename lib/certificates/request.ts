import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";
import { ALGORITHM, newKeys, privatePem } from "./keys";

/** A request for a certificate, and the key that it is for. */
export interface CertificateRequest {
    /** DER, PKCS #10 (RFC 2986). */
    readonly request: Buffer;
    /** Secret: PEM, PKCS #8. */
    readonly key: string;
}

/** A request for a server's certificate with a new key. @param hosts names and IP addresses (without brackets) */
export async function createCertificateRequest(hosts: readonly string[]): Promise<CertificateRequest> {
    const keys = await newKeys();
    const names = hosts.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value }));
    const request = await x509.Pkcs10CertificateRequestGenerator.create(
        { keys, signingAlgorithm: ALGORITHM, extensions: [new x509.SubjectAlternativeNameExtension(names)] },
        webcrypto,
    );
    return { request: Buffer.from(request.rawData), key: await privatePem(keys) };
}
