import { randomBytes } from "node:crypto";
import { ScriptedServer } from "../http-server";
import type { Seen } from "../http-server";
import type { ServerCertificate } from "../certificates";
import { type Asked, type Fault, registryError } from "./fault";

interface Grant {
    readonly scopes: readonly string[];
    readonly until: number;
}

const SERVICE = "fault registry";

/**
 * Bearer tokens in front of a registry (distribution, "Token Authentication Specification"): a token server that wants
 * the account, and a check of every request. Its clock stands still unless a test lets time pass.
 */
export class TokenGate {
    /** Those given out. */
    readonly tokens = new Set<string>();
    private now = 0;
    private readonly grants = new Map<string, Grant>();

    private constructor(
        private readonly account: { readonly username: string; readonly password: string },
        private readonly lifetime: number,
    ) {}

    private server!: ScriptedServer;

    /** @param lifetime seconds that a token lives, by the gate's clock */
    static async start(
        account: { readonly username: string; readonly password: string },
        lifetime: number,
        tls: ServerCertificate,
    ): Promise<TokenGate> {
        const gate = new TokenGate(account, lifetime);
        gate.server = await ScriptedServer.start((request) => gate.grant(request), tls);
        return gate;
    }

    /** Seconds pass: tokens end that their holder still trusts, as they do where two clocks differ. */
    pass(seconds: number): void {
        this.now += seconds;
    }

    /** The 401 that a request without a good token gets; undefined lets it pass. */
    check(asked: Asked): Fault | undefined {
        const token = /^Bearer (.+)$/.exec(asked.headers.authorization ?? "")?.[1];
        const grant = token === undefined ? undefined : this.grants.get(token);
        const [, repository = ""] = /^\/v2\/(.+)\/(?:blobs|manifests)\//.exec(asked.url) ?? [];
        const action = asked.method === "GET" || asked.method === "HEAD" ? "pull" : "pull,push";
        const isGood = grant !== undefined && grant.until > this.now && allows(grant, repository, action);
        if (isGood) return undefined;
        const error = token === undefined ? "" : ',error="invalid_token"';
        const scope = repository === "" ? "" : `,scope="repository:${repository}:${action}"`;
        const refusal = registryError(401, "UNAUTHORIZED", "authentication required") as Fault & { kind: "answer" };
        const challenge = `Bearer realm="${this.server.origin}/token",service="${SERVICE}"${scope}${error}`;
        return { ...refusal, headers: { ...refusal.headers, "www-authenticate": challenge } };
    }

    async stop(): Promise<void> {
        await this.server.stop();
    }

    private grant({ url, authorization }: Seen): { status: number; headers: Record<string, string>; body: string } {
        const { username, password } = this.account;
        const basic = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
        const { searchParams } = new URL(url, this.server.origin);
        const json = { "content-type": "application/json" };
        if (authorization !== basic || searchParams.get("service") !== SERVICE) {
            return { status: 401, headers: json, body: '{"errors":[{"code":"UNAUTHORIZED"}]}' };
        }
        const token = randomBytes(24).toString("hex");
        this.tokens.add(token);
        this.grants.set(token, { scopes: searchParams.getAll("scope"), until: this.now + this.lifetime });
        return { status: 200, headers: json, body: JSON.stringify({ token, expires_in: this.lifetime }) };
    }
}

function allows({ scopes }: Grant, repository: string, action: string): boolean {
    const granted = scopes.map((scope) => /^repository:(.+):([^:]+)$/.exec(scope));
    return granted.some(
        (scope) => scope?.[1] === repository && action.split(",").every((one) => scope[2]?.split(",").includes(one)),
    );
}
