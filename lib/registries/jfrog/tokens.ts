import { z } from "zod";
import { isOutcomeUnknown, parseBody } from "../admin-client";
import type { JFrogClient } from "./client";
import { TOKENS } from "./run-token";
import { usernameOfSubject } from "./token-username";

const tokenInfo = z.object({
    token_id: z.string(),
    /** `jfac@01h…/users/mirror-importer-1` */
    subject: z.string(),
    /** Seconds since the epoch; absent: it does not expire. */
    expiry: z.number().nullish(),
    issued_at: z.number(),
    description: z.string().nullish(),
});
const tokenList = z.object({ tokens: z.array(tokenInfo) });
const created = z.object({ token_id: z.string().min(1), access_token: z.string().min(1) });

const DAY_SECONDS = 24 * 3600;
const CREATE_FIXES = {
    403:
        "use an account that administers the platform, and a site.robots.<name>.maxAge that is not longer than Artifactory lets " +
        "a token live",
};

/** An access token as Access shows it: never its secret, and never what it may do. */
export interface AccessToken {
    readonly id: string;
    readonly username: string;
    readonly description: string;
    /** RFC 3339. */
    readonly createdAt: string;
    /** RFC 3339; absent if it does not expire. */
    readonly expiresAt?: string;
}

export interface DesiredToken {
    /** Need not exist: it is what the token logs in as. */
    readonly username: string;
    /** Gives the token its rights. */
    readonly group: string;
    readonly description: string;
    /** Absent: it does not expire. */
    readonly days?: number | undefined;
}

/** Access tokens, by which robot accounts log in. */
export class AccessTokens {
    constructor(private readonly client: JFrogClient) {}

    /** undefined only if Access definitely says that it does not exist, or was revoked. */
    async read(id: string): Promise<AccessToken | undefined> {
        const found = await this.client.get(`${TOKENS}/${encodeURIComponent(id)}`, tokenInfo);
        return found && toToken(found);
    }

    /** Those of one user; which filters a version of Access knows differs. */
    async listOfUser(username: string): Promise<AccessToken[]> {
        return (await this.list(`?username=${encodeURIComponent(username)}`)).filter(
            (token) => token.username === username,
        );
    }

    async list(query = ""): Promise<AccessToken[]> {
        const response = await this.client.call({ method: "GET", path: `${TOKENS}${query}` });
        return parseBody(response, tokenList).tokens.map(toToken);
    }

    /** Creates one. One whose response was lost is revoked and created again: its secret cannot be read. */
    async create(desired: DesiredToken): Promise<{ readonly id: string; readonly secret: string }> {
        try {
            return await this.post(desired);
        } catch (error) {
            if (!isOutcomeUnknown(error)) throw error;
            await this.revokeLeftOver(desired);
            return this.post(desired);
        }
    }

    /** Revokes tokens that an earlier creation of the same robot account has left. */
    async revokeLeftOver({ username, description }: Pick<DesiredToken, "username" | "description">): Promise<void> {
        for (const token of await this.listOfUser(username)) {
            if (token.description === description) await this.revoke(token.id);
        }
    }

    /** One that is revoked already (204), or unknown, is fine. */
    async revoke(id: string): Promise<void> {
        await this.client.call({ method: "DELETE", path: `${TOKENS}/${encodeURIComponent(id)}` }, [404]);
    }

    private async post({ username, group, description, days }: DesiredToken): Promise<{ id: string; secret: string }> {
        const json = {
            grant_type: "client_credentials",
            username,
            scope: `applied-permissions/groups:${group}`,
            // The documented defaults differ, so it is always sent; 0: never.
            expires_in: (days ?? 0) * DAY_SECONDS,
            refreshable: false,
            description,
            include_reference_token: false,
            force_revocable: true,
        };
        const response = await this.client.call({ method: "POST", path: TOKENS, json }, [], CREATE_FIXES);
        const { token_id: id, access_token: secret } = parseBody(response, created);
        return { id, secret };
    }
}

function toToken({ token_id, subject, expiry, issued_at, description }: z.infer<typeof tokenInfo>): AccessToken {
    return {
        id: token_id,
        username: usernameOfSubject(subject),
        description: description ?? "",
        createdAt: toTime(issued_at),
        ...(typeof expiry === "number" && expiry > 0 ? { expiresAt: toTime(expiry) } : {}),
    };
}

function toTime(seconds: number): string {
    return new Date(seconds * 1000).toISOString();
}
