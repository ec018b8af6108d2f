import { createHash } from "node:crypto";
import type { Credentials } from "../../http/credentials";
import { RegistryError } from "../../errors/errors";
import { Limiter } from "../../concurrency/limiter";
import { DEFAULT_RETRY } from "../../distribution/limits/retry";
import { AdminClient } from "../admin-client";
import type { RegistryAccount } from "../registry-admin";
import { readOrganization } from "./organization";
import { ANONYMOUS, type Authorization, QuayApi, bearer } from "./quay-api";
import { type RunToken, makeRunToken } from "./run-token";
import { signIn } from "./session";

/** An interrupted process has a few seconds left. */
const ENDING_MS = 1500;

/** One Quay for one operation: its requests without an account, with the account, and as an administrator of an organization. */
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
        const session = new SharedSession(this.anonymous, endpoint.host, credentials);
        await session.headers();
        return this.anonymous.as(session);
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
        const tokens = await Promise.all([...this.runTokens.values()].map((made) => made.catch(() => undefined)));
        if (this.account.signal?.aborted === true) await this.endAfterAbort(tokens);
        else for (const token of tokens) await token?.end();
        await this.client.close();
    }

    /** An interrupted operation must not leave a token behind that lives for years: its end is asked for all the same. */
    private async endAfterAbort(tokens: readonly (RunToken | undefined)[]): Promise<void> {
        const signal = AbortSignal.timeout(ENDING_MS);
        const client = new AdminClient({ ...this.account, signal });
        const { host } = this.account.endpoint;
        const retry = { ...DEFAULT_RETRY, seconds: 0 };
        const connection = { client, host, retry, signal, limiter: new Limiter(1) };
        for (const token of tokens) await token?.end(connection);
        await client.close();
    }

    /** undefined if there is no organization to make it in: nothing is left to administer then. */
    private async runToken(session: QuayApi, organization: string): Promise<RunToken | undefined> {
        const found = await readOrganization(session, organization);
        return found === undefined ? undefined : makeRunToken(session, organization);
    }
}

/** Sign-ins of this process, by host and account. */
const signIns = new Map<string, Promise<Authorization>>();

/**
 * The session of an account that all resources of this process share: they work at the same time, and Quay slows every
 * sign-in of an account down after one wrong password. So it is tried once, and all of them get the error.
 */
class SharedSession implements Authorization {
    readonly account: string;
    private readonly key: string;
    private used: Promise<Authorization> | undefined;

    constructor(
        private readonly api: QuayApi,
        host: string,
        private readonly credentials: Credentials,
    ) {
        this.account = credentials.username;
        this.key = createHash("sha256")
            .update(JSON.stringify([host, credentials.username, credentials.password]))
            .digest("hex");
    }

    async headers(): Promise<Readonly<Record<string, string>>> {
        this.used = signIns.get(this.key) ?? this.signIn();
        return (await this.used).headers();
    }

    /** Unless another resource has renewed it already. */
    renew = (): void => {
        if (signIns.get(this.key) === this.used) signIns.delete(this.key);
    };

    private signIn(): Promise<Authorization> {
        const session = signIn(this.api, this.credentials);
        signIns.set(this.key, session);
        session.catch((error: unknown) => {
            // Only a rejected password stays rejected.
            if (!(error instanceof RegistryError && error.code === "UNAUTHORIZED")) signIns.delete(this.key);
        });
        return session;
    }
}
