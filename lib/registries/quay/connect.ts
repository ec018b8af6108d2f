import { createHash } from "node:crypto";
import type { Credentials } from "../../distribution/auth/credentials";
import { RegistryError } from "../../errors/errors";
import { Limiter } from "../../concurrency/limiter";
import { DEFAULT_RETRY } from "../../distribution/limits/retry";
import { AdminClient } from "../admin-client";
import type { RegistryAccount } from "../registry-admin";
import { readOrganization } from "./organization";
import { ANONYMOUS, type Authorization, QuayApi, bearer } from "./quay-api";
import { type RunToken, makeRunToken } from "./run-token";
import { signIn } from "./session";

/** One Quay for one operation: its requests as nobody, as the account, and as an administrator of an organization. */
export class QuayAccess {
    readonly anonymous: QuayApi;
    private readonly client: AdminClient;
    private readonly runTokens = new Map<string, Promise<RunToken | undefined>>();

    /** @param concurrency requests at once */
    constructor(
        private readonly account: RegistryAccount,
        concurrency: number,
    ) {
        this.client = new AdminClient(account);
        this.anonymous = new QuayApi(
            {
                client: this.client,
                host: account.endpoint.host,
                retry: { ...DEFAULT_RETRY, seconds: account.retrySeconds },
                signal: account.signal,
                onWait: account.onWait,
                limiter: new Limiter(concurrency),
            },
            ANONYMOUS,
        );
    }

    /** As the account: with its OAuth token, or signed in. */
    async api(): Promise<QuayApi> {
        const { credentials, endpoint } = this.account;
        if ("token" in credentials)
            return this.anonymous.as(bearer(credentials.token, "registryToken (an OAuth token)"));
        return this.anonymous.as(await sharedSession(this.anonymous, endpoint.host, credentials));
    }

    /** As an administrator of the organization: a password gets a token that lives as long as this object. */
    admin = async (organization: string): Promise<QuayApi> => {
        const api = await this.api();
        if ("token" in this.account.credentials) return api;
        let made = this.runTokens.get(organization);
        if (made === undefined) {
            made = this.runToken(api, organization);
            this.runTokens.set(organization, made);
        }
        return (await made)?.api ?? api;
    };

    /** Ends the tokens that were made, then every socket. */
    async close(): Promise<void> {
        for (const made of this.runTokens.values()) await (await made.catch(() => undefined))?.end();
        await this.client.close();
    }

    /** undefined if there is no organization to make it in: nothing is left to administer then. */
    private async runToken(session: QuayApi, organization: string): Promise<RunToken | undefined> {
        const found = await readOrganization(session, organization);
        return found === undefined ? undefined : makeRunToken(session, organization);
    }
}

/**
 * Sign-ins of this process, by place and account. Resources work at the same time, and Quay slows every sign-in of an
 * account down after one wrong password: so it is tried once, and all of them hear of it.
 */
const sessions = new Map<string, Promise<Authorization>>();

function sharedSession(api: QuayApi, host: string, credentials: Credentials): Promise<Authorization> {
    const { username, password } = credentials;
    const key = createHash("sha256")
        .update(JSON.stringify([host, username, password]))
        .digest("hex");
    const known = sessions.get(key);
    if (known !== undefined) return known;
    const session = signIn(api, credentials);
    sessions.set(key, session);
    session.catch((error: unknown) => {
        // Only what the registry said of the password stays true.
        if (!(error instanceof RegistryError && error.code === "UNAUTHORIZED")) sessions.delete(key);
    });
    return session;
}
