import { parseBody } from "../admin-client";
import { z } from "zod";
import { RegistryError } from "../../errors/errors";
import { readable } from "../../distribution/client/error-body";

import { type QuayApi, type QuayConnection, bearer, expect, expectRemoved } from "./quay-api";

/** Enough for repositories, robot accounts, prototypes and permissions; it cannot make organizations. */
const SCOPE = "org:admin repo:admin";
const NAME = "registry-passthrough run";
/** No run takes so long: an application this old was left by a run that was killed. */
const LEFT_BEHIND_MS = 24 * 3600 * 1000;

const application = z.object({ name: z.string(), client_id: z.string(), description: z.string().nullish() });
const siteConfig = z.object({
    config: z.object({
        PREFERRED_URL_SCHEME: z.string(),
        SERVER_HOSTNAME: z.string(),
        LOCAL_OAUTH_HANDLER: z.string().default("/oauth/localapp"),
    }),
});

/** A token made for one operation, and its end. */
export interface RunToken {
    readonly api: QuayApi;
    /**
     * Deletes the application, and so the token, at once. Failing to is no error: the next run does it.
     * @param over a connection that is still open, if the one it was made with is aborted
     */
    end(over?: QuayConnection): Promise<void>;
}

/**
 * Makes an OAuth application in the organization and a token of it, which needs no CSRF token and no fresh sign-in.
 * The token would live for ten years: it is never stored, and dies with its application at the end of the operation.
 * @param session of an administrator of the organization
 */
export async function makeRunToken(session: QuayApi, organization: string, now = Date.now()): Promise<RunToken> {
    const path = `/api/v1/organization/${organization}/applications`;
    await removeLeftBehind(session, path, now);
    const description = `made ${new Date(now).toISOString()} for one run; it may be deleted`;
    // Names are not unique: a request whose answer is lost leaves an application that is found by its age.
    const made = await session.once("POST", path, { name: NAME, description });
    const { client_id } = parseBody(expect(made, 200), application);
    const end = async (over = session.connection) => {
        await session
            .over(over)
            .delete(`${path}/${client_id}`)
            .catch(() => undefined);
    };
    try {
        return { api: session.as(bearer(await authorize(session, client_id), session.account)), end };
    } catch (error) {
        await end();
        throw error;
    }
}

async function removeLeftBehind(session: QuayApi, path: string, now: number): Promise<void> {
    const { applications } = await session.read(path, z.object({ applications: z.array(application) }));
    for (const { name, client_id, description } of applications) {
        const madeAt = Date.parse(/^made (\S+) /.exec(description ?? "")?.[1] ?? "");
        if (name !== NAME || !(now - madeAt > LEFT_BEHIND_MS)) continue;
        expectRemoved(await session.delete(`${path}/${client_id}`));
    }
}

/** The form of `/oauth/authorizeapp`: its errors are redirects as well, so only a fragment with a token is success. */
async function authorize(session: QuayApi, client_id: string): Promise<string> {
    const { config } = await session.read("/config", siteConfig);
    const redirect_uri = `${config.PREFERRED_URL_SCHEME}://${config.SERVER_HOSTNAME}${config.LOCAL_OAUTH_HANDLER}`;
    const fields = { response_type: "token", client_id, redirect_uri, scope: SCOPE };
    const response = await session.form("/oauth/authorizeapp", fields);
    const { location } = response.headers;
    const named = typeof location === "string" && URL.canParse(location) ? new URL(location) : undefined;
    const token = new URLSearchParams(named?.hash.slice(1)).get("access_token");
    if (response.status === 302 && token !== null && token !== "") return token;
    const reason = named?.searchParams.get("error") ?? `the response has the status ${response.status}`;
    throw new RegistryError(`no token for the run: ${readable(reason)}`, {
        ...response.context,
        code: "UNAUTHORIZED",
        status: response.status,
        fix: "make a token by hand (organization, Applications, Generate Token) and set it as registryToken",
    });
}
