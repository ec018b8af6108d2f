import { privateKeyIn } from "./certificate-chain";
import type { ConfiguredCertificate } from "./client-certificate";
import type { ConfiguredAccounts } from "./account-keys";
import type { ConnectionSecrets } from "./registry";

/** What decides which secrets connections need; absent: none is configured. */
export interface ConnectionKeys {
    readonly certificate?: ConfiguredCertificate | undefined;
    /** `site.registry.proxy` */
    readonly proxy?: string | undefined;
}

/**
 * What connections to the registry need beside an account, from the key file or the stack's secrets.
 * @returns undefined if they need nothing
 */
export function readConnectionSecrets(
    { certificate, proxy: proxyUrl }: ConnectionKeys,
    accounts: Pick<ConfiguredAccounts, "clientKey" | "proxy">,
): ConnectionSecrets | undefined {
    const clientKey = certificate && privateKeyIn(certificate.keyFileText ?? accounts.clientKey ?? "");
    const proxy = proxyUrl === undefined ? undefined : accounts.proxy;
    if (clientKey === undefined && proxy === undefined) return undefined;
    return { ...(clientKey === undefined ? {} : { clientKey }), ...(proxy === undefined ? {} : { proxy }) };
}
