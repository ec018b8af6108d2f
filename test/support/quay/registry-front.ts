import { type IncomingMessage, type ServerResponse, request as ask } from "node:http";
import type { Reply } from "../http-server";
import type { RegistryProcess } from "../registry-process";
import { abort, registryError } from "./reply";
import type { QuaySetting } from "./site-routes";
import type { Access, Tokens } from "./tokens";

/** A request that was let in, and whose token it came with. */
export interface Admitted {
    readonly method: string;
    /** Path and query. */
    readonly path: string;
    readonly subject: string | undefined;
}

/**
 * Quay's `/v2/` before a real registry: lets its own tokens in and nothing else, by repository and action, and gives
 * Quay's answers where they differ (registry-apis, §2 and §4).
 */
export class RegistryFront {
    readonly admitted: Admitted[] = [];

    constructor(
        private readonly tokens: Tokens,
        private readonly registry: RegistryProcess,
        private readonly url: () => string,
        private readonly setting: () => Pick<QuaySetting, "readOnly" | "sparseIndex">,
        private readonly isImmutable: (repository: string, tag: string) => boolean,
    ) {}

    challenge(scope?: string): NonNullable<Reply["headers"]> {
        const service = new URL(this.url()).host;
        const asked = scope === undefined ? "" : `,scope="${scope}"`;
        return {
            "www-authenticate": `Bearer realm="${this.url()}/v2/auth",service="${service}"${asked}`,
            "docker-distribution-api-version": "registry/2.0",
        };
    }

    async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const refused = this.refused(request);
        if (refused === undefined) {
            const { method = "GET", url = "", headers } = request;
            this.admitted.push({ method, path: url, subject: this.tokens.of(headers.authorization)?.subject });
            await this.pass(request, response);
            return;
        }
        request.resume();
        const body = Buffer.from(refused.body ?? "");
        response.writeHead(refused.status, { "content-length": body.length, ...refused.headers });
        response.end(request.method === "HEAD" ? undefined : body);
    }

    private refused(request: IncomingMessage): Reply | undefined {
        const { method = "GET" } = request;
        const { authorization } = request.headers;
        const { pathname } = new URL(request.url ?? "/", this.url());
        const access = this.tokens.of(authorization);
        if (authorization !== undefined && access === undefined) {
            return abort(401, "Invalid bearer token format", this.challenge());
        }
        if (pathname === "/v2/") return this.greeting(access);
        const name = /^\/v2\/(.+)\/(?:blobs|manifests|tags|referrers)\//.exec(pathname)?.[1] ?? "";
        const isRead = method === "GET" || method === "HEAD";
        if (access?.actions.get(name)?.has(isRead ? "pull" : "push") !== true) {
            const scope = `repository:${name}:${isRead ? "pull" : "pull,push"}`;
            const message = "access to the requested resource is not authorized";
            return registryError(401, "UNAUTHORIZED", message, this.challenge(scope));
        }
        if (!isRead && this.setting().readOnly) {
            const detail = { is_readonly: true };
            const errors = [{ code: "DENIED", message: "System is currently read-only.", detail }];
            return {
                status: 405,
                headers: { "content-type": "application/json" },
                body: JSON.stringify({ errors, is_readonly: true }),
            };
        }
        const tag = /\/manifests\/([^:]+)$/.exec(pathname)?.[1];
        // Seen on 3.18.0: also for the digest that the tag has.
        if (method === "PUT" && tag !== undefined && this.isImmutable(name, tag)) {
            return registryError(409, "TAG_IMMUTABLE", `tag ${tag} is immutable`);
        }
        const isDeletable = /\/manifests\/[^/]+:[^/]+$|\/blobs\/uploads\//.test(pathname);
        if (method === "DELETE" && !isDeletable) return registryError(405, "UNSUPPORTED", "");
        return undefined;
    }

    /** The body is the text `true`, in both cases, and the challenge comes with both. */
    private greeting(access: Access | undefined): Reply {
        const { sparseIndex } = this.setting();
        const announced = sparseIndex === undefined ? {} : { "x-sparse-manifest-support": String(sparseIndex) };
        const headers = { ...this.challenge(), ...announced, "content-type": "text/html; charset=utf-8" };
        return { status: access === undefined ? 401 : 200, headers, body: "true\n" };
    }

    /** On to the registry, which trusts whoever reaches it; it names itself by our address. */
    private async pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const { protocol, host } = new URL(this.url());
        const headers = { ...request.headers, host, "x-forwarded-proto": protocol.slice(0, -1) };
        delete headers.authorization;
        const body = await readManifestBody(request);
        if (body !== undefined && hasUncompressedLayers(body))
            return rejectManifest(response, "schema validation failed");
        return new Promise((resolve) => {
            const passed = ask(
                { host: "127.0.0.1", port: this.registry.port, method: request.method, path: request.url, headers },
                (answer) => {
                    void this.answer(request, answer, response).then(resolve);
                },
            );
            passed.on("error", () => {
                response.destroy();
                resolve();
            });
            if (body === undefined) request.pipe(passed);
            else passed.end(body);
        });
    }

    private async answer(request: IncomingMessage, answer: IncomingMessage, response: ServerResponse): Promise<void> {
        if (!isManifestPut(request) || answer.statusCode !== 400) {
            response.writeHead(answer.statusCode ?? 502, answer.headers);
            answer.pipe(response);
            return;
        }
        // Quay has one code for everything that is wrong with a manifest, a missing child or blob among it.
        const chunks: Buffer[] = [];
        for await (const chunk of answer) chunks.push(chunk as Buffer);
        rejectManifest(response, Buffer.concat(chunks).toString("utf8").slice(0, 300));
    }
}

function isManifestPut({ method, url }: IncomingMessage): boolean {
    return method === "PUT" && url?.includes("/manifests/") === true;
}

/** The body of a PUT of a manifest. */
async function readManifestBody(request: IncomingMessage): Promise<Buffer | undefined> {
    if (!isManifestPut(request)) return undefined;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
}

/** Quay's schema has the gzip type and foreign layers only (image/docker/schema2/manifest.py). */
function hasUncompressedLayers(manifest: Buffer): boolean {
    return manifest.includes('"application/vnd.docker.image.rootfs.diff.tar"');
}

function rejectManifest(response: ServerResponse, message: string): void {
    response.writeHead(400, { "content-type": "application/json" });
    const errors = [{ code: "MANIFEST_INVALID", detail: { message }, message: "manifest invalid" }];
    response.end(JSON.stringify({ errors }));
}
