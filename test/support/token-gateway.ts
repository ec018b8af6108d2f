import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, request as httpRequest } from "node:http";
import { type Server, createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { ServerCertificate } from "./certificates";

/**
 * The parts of which a vendor's `/v2/` is made in front of a real distribution registry: a server with TLS, a mint for
 * tokens, and a pipe for bytes. Who may do what, and how a refusal reads, is each fake's own:
 *
 *     const front = await Front.start(certificate, (request, response) => {
 *         if (path === "/v2/auth") answer with { token: mint.issue([{ repository, actions }], 3600) };
 *         else if (mint.allows(bearer, repository, "pull")) forward(request, response, registry.port);
 *         else answer 401 with the vendor's challenge and body
 *     });
 *
 * Tokens are opaque: to a client they are no different from a JWT. As with the real ones, taking an account or a right
 * away does not end a token that was issued before.
 */
export interface Access {
    readonly repository: string;
    readonly actions: readonly string[];
}

export interface Issued {
    readonly access: readonly Access[];
    /** Milliseconds since the epoch. */
    readonly ends: number;
    /** Whose it is. */
    readonly subject: string;
}

/** Issues bearer tokens and knows what they are good for. */
export class TokenMint {
    private readonly issued = new Map<string, Issued>();

    issue(access: readonly Access[], seconds: number, subject = ""): string {
        const token = randomBytes(24).toString("base64url");
        this.issued.set(token, { access, ends: Date.now() + seconds * 1000, subject });
        return token;
    }

    /** What a token is good for; undefined if it is none, or has ended. */
    read(token: string): Issued | undefined {
        const found = this.issued.get(token);
        return found !== undefined && found.ends > Date.now() ? found : undefined;
    }

    allows(token: string, repository: string, action: string): boolean {
        const access = this.read(token)?.access ?? [];
        return access.some((entry) => entry.repository === repository && entry.actions.includes(action));
    }

    /** Ends every token there is, as time would. */
    expireAll(): void {
        this.issued.clear();
    }
}

/** `repository:<name>:<actions>`: the type ends at the first colon, the actions begin after the last. */
export function parseScope(scope: string): Access | undefined {
    const first = scope.indexOf(":");
    const last = scope.lastIndexOf(":");
    if (first === -1 || first === last || scope.slice(0, first) !== "repository") return undefined;
    return { repository: scope.slice(first + 1, last), actions: scope.slice(last + 1).split(",") };
}

/** The repository that a `/v2/` path is about; undefined for `/v2/` itself and for `_catalog`. */
export function repositoryOfPath(path: string): string | undefined {
    return /^\/v2\/(.+?)\/(?:manifests|blobs|tags|referrers)\//.exec(path)?.[1];
}

/** User name and password of an `Authorization: Basic` header. */
export function basicCredentials(header: string | undefined): { username: string; password: string } | undefined {
    const encoded = /^Basic (.+)$/i.exec(header ?? "")?.[1];
    if (encoded === undefined) return undefined;
    const text = Buffer.from(encoded, "base64").toString("utf8");
    const colon = text.indexOf(":");
    return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** What a fake may do to an answer of the registry before it goes out. */
export interface Forwarding {
    /** In place of the registry's own answer, if it gives one for this status. */
    readonly replace?: (status: number, body: string) => { status: number; body: string } | undefined;
    readonly headers?: Readonly<Record<string, string>>;
}

/** Pipes a request to a plain registry on loopback and its answer back; neither is held in memory as a whole. */
export function forward(
    request: IncomingMessage,
    response: ServerResponse,
    port: number,
    { replace, headers: added = {} }: Forwarding = {},
): void {
    const { authorization: _gone, cookie: _too, ...headers } = request.headers;
    const upstream = httpRequest(
        {
            port,
            host: "127.0.0.1",
            method: request.method,
            path: request.url,
            // The registry makes its Location headers of these.
            headers: { ...headers, "x-forwarded-proto": "https" },
        },
        (answer) => {
            const status = answer.statusCode ?? 502;
            if (replace === undefined || status < 400) {
                response.writeHead(status, { ...answer.headers, ...added });
                answer.pipe(response);
                return;
            }
            void readText(answer).then((text) => {
                const body = replace(status, text) ?? { status, body: text };
                const length = Buffer.byteLength(body.body);
                response.writeHead(body.status, { ...answer.headers, ...added, "content-length": length });
                response.end(request.method === "HEAD" ? undefined : body.body);
            });
        },
    );
    upstream.on("error", () => response.destroy());
    request.pipe(upstream);
}

/** A front's own answer, which no registry behind it has seen. @param type of the body; undefined for none */
export function respond(
    response: ServerResponse,
    status: number,
    body: string,
    type: string | undefined,
    headers: Readonly<Record<string, string>> = {},
): void {
    response.req.resume();
    response.writeHead(status, {
        ...(type === undefined ? {} : { "content-type": type }),
        "content-length": Buffer.byteLength(body),
        ...headers,
    });
    response.end(response.req.method === "HEAD" ? undefined : body);
}

/** The body of an error (OCI distribution specification, "Error Codes"). */
export function errorBody(code: string, message: string): string {
    return JSON.stringify({ errors: [{ code, message }] });
}

export async function readText(message: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString("utf8");
}

/** An HTTPS server on loopback. */
export class Front {
    private constructor(private readonly server: Server) {}

    static async start(
        tls: ServerCertificate,
        handle: (request: IncomingMessage, response: ServerResponse) => void,
    ): Promise<Front> {
        const server = createServer({ cert: tls.certificate, key: tls.key }, handle);
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        return new Front(server);
    }

    get host(): string {
        return `localhost:${(this.server.address() as AddressInfo).port}`;
    }

    /** From now on it presents another certificate. */
    present(tls: ServerCertificate): void {
        this.server.setSecureContext({ cert: tls.certificate, key: tls.key });
        this.server.closeAllConnections();
    }

    async stop(): Promise<void> {
        this.server.closeAllConnections();
        this.server.close();
        await once(this.server, "close");
    }
}
