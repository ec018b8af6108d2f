import { z } from "zod";
import { noRegistryError } from "../../distribution/client/greeting";
import { RegistryError } from "../../errors/errors";
import { printable } from "../../errors/text";
import { parseBody } from "../admin-client";
import { certificateNotes } from "../certificate-expiry";
import { ping } from "../ping";
import type { RegistryAccount, RegistryHealth } from "../registry-admin";
import { JFrogClient } from "./client";
import { PERMISSIONS } from "./permissions";
import { isProError } from "./response";

const versionInfo = z.object({ version: z.string() });
const license = z.object({ type: z.string().nullish() });

/** The first with `/access/api/v2/permissions` (JFrog REST APIs, "Create Permission"). */
const OLDEST = [7, 72] as const;
const NO_PRO =
    "Artifactory reports no Pro license, without which its API creates no repository, and perhaps no permission of a robot " +
    "account; activate a license, or create the repository by hand and set site.registry.adopt: true; if permissions are " +
    "rejected, too, use site.registry.type: distribution (docs/registries.md#without-pro)";
const ANONYMOUS =
    "the registry answers without credentials: anybody who reaches it may pull what anonymous users may read; switch Allow " +
    "Anonymous Access off (Administration, Security, General)";

/** That Artifactory answers, is one that is known here, and takes the account as an administrator's. */
export async function checkJFrog(account: RegistryAccount): Promise<RegistryHealth> {
    const client = new JFrogClient(account);
    try {
        await greet(client);
        const version = await readVersion(client);
        const type = await readLicense(client);
        await proveAdministrator(client);
        const greeted = await ping(account, undefined);
        if (greeted === 404) throw noRegistryError(client.host);
        return {
            version: `Artifactory ${version}${type === undefined || type === false ? "" : ` (${type})`}`,
            notes: [
                ...(await readinessNotes(client)),
                ...(type === false ? [NO_PRO] : []),
                ...(greeted === 200 ? [ANONYMOUS] : []),
                ...(await certificateNotes(account.endpoint)),
            ],
        };
    } finally {
        await client.close();
    }
}

async function greet(client: JFrogClient): Promise<void> {
    const { context, status, text } = await client.anonymous("/artifactory/api/system/ping");
    if (status === 200 && ["OK", '"OK"'].includes(text.trim())) return;
    throw new RegistryError(`the response (${status}) is not one of Artifactory`, {
        ...context,
        code: "UNEXPECTED_RESPONSE",
        fix:
            "check site.registry.type, host and port of site.registry.mirrorBase, and what stands in front of Artifactory: it " +
            "must pass /artifactory/, /access/ and /v2/",
    });
}

/** @throws RegistryError if it is too old, or the account is rejected */
async function readVersion(client: JFrogClient): Promise<string> {
    const response = await client.call({ method: "GET", path: "/artifactory/api/system/version" });
    const { version } = parseBody(response, versionInfo);
    const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
    const isOld = Number(major) < OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) < OLDEST[1]);
    if (!isOld) return printable(version);
    throw new RegistryError(`this is Artifactory ${printable(version)}, and ${OLDEST.join(".")} or newer is needed`, {
        registry: client.host,
        code: "REGISTRY_VERSION_UNSUPPORTED",
        fix: "upgrade Artifactory",
    });
}

/** The type of its license; false if it has none of Pro, undefined if the account may not see it. */
async function readLicense(client: JFrogClient): Promise<string | false | undefined> {
    try {
        const response = await client.call({ method: "GET", path: "/artifactory/api/system/license" }, [400, 403, 404]);
        if (response.status >= 300) return undefined;
        const { type } = parseBody(response, license);
        return type ? printable(type) : undefined;
    } catch (error) {
        if (isProError(error)) return false;
        throw error;
    }
}

/**
 * Permissions are for administrators only (JFrog REST APIs: "Requires admin authentication using Access Tokens").
 * @throws RegistryError `DENIED` for another account, `REGISTRY_FEATURE_DISABLED` if this edition has no permissions
 */
async function proveAdministrator(client: JFrogClient): Promise<void> {
    await client.call({ method: "GET", path: `${PERMISSIONS}?limit=1` });
}

async function readinessNotes(client: JFrogClient): Promise<string[]> {
    const { status } = await client.anonymousOnce("/artifactory/api/v1/system/readiness");
    if (status === 200 || status === 401 || status === 404) return [];
    return [`Artifactory reports that it is not ready (${status}); look into its log if that stays so`];
}
