import { readFileSync } from "node:fs";
import type { dynamic } from "@pulumi/pulumi";
import { z } from "zod";
import type { Credentials } from "../lib/oci/auth";

/** Whose account a resource works with: the one that pushes, or the one that clusters pull with. */
export type Account = "importer" | "puller";

/** An account as resources have it among their inputs. */
export const credentialsInput = z.object({ username: z.string(), password: z.string() });

/** The part of a site's configuration that says where its registry is. */
const siteRegistry = z.object({
    registry: z.object({ mirrorBase: z.string().optional(), ca: z.string().optional() }).optional(),
});

/** The registry as today's configuration has it; what is absent there is absent here. */
export interface ConfiguredRegistry {
    readonly mirrorBase?: string;
    /** PEM. */
    readonly ca?: string;
}

let registry: ConfiguredRegistry = {};
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
    registry = configuredRegistry((key) => request.config.get(key));
    configured = { ...(importer ? { importer } : {}), ...(puller ? { puller } : {}) };
}

/**
 * The account's credentials: the configured ones first, since state may still hold those from before a rotation.
 * `stored` are those of the resource itself.
 */
export function credentialsOf(account: Account, stored: Credentials): Credentials {
    return configured[account] ?? stored;
}

/** Where today's configuration has the registry: state may still hold where it was, or a CA that was replaced. */
export function registryToday(): ConfiguredRegistry {
    return registry;
}

function configuredRegistry(read: (key: string) => string | undefined): ConfiguredRegistry {
    const parts = ["defaults", "site"].map((key) => siteRegistry.safeParse(jsonOf(read(key))).data?.registry ?? {});
    const { mirrorBase, ca } = Object.assign({}, ...parts) as { mirrorBase?: string; ca?: string };
    const pem = ca === undefined ? undefined : readIfThere(ca);
    return { ...(mirrorBase === undefined ? {} : { mirrorBase }), ...(pem === undefined ? {} : { ca: pem }) };
}

function jsonOf(text: string | undefined): unknown {
    try {
        return text === undefined ? undefined : JSON.parse(text);
    } catch {
        return undefined;
    }
}

/** The program has told by now what is wrong with the file; here it only means that the CA in state is all there is. */
function readIfThere(path: string): string | undefined {
    try {
        return readFileSync(path, "utf8");
    } catch {
        return undefined;
    }
}

/** The texts that would give an account away: its password, and what an Authorization header makes of it. */
export function secretForms({ username, password }: Credentials): string[] {
    return [Buffer.from(`${username}:${password}`, "utf8").toString("base64"), encodeURIComponent(password), password];
}

/** Every secret text of this process, for taking it out of messages. */
export function configuredSecrets(): string[] {
    return Object.values(configured).flatMap(secretForms);
}
