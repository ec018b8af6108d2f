import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerCertificate } from "../certificates";
import { Contents } from "../registry-contents";
import { RegistryProcess } from "../registry-process";
import { Front, TokenMint, basicCredentials, readText, respond } from "../token-gateway";
import { ACCESS_ROUTES } from "./access-routes";
import { ARTIFACTORY_ROUTES } from "./artifactory-routes";
import { answerContent, answerToken } from "./content-front";
import { JFrogFault, type Reply, accessFault, artifactoryFault } from "./exchange";
import { Platform, type Principal } from "./model";

const ROUTES = [...ARTIFACTORY_ROUTES, ...ACCESS_ROUTES];

/** A request to `/v2/` as it came. */
export interface ContentRequest {
    readonly method: string;
    readonly path: string;
    readonly username: string;
}

/** What a test puts in place of one answer; undefined lets the platform answer. `drop` cuts the line after it has acted. */
export type Disturbance = (method: string, path: string) => Reply | "drop" | undefined;

/**
 * A JFrog platform (Artifactory and Access) as JFrog's documentation describes it, its `/v2/` in front of a real distribution
 * registry. Never compared with a real one: each route names the page that it is from, and what no page says has all its
 * possible answers (`OpenAnswers`). `test/integration/fake-jfrog.test.ts` can ask a real one the same.
 */
export class FakeJFrog {
    readonly platform = new Platform();
    readonly mint = new TokenMint();
    readonly contents: Contents;
    /** What was asked of the APIs, as "POST /access/api/v2/groups". */
    readonly requests: string[] = [];
    readonly content: ContentRequest[] = [];
    /** How many logins were rejected. */
    rejectedLogins = 0;
    /** Every URL that was asked for. */
    readonly urls: string[] = [];
    /** What the documentation has no answer for: `stop` throws for it. */
    readonly strange: string[] = [];
    disturb: Disturbance = () => undefined;

    private constructor(
        readonly registry: RegistryProcess,
        private readonly server: { front?: Front },
    ) {
        this.contents = new Contents(registry);
    }

    static async start(tls: ServerCertificate): Promise<FakeJFrog> {
        const fake = new FakeJFrog(await RegistryProcess.start(), {});
        fake.server.front = await Front.start(tls, (request, response) => void fake.handle(request, response));
        return fake;
    }

    get front(): Front {
        if (this.server.front === undefined) throw new Error("not started");
        return this.server.front;
    }

    get host(): string {
        return this.front.host;
    }

    /** What changed something, but for the tokens of single operations. */
    writes(): string[] {
        const isWrite = (request: string) => !/^(GET|HEAD) /.test(request);
        return this.requests.filter((request) => isWrite(request) && !request.endsWith(" (run token)"));
    }

    /** @throws if it was asked for something that no page documents */
    async stop(): Promise<void> {
        await this.front.stop();
        await this.registry.stop();
        if (this.strange.length > 0) throw new Error(`not documented: ${this.strange.join("; ")}`);
    }

    private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const { method = "", headers } = request;
        const { pathname } = new URL(request.url ?? "", "https://front");
        this.urls.push(request.url ?? "");
        const context = { ...this.parts(), port: this.registry.port };
        const instead = this.disturb(method, pathname);
        if (instead !== undefined && instead !== "drop") return send(response, instead);
        if (pathname.endsWith("/v2/token")) return answerToken(request, response, context);
        if (pathname.startsWith("/v2/")) {
            const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1] ?? "";
            this.content.push({ method, path: pathname, username: this.mint.read(bearer)?.subject ?? "" });
            return answerContent(request, response, context);
        }
        const reply = await this.api(request, pathname);
        if (instead === "drop") request.socket.destroy();
        else send(response, reply);
    }

    private parts() {
        return { platform: this.platform, mint: this.mint, host: this.host, contents: this.contents };
    }

    private async api(request: IncomingMessage, path: string): Promise<Reply> {
        const { method = "", headers } = request;
        const text = await readText(request);
        const { principal, isBasic } = this.principal(headers.authorization);
        const isRun = text.includes('"registry-passthrough run"') || this.isRunToken(path);
        this.requests.push(`${method} ${path}${isRun ? " (run token)" : ""}`);
        const route = ROUTES.find(([verb, pattern]) => verb === method && pattern.test(path));
        if (route === undefined) {
            this.strange.push(`${method} ${path}`);
            return artifactoryFault(404, "Not Found").reply;
        }
        const [, pattern, answer] = route;
        try {
            this.rejectLogin(headers.authorization, principal, path);
            return answer({
                ...{ platform: this.platform, contents: this.contents, principal, isBasic, path },
                query: new URL(request.url ?? "", "https://front").searchParams,
                body: text === "" ? undefined : (JSON.parse(text) as unknown),
                params: (pattern.exec(path) ?? []).slice(1).map(decodeURIComponent),
                strange: (what) => this.strange.push(what),
            });
        } catch (error) {
            if (!(error instanceof JFrogFault)) throw error;
            return error.reply;
        }
    }

    /** "Requires a valid user": credentials that are wrong are rejected, also where anonymous users may read. */
    private rejectLogin(authorization: string | undefined, principal: Principal, path: string): void {
        const login = basicCredentials(authorization);
        // user-lock-and-login-suspension: 403 for up to a minute, also with the right password.
        if (login !== undefined && this.platform.suspended.has(login.username)) {
            throw artifactoryFault(
                403,
                "This request is blocked due to recurrent login failures, please try again later",
            );
        }
        if (authorization === undefined || principal.kind !== "anonymous") return;
        this.rejectedLogins += 1;
        if (path.startsWith("/access/")) throw accessFault(401, "UNAUTHORIZED", "HTTP 401 Unauthorized");
        throw artifactoryFault(401, "Bad credentials");
    }

    private principal(authorization: string | undefined): { principal: Principal; isBasic: boolean } {
        const bearer = /^Bearer (.+)$/i.exec(authorization ?? "")?.[1];
        if (bearer !== undefined) return { principal: this.platform.bearer(bearer), isBasic: false };
        const login = basicCredentials(authorization);
        return { principal: this.platform.login(login), isBasic: login !== undefined };
    }

    private isRunToken(path: string): boolean {
        const id = /^\/access\/api\/v1\/tokens\/(.+)$/.exec(path)?.[1];
        return this.platform.tokens.some(
            (token) => token.id === id && token.description === "registry-passthrough run",
        );
    }
}

function send(response: ServerResponse, { status, json, text, headers }: Reply): void {
    const body = json === undefined ? (text ?? "") : JSON.stringify(json);
    const type = json === undefined ? "text/plain" : "application/json";
    respond(response, status, body, body === "" ? undefined : type, headers);
}
