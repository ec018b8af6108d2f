import { once } from "node:events";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { ServerCertificate } from "../certificates";
import type { Reply } from "../http-server";
import { RegistryProcess } from "../registry-process";
import { Contents } from "../registry-contents";
import { QuayModel } from "./model";
import { FAULT, abort, html, json, modelError } from "./reply";
import { organizationRoutes } from "./organization-routes";
import { type Admitted, RegistryFront } from "./registry-front";
import { repositoryRoutes } from "./repository-routes";
import { robotRoutes } from "./robot-routes";
import { type ApiRequest, type Identity, type Route, hasScope, matches, schemaProblem, strangeFields } from "./route";
import { tagRoutes } from "./tag-routes";
import { Sessions } from "./sessions";
import { type QuaySetting, siteRoutes } from "./site-routes";
import { FORBIDDEN } from "./reply";
import { Tokens } from "./tokens";

const QUAY: QuaySetting = {
    version: "Quay 3.16.1",
    anonymousAccess: false,
    userCreation: false,
    userInitialize: false,
    nestedNames: true,
    createNamespaceOnPush: false,
    autoPrune: false,
    readOnly: false,
    proxyCache: false,
    immutableTags: false,
    unhealthy: [],
    superUsers: ["quayadmin"],
};

/** MR: R/templates/config.yaml.j2; Quay 3.12 tells no version. */
const MIRROR_REGISTRY: QuaySetting = {
    anonymousAccess: true,
    userCreation: true,
    userInitialize: true,
    nestedNames: true,
    createNamespaceOnPush: true,
    autoPrune: false,
    readOnly: false,
    proxyCache: false,
    immutableTags: false,
    unhealthy: [],
    superUsers: ["admin"],
};

/** An API request as it came, for tests to look at. */
export interface QuayAccess {
    readonly method: string;
    readonly path: string;
    readonly status: number;
}

/**
 * A strict stand-in for Quay's API and token service in front of a real distribution registry. Every route names where
 * its behaviour comes from; what Quay refuses is refused with Quay's status and body.
 */
export class FakeQuay {
    readonly model = new QuayModel();
    readonly accesses: QuayAccess[] = [];
    /** Fields that were sent and that Quay does not know: a test that ends with one has found a mistake of the client. */
    readonly strange: string[] = [];
    /** Answers in place of the server, for faults; undefined lets the request through. */
    fault: ((method: string, path: string) => Reply | undefined) | undefined;
    /** Holds a request back before anything is done for it; undefined lets it through. */
    hold: ((method: string, path: string) => Promise<void> | undefined) | undefined;
    setting: QuaySetting;
    private readonly sessions = new Sessions();
    private readonly tokens = new Tokens(this.model, () => this.setting);
    private readonly front: RegistryFront;
    readonly contents: Contents;
    private readonly routes: readonly Route[];
    private readonly asked = new Set<Route>();

    private constructor(
        private readonly server: Server,
        private readonly isTls: boolean,
        readonly registry: RegistryProcess,
        flavour: "quay" | "mirror-registry",
    ) {
        this.setting = flavour === "quay" ? QUAY : MIRROR_REGISTRY;
        this.contents = new Contents(registry);
        this.front = new RegistryFront(
            this.tokens,
            registry,
            () => this.url,
            () => this.setting,
            (repository, tag) => this.isImmutable(repository, tag),
            this.contents,
            (subject) => this.model.readable(subject),
        );
        this.routes = [
            ...siteRoutes(
                () => this.setting,
                this.sessions,
                () => this.url,
            ),
            ...organizationRoutes(this.contents),
            ...robotRoutes,
            ...tagRoutes(
                () => this.setting,
                this.contents,
                (repository, tag) => this.front.deleteTag(repository, tag),
            ),
            ...repositoryRoutes(this.contents),
        ];
    }

    static async start(flavour: "quay" | "mirror-registry", tls?: ServerCertificate): Promise<FakeQuay> {
        const registry = await RegistryProcess.start();
        const server =
            tls === undefined ? createServer() : (createTlsServer({ cert: tls.certificate, key: tls.key }) as Server);
        const quay = new FakeQuay(server, tls !== undefined, registry, flavour);
        server.on("request", (request: IncomingMessage, response: ServerResponse) => {
            void quay.handle(request, response);
        });
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        return quay;
    }

    get host(): string {
        return `localhost:${(this.server.address() as AddressInfo).port}`;
    }

    get url(): string {
        return `${this.isTls ? "https" : "http"}://${this.host}`;
    }

    /** As a restart with another SECRET_KEY does. */
    endSessions(): void {
        this.sessions.end();
    }

    /** Requests for images that were let in, and as whom. */
    get admitted(): Admitted[] {
        return this.front.admitted;
    }

    /** As somebody does by hand. */
    deleteTag(repository: string, tag: string): void {
        this.front.deleteTag(repository, tag);
    }

    /** What changed something. */
    writes(): QuayAccess[] {
        return this.accesses.filter(({ method }) => method !== "GET");
    }

    /** Routes that are marked as seen on a real server and that nobody has asked. */
    unasked(): string[] {
        const unasked = this.routes.filter((route) => route.seenOn.length > 0 && !this.asked.has(route));
        return unasked.map(({ method, path }) => `${method} ${path}`);
    }

    async stop(): Promise<void> {
        this.server.closeAllConnections();
        this.server.close();
        await once(this.server, "close");
        await this.registry.stop();
    }

    private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const { method = "GET", url = "/" } = request;
        const { pathname, searchParams } = new URL(url, this.url);
        await this.hold?.(method, pathname);
        if (request.destroyed) return;
        const broken = this.fault?.(method, pathname);
        if (broken?.cutAfter === 0) {
            // What cuts the answer off has still done its work, unless it says otherwise.
            if (broken.status !== 0) await this.answer(request, method, pathname, searchParams);
            request.socket.destroy();
            return;
        }
        if (broken !== undefined) {
            this.send(method, pathname, broken, response);
            return;
        }
        if (pathname.startsWith("/v2/") && pathname !== "/v2/auth") {
            await this.front.handle(request, response);
            return;
        }
        this.send(method, pathname, await this.answer(request, method, pathname, searchParams), response);
    }

    private send(method: string, path: string, reply: Reply, response: ServerResponse): void {
        this.accesses.push({ method, path, status: reply.status });
        const body = Buffer.from(reply.body ?? "");
        response.writeHead(reply.status, { "content-length": body.length, ...reply.headers });
        if (reply.cutAfter === undefined) response.end(body);
        else response.write(body.subarray(0, reply.cutAfter), () => response.socket?.destroy());
    }

    private async answer(
        request: IncomingMessage,
        method: string,
        path: string,
        query: URLSearchParams,
    ): Promise<Reply> {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        if (path === "/v2/auth") {
            if (method !== "GET") return html(405, "405 Method Not Allowed");
            return this.tokens.answer(request.headers.authorization, query.getAll("scope"), this.front.challenge());
        }
        const found = this.routes.flatMap((route) => {
            const params = matches(route.path, path);
            return params !== undefined && route.method === method ? [{ route, params }] : [];
        })[0];
        const identity = this.identity(request);
        const needsCsrf = method !== "GET" && path !== "/api/v1/user/initialize";
        if (identity.via === "nothing" && needsCsrf) return abort(403, "CSRF token was invalid or missing.");
        if (found === undefined) return this.unrouted(method, path);
        this.asked.add(found.route);
        if (this.setting.readOnly && method !== "GET" && path !== "/api/v1/signin") {
            return json(503, {
                message:
                    "System is currently read-only. Pulls will succeed but all write operations are currently suspended.",
                is_readonly: true,
            });
        }
        // Q: endpoints/decorators.py, check_anon_protection: of what is here, only a sign-in is let through.
        const isAnonymous = identity.username === undefined && path !== "/api/v1/signin";
        if (path.startsWith("/api/") && isAnonymous && !this.setting.anonymousAccess) {
            return abort(401, "Anonymous access is not allowed");
        }
        const text = Buffer.concat(chunks).toString("utf8");
        const isForm = path.startsWith("/oauth/");
        const body = isForm ? {} : parseBody(found.route, request, text);
        if ("status" in body) return body as Reply;
        // The scope is asked for before the body is looked at (§4, and Quay 3.12.18 itself).
        if (path === "/api/v1/organization/" && method === "POST" && !hasScope(identity, "user:admin"))
            return FORBIDDEN;
        const wrong = schemaProblem(found.route, body);
        if (wrong !== undefined) return wrong;
        this.strange.push(...strangeFields(found.route, body).map((field) => `${method} ${path}: ${field}`));
        const asked: ApiRequest = {
            method,
            path,
            query,
            params: found.params,
            body,
            identity,
            cookies: parseCookies(request),
            form: new URLSearchParams(isForm ? text : ""),
        };
        return found.route.answer(asked, this.model);
    }

    /** A token that is not valid counts as none: then only a session with its CSRF token is somebody. */
    private identity(request: IncomingMessage): Identity {
        const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
        const grant = this.model.grants.get(token ?? "");
        if (grant !== undefined) return { username: grant.username, via: "token", scopes: grant.scopes };
        const nobody: Identity = { username: undefined, via: "nothing", scopes: new Set() };
        const session = this.sessions.ofCookies(parseCookies(request))?.session;
        if (session === undefined) return nobody;
        const isRead = request.method === "GET";
        if (!isRead && request.headers["x-csrf-token"] !== session.csrf) return nobody;
        // The CSRF token alone lets a sign-in and a registration through.
        return {
            username: session.username,
            via: isRead && session.username === undefined ? "nothing" : "session",
            scopes: new Set(),
        };
    }

    /** A policy makes a tag immutable once it is there. */
    private isImmutable(repository: string, tag: string): boolean {
        if (!this.setting.immutableTags || !this.contents.tags(repository).includes(tag)) return false;
        const organization = this.model.organizations.get(repository.split("/")[0] ?? "");
        return organization?.immutabilityPolicies.some(({ tagPattern }) => new RegExp(tagPattern).test(tag)) === true;
    }

    /** §4, "Unknown paths" and "Redirects": what is there with a slash is redirected, the reverse is not. */
    private unrouted(method: string, path: string): Reply {
        const isThere = (other: string) =>
            this.routes.some((route) => route.method === method && matches(route.path, other) !== undefined);
        if (!path.endsWith("/") && (isThere(`${path}/`) || method === "GET")) {
            return { status: 308, headers: { "content-type": "text/html", location: `${this.url}${path}/` } };
        }
        if (method === "GET") return html(404, "404 Not Found");
        return path.endsWith("/") ? html(405, "405 Method Not Allowed") : FAULT;
    }
}

function parseBody(route: Route, request: IncomingMessage, text: string): Record<string, unknown> | Reply {
    if (route.body === undefined && route.optional === undefined) return {};
    if (text === "" && route.body === undefined) return {};
    const type = request.headers["content-type"]?.split(";")[0]?.trim() ?? "";
    if (!/^application\/(.+\+)?json$/.test(type)) {
        // Seen on 3.12.18 and 3.18.0: a body that may be missing is not read then.
        if (route.body === undefined) return {};
        const message =
            "Did not attempt to load JSON data because the request Content-Type was not 'application/json'.";
        return json(415, { message });
    }
    try {
        return JSON.parse(text) as Record<string, unknown>;
    } catch {
        return modelError("The browser (or proxy) sent a request that this server could not understand.");
    }
}

function parseCookies(request: IncomingMessage): Record<string, string> {
    const pairs = (request.headers.cookie ?? "").split("; ").map((pair) => pair.split("=") as [string, string]);
    return Object.fromEntries(pairs);
}
