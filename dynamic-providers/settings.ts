import type { dynamic } from "@pulumi/pulumi";
import { z } from "zod";
import type { Credentials } from "../lib/oci/auth";

/** Whose account a resource works with: the one that pushes, or the one that clusters pull with. */
export type Account = "importer" | "puller";

/** An account as resources have it among their inputs. */
export const credentialsInput = z.object({ username: z.string(), password: z.string() });

let configured: Partial<Record<Account, Credentials>> = {};

/**
 * Takes the stack's credentials from its configuration. Synchronous up to its end: the engine may call an operation
 * before a promise of `configure` is awaited.
 */
export function configure(request: dynamic.ConfigureRequest): void {
    const read = (name: string): Credentials | undefined => {
        const username = request.config.get(`${name}Username`);
        const password = request.config.get(`${name}Password`);
        return username === undefined || password === undefined ? undefined : { username, password };
    };
    const importer = read("registry");
    const puller = read("puller") ?? importer;
    configured = { ...(importer ? { importer } : {}), ...(puller ? { puller } : {}) };
}

/**
 * The account's credentials: the configured ones first, since state may still hold those from before a rotation.
 * `stored` are those of the resource itself.
 */
export function credentialsOf(account: Account, stored: Credentials): Credentials {
    return configured[account] ?? stored;
}

/** The texts that would give an account away: its password, and what an Authorization header makes of it. */
export function secretForms({ username, password }: Credentials): string[] {
    return [Buffer.from(`${username}:${password}`, "utf8").toString("base64"), encodeURIComponent(password), password];
}

/** Every secret text of this process, for taking it out of messages. */
export function configuredSecrets(): string[] {
    return Object.values(configured).flatMap(secretForms);
}
