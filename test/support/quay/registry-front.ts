import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, request as ask } from "node:http";
import { computeDigest } from "../../../lib/oci/digest";
import { MANIFEST_MEDIA_TYPES } from "../../../lib/oci/media-types";
import type { Reply } from "../http-server";
import type { Contents } from "../registry-contents";
import type { RegistryProcess } from "../registry-process";
import { abort, json, registryError } from "./reply";
import { postedDigest, storePosted } from "../single-post";
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
    /** Tags that were deleted, with their repository. */
    private readonly expired = new Set<string>();

    constructor(
        private readonly tokens: Tokens,
        private readonly registry: RegistryProcess,
        private readonly url: () => string,
        private readonly setting: () => Pick<QuaySetting, "readOnly" | "sparseIndex" | "anonymousAccess">,
        private readonly isImmutable: (repository: string, tag: string) => boolean,
        private readonly contents: Contents,
        /** Names of the repositories that an account may read. */
        private readonly readable: (subject: string) => readonly string[],
    ) {}

    /** As Quay does: the manifest goes once neither a tag nor an index holds it. */
    deleteTag(repository: string, tag: string): void {
        const digest = this.contents.tagged(repository, tag);
        this.contents.removeTag(repository, tag);
        this.expired.add(`${repository}:${tag}`);
        this.removeUnheld(repository, digest);
    }

    private removeUnheld(repository: string, digest: string): void {
        const isHeld =
            this.contents.tagsOf(repository, digest).length > 0 || this.contents.parents(repository, digest).length > 0;
        if (isHeld) return;
        const { children } = this.contents.manifest(digest);
        this.contents.removeManifest(repository, digest);
        for (const child of children) this.removeUnheld(repository, child);
    }

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
            const digest = postedDigest(method, url);
            const own =
                digest === undefined
                    ? this.answerManifest(method, url, headers)
                    : await this.stored(request, url, digest);
            if (own === undefined) await this.pass(request, response);
            else respond(request, response, own);
            return;
        }
        respond(request, response, refused);
    }

    private async stored(request: IncomingMessage, url: string, digest: string): Promise<Reply> {
        const place = { registry: this.registry, address: this.url() };
        return storePosted(place, url, digest, await readBody(request));
    }

    /** What Quay does otherwise than the registry behind, as seen on 3.12.18 and 3.18.0. */
    private answerManifest(method: string, url: string, headers: IncomingHttpHeaders): Reply | undefined {
        const [, repository = "", reference = ""] = /^\/v2\/(.+)\/manifests\/([^/?]+)$/.exec(url) ?? [];
        if (reference === "") return undefined;
        if (method === "PUT") return unknownType(headers["content-type"]);
        const tags = this.contents.tags(repository);
        if (method === "DELETE") {
            const tagged = this.contents.tagsOf(repository, reference);
            if (tagged.length === 0) return registryError(404, "MANIFEST_UNKNOWN", "manifest unknown");
            for (const tag of tagged) this.deleteTag(repository, tag);
            return { status: 202, headers: { "content-type": "text/html; charset=utf-8" } };
        }
        if (!tags.includes(reference)) {
            const text = `Tag ${reference} was deleted or has expired. To pull, revive via time machine`;
            return this.expired.has(`${repository}:${reference}`) ? registryError(404, "TAG_EXPIRED", text) : undefined;
        }
        const { mediaType } = this.contents.manifest(this.contents.tagged(repository, reference));
        return headers.accept?.includes(mediaType) === true ? undefined : schema1(repository, reference);
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
        if (pathname === "/v2/_catalog") return this.catalog(access);
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

    /** Pages of at most a hundred are left out: no test has so many. Q: endpoints/v2/catalog.py. Seen on 3.18.0. */
    private catalog(access: Access | undefined): Reply {
        if (access === undefined && !this.setting().anonymousAccess)
            return abort(401, "Anonymous access is not allowed");
        return json(200, { repositories: access === undefined ? [] : this.readable(access.subject) });
    }

    /** On to the registry, which trusts whoever reaches it; it names itself by our address. */
    private async pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const { protocol, host } = new URL(this.url());
        const headers = { ...request.headers, host, "x-forwarded-proto": protocol.slice(0, -1) };
        delete headers.authorization;
        // By digest Quay sends what it has, whatever the client accepts; what a tag may not send is answered before.
        if (/\/manifests\/[^/]+$/.test(request.url ?? "")) headers.accept = MANIFEST_MEDIA_TYPES.join(", ");
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

function respond(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
    request.resume();
    const body = Buffer.from(reply.body ?? "");
    response.writeHead(reply.status, { "content-length": body.length, ...reply.headers });
    response.end(request.method === "HEAD" ? undefined : body);
}

/** Types that Quay has a schema for; application/json is schema 1. */
const MANIFEST_TYPE = /^application\/(json|vnd\.(docker\.distribution\.manifest|oci\.image)\..+\+(json|prettyjws))$/;

function unknownType(type = ""): Reply | undefined {
    if (MANIFEST_TYPE.test(type)) return undefined;
    const detail = { message: "manifest schema version not supported" };
    return json(415, { errors: [{ code: "MANIFEST_INVALID", detail, message: "manifest invalid" }] });
}

/** A client that asks for a tag and does not accept the type of its manifest gets another one, with another digest. */
function schema1(repository: string, tag: string): Reply {
    const body = JSON.stringify({ tag, name: repository, architecture: "amd64", schemaVersion: 1 });
    const headers = {
        "content-type": "application/vnd.docker.distribution.manifest.v1+json",
        "docker-content-digest": computeDigest(body),
    };
    return { status: 200, headers, body };
}

function isManifestPut({ method, url }: IncomingMessage): boolean {
    return method === "PUT" && url?.includes("/manifests/") === true;
}

/** The body of a PUT of a manifest. */
async function readManifestBody(request: IncomingMessage): Promise<Buffer | undefined> {
    return isManifestPut(request) ? readBody(request) : undefined;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
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
