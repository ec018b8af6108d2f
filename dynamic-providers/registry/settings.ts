import { readFileSync } from "node:fs";
import type { dynamic } from "@pulumi/pulumi";
import { z } from "zod";
import type { Credentials } from "../../lib/distribution/auth/credentials";
import { secretForms as accountForms } from "../../lib/distribution/auth/redaction";
import { type AdminCredentials, type RegistryKind, registryAdmin } from "../../lib/registries";
import {
    type ConfiguredAccounts,
    type ConfiguredSite,
    UNKNOWN_SITE,
    parseJson,
    readAccounts,
    readConfiguredSite,
} from "../../lib/site";

/**
 * Which of the stack's accounts a resource works with: the one that pushes, the one that clusters pull with, or, where
 * both are robot accounts, the one that creates them.
 */
export type Account = "importer" | "puller" | "admin";

/** An account as resources have it among their inputs. */
export const credentialsInput = z.object({ username: z.string(), password: z.string() });
/** The same for the account that administers the registry. */
export const adminCredentialsInput = z.union([credentialsInput, z.object({ token: z.string() })]);

let site: ConfiguredSite = UNKNOWN_SITE;
let accounts: ConfiguredAccounts = {};

/**
 * Reads the stack's configuration. Synchronous: the engine may call an operation before a promise of `configure` is
 * awaited.
 */
export function configure(request: dynamic.ConfigureRequest): void {
    const get = (key: string): string | undefined => request.config.get(key);
    site = readConfiguredSite(parseJson(get("site")), parseJson(get("defaults")), (path) => readFileSync(path, "utf8"));
    accounts = readAccounts(get);
}

/** Today's configuration: state may still have values from before a change of it. */
export function siteToday(): ConfiguredSite {
    return site;
}

/**
 * The credentials of an account that pushes or pulls: the configured ones first, since state may still hold those from
 * before a rotation. Secrets of robot accounts are known to state alone; the configured account must not take their place.
 * @param type of the resource's registry
 * @param stored the resource's own credentials
 */
export function currentCredentials(account: Account, type: RegistryKind, stored: Credentials): Credentials {
    if (registryAdmin(site.type?.value ?? type).capabilities.robotAccounts) return stored;
    return (account === "importer" ? accounts.importer : account === "puller" ? accounts.puller : undefined) ?? stored;
}

/** The same for whichever account administers the registry. */
export function currentAdminCredentials(
    account: Account,
    type: RegistryKind,
    stored: AdminCredentials,
): AdminCredentials {
    if (account === "admin") return accounts.admin ?? stored;
    return "token" in stored ? stored : currentCredentials(account, type, stored);
}

/** The texts that would give an account away: its password or token, and what an Authorization header makes of it. */
export function secretForms(credentials: AdminCredentials): string[] {
    return "token" in credentials ? [credentials.token] : accountForms(credentials);
}

/** Every secret text of the configuration, to be removed from messages. */
export function configuredSecrets(): string[] {
    const { admin, importer, puller } = accounts;
    return [admin, importer, puller].flatMap((account) => (account === undefined ? [] : secretForms(account)));
}
