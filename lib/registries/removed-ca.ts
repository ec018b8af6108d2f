import { RegistryError } from "../errors/errors";
import { certificateBlocks, compareCertificates, describeCertificate } from "../http/certificates";
import { ping } from "./ping";
import type { RegistryAccount } from "./registry-admin";

/**
 * The error for a registry whose certificate is of a CA that was just taken out of `site.registry.ca`.
 * @param error what a request with today's CAs has failed with
 * @param formerCa PEM of the CAs that were trusted until now
 * @returns `error` itself if that is not the reason
 */
export async function explainRemovedCa(
    error: unknown,
    account: RegistryAccount,
    formerCa: string | undefined,
): Promise<unknown> {
    if (!(error instanceof RegistryError) || error.code !== "TLS") return error;
    const { removed } = compareCertificates(formerCa, account.endpoint.ca);
    const needed = removed.length === 0 ? undefined : await issuersInUse(account, removed);
    if (needed === undefined) return error;
    const names = needed.map(describeCertificate).join("; ");
    return new RegistryError("the registry's certificate still needs a CA that is not in site.registry.ca any more", {
        registry: account.endpoint.host,
        code: "TLS",
        fix:
            `put it back (${names}): take it out only when every replica of the registry has a certificate of another CA ` +
            "(docs/how-to/change-the-registry.md)",
        cause: error,
    });
}

/** Those of the certificates that the registry can be trusted with, else all if it can with all of them. */
async function issuersInUse(account: RegistryAccount, removed: readonly string[]): Promise<string[] | undefined> {
    for (const block of removed) if (await isTrusted(account, block)) return [block];
    const all = removed.join("\n");
    return removed.length > 1 && (await isTrusted(account, all)) ? certificateBlocks(all) : undefined;
}

/** Any response shows that the certificate was trusted. */
async function isTrusted(account: RegistryAccount, ca: string): Promise<boolean> {
    return ping({ ...account, endpoint: { ...account.endpoint, ca } }, undefined).then(
        () => true,
        (error: unknown) => error instanceof RegistryError && error.status !== undefined,
    );
}
