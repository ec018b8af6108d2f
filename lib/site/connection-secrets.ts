import { type ConfiguredCertificate, privateKeyIn } from "./client-certificate";
import type { ConfiguredAccounts } from "./account-keys";
import type { ConnectionSecrets } from "./registry";

/**
 * What connections to the registry need beside an account, from the key file or the stack's secrets.
 * @param certificate undefined: no client certificate is configured
 * @returns undefined if they need nothing
 */
export function readConnectionSecrets(
    certificate: ConfiguredCertificate | undefined,
    accounts: Pick<ConfiguredAccounts, "clientKey">,
): ConnectionSecrets | undefined {
    const clientKey = certificate && privateKeyIn(certificate.keyFileText ?? accounts.clientKey ?? "");
    return clientKey === undefined ? undefined : { clientKey };
}
