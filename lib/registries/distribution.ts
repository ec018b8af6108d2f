import { RegistryError } from "../errors/errors";
import { temporaryPasswordFix, temporaryPasswordNote } from "../distribution/auth/temporary-password";
import { noRegistryError } from "../distribution/client/greeting";
import { statusProblem } from "../distribution/client/response-errors";
import { expiryNotes } from "./certificate-expiry";
import { ping } from "./ping";
import type { RegistryAccount, RegistryAdmin, RegistryHealth } from "./registry-admin";

/** The plain OCI registry of github.com/distribution/distribution: htpasswd or token auth, no namespaces, no robots. */
export const distribution: RegistryAdmin = {
    kind: "distribution",
    capabilities: {
        robotAccounts: false,
        separatesPushFromPull: false,
        namespaces: undefined,
        repositoriesFirst: false,
        mayNeedRepositories: true,
        removalNeedsRight: false,
        robotExpiry: false,
        secretReadable: false,
        quota: false,
        immutability: false,
        sparseIndexes: "configured",
        collectsUntagged: true,
        gaps: [
            "distribution cannot separate push from pull: whoever holds the pull secret may also overwrite images; " +
                "let a read-only instance on the same storage answer at site.registry.mirrorBase (maintenance.readonly) and name " +
                "the one that takes pushes in site.registry.pushHost, or put a token server in front",
        ],
    },
    check,
};

const OPEN = "the registry answers without credentials: anybody who reaches it may read; turn its authentication on";

async function check(account: RegistryAccount): Promise<RegistryHealth> {
    const context = { registry: account.endpoint.host, operation: "GET /v2/" };
    const credentials = "token" in account.credentials ? undefined : account.credentials;
    const greeted = await ping(account, credentials);
    if (greeted === 404) throw noRegistryError(context.registry);
    if (greeted === 401) {
        throw new RegistryError(statusProblem(401, undefined, { account: credentials?.username }), {
            ...context,
            code: "UNAUTHORIZED",
            status: 401,
            fix:
                temporaryPasswordFix(credentials?.username) ??
                "set registryUsername and registryPassword of the stack to an account of the registry",
        });
    }
    const isOpen = (await ping(account, undefined)) === 200;
    const temporary = temporaryPasswordNote(credentials?.username);
    return {
        notes: [
            ...(isOpen ? [OPEN] : []),
            ...(temporary === undefined ? [] : [temporary]),
            ...(await expiryNotes(account.endpoint)),
        ],
    };
}
