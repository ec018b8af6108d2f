import type { Credentials } from "../../http/credentials";
import { RegistryError } from "../../errors/errors";
import type { RegistryCapabilities } from "../capabilities";
import type { RegistryAccount, RegistryAdmin, RegistryHealth, RegistryManagement } from "../registry-admin";
import { ping } from "../ping";
import { QuayAccess } from "./connect";
import { QuayContent } from "./content";
import { openings } from "./openings";
import { Organizations, readOrganization } from "./organization";
import { quayError } from "./response";
import type { QuayApi } from "./quay-api";
import { Repositories } from "./repositories";
import { Robots } from "./robots";
import { type QuaySettings, notQuay, readSettings } from "./site-config";
import { superuserAdmin } from "./superuser";

/** What sets one kind of Quay apart from the other. */
export interface QuayFlavour {
    readonly kind: "quay" | "mirror-registry";
    readonly capabilities: RegistryCapabilities;
    /** Requests at once. */
    readonly concurrency: number;
    /** A superuser's name that its configuration has and its installer does not register. */
    readonly superuser?: string;
}

/** What an OAuth token logs in as. */
const OAUTH_USERNAME = "$oauthtoken";

/** The administration side of a Quay. */
export function quayAdmin(flavour: QuayFlavour): RegistryAdmin {
    return {
        kind: flavour.kind,
        capabilities: flavour.capabilities,
        ...(flavour.superuser === undefined
            ? {}
            : { superuser: superuserAdmin(flavour.superuser, flavour.concurrency) }),
        tokenUsername: () => OAUTH_USERNAME,
        check: (account, namespace) => check(flavour, account, namespace),
        manage: (account) => manage(flavour, account),
    };
}

function manage(flavour: QuayFlavour, account: RegistryAccount): RegistryManagement {
    const access = new QuayAccess(account, flavour.concurrency);
    const reader = () => access.api();
    return {
        namespaces: new Organizations(reader, access.admin),
        robots: new Robots(reader, access.admin, (credentials) => takes(account, credentials)),
        repositories: new Repositories(reader, access.admin),
        content: new QuayContent(reader),
        close: () => access.close(),
    };
}

async function check(flavour: QuayFlavour, account: RegistryAccount, namespace: string): Promise<RegistryHealth> {
    const access = new QuayAccess(account, flavour.concurrency);
    try {
        const ailing = await healthNotes(access.anonymous);
        const settings = await readSettings(access.anonymous);
        requireNestedNames(settings, account.endpoint.host);
        await proveAccount(access, account, namespace);
        const notes = await openings(await access.api(), settings, account.endpoint, flavour.superuser);
        const version = settings.version === undefined ? {} : { version: `Quay ${settings.version}` };
        return { ...version, notes: [...ailing, ...notes] };
    } finally {
        await access.close();
    }
}

/**
 * What Quay says of its own health. A busy Quay says 503 for a minute or so while it works (seen on 3.18.0: web_gunicorn):
 * whether it does is proven by the requests that follow.
 */
async function healthNotes(api: QuayApi): Promise<string[]> {
    const response = await api.withoutRetry().getWhateverStatus("/health/instance");
    if (response.status === 200) return [];
    if (response.status === 404) throw notQuay(response.context, "there is no Quay >= 3.8 here (404)");
    const what = response.reason ?? `HTTP status ${response.status}`;
    return [`Quay reports that it is unhealthy (${what}); look at its own log if that stays so`];
}

function requireNestedNames(settings: QuaySettings, host: string): void {
    if (settings.has("EXTENDED_REPOSITORY_NAMES")) return;
    throw new RegistryError("nested repository names are off, and every mirrored image has one", {
        registry: host,
        code: "REGISTRY_FEATURE_DISABLED",
        fix: "set FEATURE_EXTENDED_REPOSITORY_NAMES: true in Quay's config.yaml",
    });
}

/** The account administers the organization; if there is none yet, it is at least somebody who may make it. */
async function proveAccount(access: QuayAccess, account: RegistryAccount, namespace: string): Promise<void> {
    const api = await access.api();
    if ((await readOrganization(api, namespace)) !== undefined) return;
    if (!("token" in account.credentials)) return;
    // An organization without a name is refused whatever the token may do, but only after the token was looked at:
    // GET /user/ is no proof, since it gives 401 to a good token without a user: scope.
    const response = await api.once("POST", "/api/v1/organization/", {});
    if (response.status !== 400) throw quayError(response);
}

/** True if the registry lets the account in: `GET /v2/` with a token of no scope. */
async function takes(account: RegistryAccount, credentials: Credentials): Promise<boolean> {
    try {
        return (await ping(account, credentials)) === 200;
    } catch (error) {
        if (error instanceof RegistryError && error.status === 401) return false;
        throw error;
    }
}
