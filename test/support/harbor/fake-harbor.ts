import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Credentials } from "../../../lib/http/credentials";
import type { ServerCertificate } from "../certificates";
import { Contents } from "../registry-contents";
import { RegistryProcess } from "../registry-process";
import { Front, TokenMint, basicCredentials, readText, respond } from "../token-gateway";
import { answerContent, answerToken } from "./content-front";
import { HarborFault, type Reply, type Route, denied, forbidden, notFound, unprocessable } from "./exchange";
import { Harbor, type Principal } from "./harbor-state";
import { projectRoutes } from "./project-routes";
import { repositoryRoutes } from "./repository-routes";
import { ROBOT_ROUTES } from "./robot-routes";
import { SYSTEM_ROUTES } from "./system-routes";

const API = "/api/v2.0";
/** A little longer than Harbor's 1.5 s: timers may be early. */
const LOCK_MS = 1510;

/** A request to the API as it came. */
export interface ApiRequest {
    readonly method: string;
    readonly path: string;
    readonly authorization: string | undefined;
    readonly status: number;
}

/** A request to `/v2/` as it came; whose token it was is known by who got it. */
export interface ContentRequest {
    readonly method: string;
    readonly path: string;
    readonly username: string;
}

/** What a test puts in place of one answer; undefined lets Harbor answer. `drop` cuts the line after Harbor has acted. */
export type Disturbance = (method: string, path: string) => Reply | "drop" | undefined;

/**
 * Harbor as registry-apis.md §2 and §3 have seen it answer: its API, its token service, and its `/v2/` in front of a
 * real distribution registry. Left out: the 1.5 s after a failed login at `/v2/`, and of names that no user has; members, projects' deep corners, and the referrers
 * API. What the OCI conformance suite says of its `/v2/`: docs/registries.md.
 */
export class FakeHarbor {
    readonly harbor = new Harbor();
    readonly mint = new TokenMint();
    readonly requests: ApiRequest[] = [];
    readonly content: ContentRequest[] = [];
    /** Every URL that was asked for. */
    readonly urls: string[] = [];
    /** Every cookie that came back. */
    readonly cookies: string[] = [];
    /** By secret, every one that a robot account ever had when something was asked. */
    readonly everyLogin = new Map<string, Credentials>();
    /** Names of users that a failed login has locked. */
    readonly locked = new Set<string>();
    disturb: Disturbance = () => undefined;
    readonly contents: Contents;
    private readonly routes: readonly Route[];
    private readonly asked = new Set<Route>();

    private constructor(
        readonly registry: RegistryProcess,
        private readonly isStopped: { front?: Front },
    ) {
        this.contents = new Contents(registry);
        this.routes = [
            ...SYSTEM_ROUTES,
            ...ROBOT_ROUTES,
            ...projectRoutes((project) => this.contents.repositories(project).length),
            ...repositoryRoutes(this.contents),
        ];
    }

    static async start(tls: ServerCertificate): Promise<FakeHarbor> {
        const fake = new FakeHarbor(await RegistryProcess.start(), {});
        fake.isStopped.front = await Front.start(tls, (request, response) => void fake.handle(request, response));
        return fake;
    }

    get front(): Front {
        if (this.isStopped.front === undefined) throw new Error("not started");
        return this.isStopped.front;
    }

    get host(): string {
        return this.front.host;
    }

    /** What changed something, as "POST /robots". */
    writes(): string[] {
        return this.requests
            .filter(({ method }) => method !== "GET" && method !== "HEAD")
            .map(({ method, path }) => `${method} ${path}`);
    }

    /** Routes that are marked as seen on a real server and that nobody has asked. */
    unasked(): string[] {
        const unasked = this.routes.filter((route) => route[3].length > 0 && !this.asked.has(route));
        return unasked.map(([method, pattern]) => `${method} ${pattern.source}`);
    }

    async stop(): Promise<void> {
        await this.front.stop();
        await this.registry.stop();
    }

    private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const { pathname } = new URL(request.url ?? "", "https://front");
        // Every answer sets one; whoever sends it back needs a CSRF token.
        response.setHeader("set-cookie", `sid=${randomUUID()}; Path=/; HttpOnly`);
        response.setHeader("x-request-id", randomUUID());
        const { port } = this.registry;
        const context = { harbor: this.harbor, mint: this.mint, host: this.host, port, contents: this.contents };
        this.urls.push(request.url ?? "");
        if (request.headers.cookie !== undefined) this.cookies.push(request.headers.cookie);
        for (const robot of this.harbor.robots) {
            const login = { username: this.harbor.fullName(robot), password: robot.secret };
            this.everyLogin.set(login.password, login);
        }
        const instead = this.disturb(request.method ?? "", pathname);
        if (instead !== undefined && instead !== "drop") return send(response, instead);
        if (pathname === "/service/token") return answerToken(request, response, context);
        if (pathname.startsWith("/v2/")) {
            if (csrf(request)) return send(response, faultReply(csrfFault()));
            const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
            const username =
                basicCredentials(request.headers.authorization)?.username ?? this.mint.read(bearer)?.subject ?? "";
            this.content.push({ method: request.method ?? "", path: pathname, username });
            return answerContent(request, response, context);
        }
        const reply = await this.api(request, pathname);
        if (instead === "drop") request.socket.destroy();
        else send(response, reply);
    }

    private async api(request: IncomingMessage, pathname: string): Promise<Reply> {
        const { method = "" } = request;
        const path = pathname.slice(API.length);
        let reply: Reply;
        try {
            reply = await this.route(request, pathname, path);
        } catch (error) {
            if (!(error instanceof HarborFault)) throw error;
            reply = faultReply(error);
        }
        this.requests.push({ method, path, authorization: request.headers.authorization, status: reply.status });
        return reply;
    }

    /**
     * src/core/auth/authenticator.go and lock.go, seen on 2.15.2: the refusal of a user's wrong password is held back, and
     * until then every login of that name counts as anonymous at once, also with the right password.
     */
    private async login(login: Credentials | undefined): Promise<Principal> {
        const principal = this.harbor.principal(login);
        if (login === undefined || !this.harbor.users.some(({ username }) => username === login.username))
            return principal;
        if (this.locked.has(login.username)) return { kind: "anonymous" };
        if (principal.kind === "user") return principal;
        this.locked.add(login.username);
        await delay(LOCK_MS);
        this.locked.delete(login.username);
        return principal;
    }

    private async route(request: IncomingMessage, pathname: string, path: string): Promise<Reply> {
        const { method = "", headers } = request;
        // Outside of the API an unknown path has an empty body.
        if (!pathname.startsWith(API)) return { status: 404 };
        const text = await readText(request);
        const isRead = method === "GET" || method === "HEAD";
        if (csrf(request)) throw csrfFault();
        if (this.harbor.readOnly && !isRead)
            throw denied("The system is in read only mode. Any modification is prohibited.");
        const matching = this.routes.filter(([, pattern]) => pattern.test(path));
        if (matching.length === 0) throw notFound(`path ${pathname} was not found`);
        const route = matching.find(([verb]) => verb === method);
        if (route === undefined) throw new HarborFault(405, "METHOD_NOT_ALLOWED", `method ${method} is not allowed`);
        this.asked.add(route);
        const [, pattern, answer] = route;
        const isText = path === "/ping";
        const type = isRead || method === "DELETE" ? negotiatedType(headers.accept, isText) : JSON_TYPE;
        const bearsJwt = /^Bearer /i.test(headers.authorization ?? "");
        // The tokens of /service/token are for /v2/ only.
        const principal = bearsJwt
            ? ({ kind: "anonymous" } as const)
            : await this.login(basicCredentials(headers.authorization));
        const reply = await answer({
            ...{ harbor: this.harbor, principal, method, path, headers },
            query: new URL(request.url ?? "", "https://front").searchParams,
            body: ["POST", "PUT", "PATCH"].includes(method) ? parseBody(text, headers["content-type"]) : undefined,
            params: pattern.exec(path)?.slice(1) ?? [],
        });
        if (!isRead || reply.json !== undefined) return reply;
        // A string is a JSON string for a client that prefers JSON.
        const { text: plain = "" } = reply;
        const shown = type === JSON_TYPE && isText ? `${JSON.stringify(plain)}\n` : plain;
        return { ...reply, text: shown, headers: { "content-type": type, ...reply.headers } };
    }
}

const JSON_TYPE = "application/json";

/**
 * go-openapi/runtime, middleware/negotiate.go, as seen on Harbor 2.15.2 for requests without a body: text/plain, the first
 * choice of a route that has it, or JSON; 422 for a client that takes neither.
 */
function negotiatedType(accept: string | undefined, isText: boolean): string {
    const ranges = (accept ?? "*/*").split(",").map((range) => range.split(";", 1)[0]?.trim() ?? "");
    const offers = isText ? ["text/plain", JSON_TYPE] : [JSON_TYPE];
    const takes = (type: string) => ranges.includes(type) || ranges.includes(`${type.split("/")[0] ?? ""}/*`);
    const offer = offers.find(takes) ?? (ranges.includes("*/*") ? offers[0] : undefined);
    if (offer !== undefined) return offer;
    throw unprocessable(
        `validation failure list:\nunsupported media type requested, only [${offers.join(" ")}] are available`,
    );
}

/** §3 "Errors": broken JSON, no content type and no body are 422. */
function parseBody(text: string, type: string | undefined): unknown {
    if (type?.split(";")[0]?.trim() !== JSON_TYPE)
        throw unprocessable(
            `validation failure list:\nunsupported media type "${type ?? ""}", only [application/json] are allowed`,
        );
    if (text === "") throw unprocessable("body in body is required");
    try {
        return JSON.parse(text);
    } catch {
        throw unprocessable('parsing body body from "" failed, because unexpected end of JSON input');
    }
}

function csrf(request: IncomingMessage): boolean {
    const isRead = request.method === "GET" || request.method === "HEAD";
    return !isRead && /(^|;\s*)sid=/.test(request.headers.cookie ?? "");
}

function csrfFault(): HarborFault {
    return forbidden("CSRF token not found in request");
}

function faultReply({ status, code, message }: HarborFault): Reply {
    return { status, json: { errors: [{ code, message }] } };
}

function send(response: ServerResponse, { status, json, text, headers }: Reply): void {
    const body = json === undefined ? (text ?? "") : `${JSON.stringify(json)}\n`;
    const jsonType = status < 400 ? JSON_TYPE : `${JSON_TYPE}; charset=utf-8`;
    const type = json === undefined ? "text/plain" : jsonType;
    respond(response, status, body, body === "" ? undefined : type, headers);
}
