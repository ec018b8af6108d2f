import { PassthroughError } from "../errors/errors";
import { AcmeClient, type AcmeServer } from "./acme-client";
import { type ExternalAccount, externalBinding } from "./jws";

/** An account at an ACME server. */
export interface AcmeAccount {
    /** URL. */
    readonly url: string;
    /** Secret. PEM, PKCS #8. */
    readonly key: string;
}

/** What an account is registered with. */
export interface NewAccount {
    /** Secret: as `newAccountKey` makes it. The same key leads to the same account. */
    readonly key: string;
    readonly email?: string | undefined;
    readonly external?: ExternalAccount | undefined;
}

/**
 * Registers an account, or finds that of the key (RFC 8555 §7.3). The terms of the server count as agreed to: whoever names
 * it in the configuration has done so.
 * @throws PassthroughError `ACME_REFUSED`, `ACME_UNREACHABLE`; the signal's reason
 */
export async function registerAccount(
    server: AcmeServer,
    { key, email, external }: NewAccount,
    signal: AbortSignal,
): Promise<AcmeAccount> {
    const client = await AcmeClient.open(server, signal);
    const { newAccount } = client.urls;
    const { location } = await client.post({ key }, newAccount, {
        termsOfServiceAgreed: true,
        ...contact(email),
        ...(external === undefined ? {} : { externalAccountBinding: externalBinding(key, external, newAccount) }),
    });
    if (location === "")
        throw new PassthroughError("the ACME server names no URL of the account", {
            ...{ code: "ACME_UNREACHABLE", thing: server.directory },
        });
    return { url: location, key };
}

/** Changes whom the server writes to (RFC 8555 §7.3.2). @throws as `registerAccount` */
export async function changeContact(
    server: AcmeServer,
    account: AcmeAccount,
    email: string | undefined,
    signal: AbortSignal,
): Promise<void> {
    const client = await AcmeClient.open(server, signal);
    await client.post({ key: account.key, account: account.url }, account.url, contact(email));
}

function contact(email: string | undefined): { readonly contact: readonly string[] } {
    return { contact: email === undefined ? [] : [`mailto:${email}`] };
}
