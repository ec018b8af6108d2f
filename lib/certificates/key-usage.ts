import "reflect-metadata";
import * as x509 from "@peculiar/x509";

const { digitalSignature, keyEncipherment, keyAgreement } = x509.KeyUsageFlags;

/** Whether the keyUsage of a PEM certificate, if it has one, allows what TLS servers do. */
export function allowsServers(certificate: string): boolean {
    const found = new x509.X509Certificate(certificate).getExtension(x509.KeyUsagesExtension);
    return found === null || (found.usages & (digitalSignature | keyEncipherment | keyAgreement)) !== 0;
}
