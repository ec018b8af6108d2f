import { readFileSync } from "node:fs";
import type { dynamic } from "@pulumi/pulumi";
import { z } from "zod";
import type { OnRemove } from "../../lib/mirror/on-remove";
import type { Credentials } from "../../lib/distribution/auth/credentials";
import { secretForms as accountForms } from "../../lib/distribution/auth/redaction";
import { type AdminCredentials, OFFERED_KINDS, registryAdmin } from "../../lib/registries";

/**
 * Whose account a resource works with: the one that pushes, the one that clusters pull with, or, where both are robot
 * accounts, the one that makes them.
 */
export type Account = "importer" | "puller" | "admin";

/** An account as resources have it among their inputs. */
export const credentialsInput = z.object({ username: z.string(), password: z.string() });
/** The same for the account that administers the registry. */
export const adminCredentialsInput = z.union([credentialsInput, z.object({ token: z.string() })]);

/** The part of a site's configuration that says where its registry is. */
const siteRegistry = z.object({
    registry: z
        .object({ type: z.string().optional(), mirrorBase: z.string().optional(), ca: z.string().optional() })
        .optional(),
});

const siteRemoval = z.object({ onRemove: z.enum(["keep", "delete"]).optional() });

const siteTransfer = z.object({ transfer: z.object({ retrySeconds: z.number().optional() }).optional() });

const siteContent = z.object({ content: z.array(z.object({ lock: z.string() })).optional() });

/** The registry as today's configuration has it; what is absent there is absent here. */
export interface ConfiguredRegistry {
    /** The accounts that pull and push are made by the program: the configured one is the admin's. */
    readonly hasRobots?: boolean;
    readonly mirrorBase?: string;
    /** PEM. */
    readonly ca?: string;
}

let registry: ConfiguredRegistry = {};
let removal: OnRemove | undefined;
let locks: readonly string[] | undefined;
let retrySeconds: number | undefined;
let clients: Partial<Record<Account, Credentials>> = {};
let admin: AdminCredentials | undefined;

/**
 * Takes the stack's credentials from its configuration. Synchronous up to its end: the engine may call an operation
 * before a promise of `configure` is awaited.
 */
export function configure(request: dynamic.ConfigureRequest): void {
    const get = (key: string): string | undefined => request.config.get(key);
    const read = (name: string): Credentials | undefined => {
        const username = get(`${name}Username`);
        const password = get(`${name}Password`);
        return username === undefined || password === undefined ? undefined : { username, password };
    };
    registry = configuredRegistry(get);
    removal = configuredRemoval(get);
    locks = configuredLocks(get);
    retrySeconds = configuredRetry(get);
    const main = read("registry");
    const token = get("registryToken");
    admin = token === undefined ? main : { token };
    const puller = read("puller") ?? main;
    // Robot accounts' secrets are known to state alone; the admin's must not stand in for them.
    clients = registry.hasRobots === true ? {} : { ...(main ? { importer: main } : {}), ...(puller ? { puller } : {}) };
}

/**
 * The credentials of an account that pushes or pulls: the configured ones first, since state may still hold those from
 * before a rotation. `stored` are those of the resource itself.
 */
export function credentialsOf(account: Account, stored: Credentials): Credentials {
    return clients[account] ?? stored;
}

/** The same for whichever account administers the registry. */
export function adminCredentialsOf(account: Account, stored: AdminCredentials): AdminCredentials {
    return account === "admin" ? (admin ?? stored) : (clients[account] ?? stored);
}

/** Where today's configuration has the registry: state may still hold where it was, or a CA that was replaced. */
export function registryToday(): ConfiguredRegistry {
    return registry;
}

/** What today's configuration says of images that are not wanted any more; undefined if there is none to read. */
export function removalToday(): OnRemove | undefined {
    return removal;
}

function configuredRemoval(read: (key: string) => string | undefined): OnRemove | undefined {
    const [site, defaults] = ["site", "defaults"].map((key) => siteRemoval.safeParse(jsonOf(read(key))).data);
    return site === undefined ? undefined : (site.onRemove ?? defaults?.onRemove ?? "keep");
}

/** The locks of the sets that today's configuration lists, in its order; undefined if there is none to read. */
export function locksToday(): readonly string[] | undefined {
    return locks;
}

/** How long today's configuration lets a request keep failing, in seconds; undefined if it does not say. */
export function retrySecondsToday(): number | undefined {
    return retrySeconds;
}

function configuredRetry(read: (key: string) => string | undefined): number | undefined {
    const [site, defaults] = ["site", "defaults"].map((key) => siteTransfer.safeParse(jsonOf(read(key))).data);
    return site?.transfer?.retrySeconds ?? defaults?.transfer?.retrySeconds;
}

function configuredLocks(read: (key: string) => string | undefined): readonly string[] | undefined {
    const [site, defaults] = ["site", "defaults"].map((key) => siteContent.safeParse(jsonOf(read(key))).data);
    return site === undefined ? undefined : (site.content ?? defaults?.content ?? []).map(({ lock }) => lock);
}

function configuredRegistry(read: (key: string) => string | undefined): ConfiguredRegistry {
    const parts = ["defaults", "site"].map((key) => siteRegistry.safeParse(jsonOf(read(key))).data?.registry ?? {});
    const { type, mirrorBase, ca } = Object.assign({}, ...parts) as z.infer<typeof siteRegistry>["registry"] & object;
    const pem = ca === undefined ? undefined : readIfThere(ca);
    const kind = OFFERED_KINDS.find((offered) => offered === type);
    return {
        ...(kind === undefined ? {} : { hasRobots: registryAdmin(kind).capabilities.robotAccounts }),
        ...(mirrorBase === undefined ? {} : { mirrorBase }),
        ...(pem === undefined ? {} : { ca: pem }),
    };
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

/** The texts that would give an account away: its password or token, and what an Authorization header makes of it. */
export function secretForms(credentials: AdminCredentials): string[] {
    return "token" in credentials ? [credentials.token] : accountForms(credentials);
}

/** Every secret text of this process, for taking it out of messages. */
export function configuredSecrets(): string[] {
    return [...Object.values(clients), ...(admin === undefined ? [] : [admin])].flatMap(secretForms);
}
