import type { IncomingMessage, ServerResponse } from "node:http";
import {
    type Access,
    type TokenMint,
    basicCredentials,
    errorBody,
    forward,
    parseScope,
    repositoryOfPath,
    respond,
} from "../token-gateway";
import type { Contents } from "../registry-contents";
import type { FakeProject, Harbor, Principal } from "./harbor-state";

const TOKEN_SECONDS = 1800;

interface OperationContext {
    readonly harbor: Harbor;
    readonly mint: TokenMint;
    readonly host: string;
    /** Port of the registry behind, and what it holds. */
    readonly port: number;
    readonly contents: Contents;
}

/** `GET /service/token` (registry-apis.md §2): GET only; wrong credentials with a scope get an anonymous token. */
export function answerToken(
    request: IncomingMessage,
    response: ServerResponse,
    { harbor, mint }: OperationContext,
): void {
    const url = new URL(request.url ?? "", "https://front");
    if (request.method !== "GET") return respond(response, 405, "Method Not Allowed", "text/plain");
    if (url.searchParams.get("service") !== "harbor-registry")
        return respond(response, 400, "unable to handle service", "text/plain");
    const login = basicCredentials(request.headers.authorization);
    const principal = harbor.principal(login);
    const scopes = url.searchParams.getAll("scope");
    if (scopes.length === 0 && principal.kind === "anonymous") return respond(response, 401, "", "text/plain");
    const access = scopes.flatMap((text): Access[] => {
        const scope = parseScope(text);
        if (scope === undefined) return [];
        // All rights in the project, not only those that were asked for.
        return [{ repository: scope.repository, actions: allowedActions(harbor, principal, scope.repository) }];
    });
    const token = mint.issue(access, TOKEN_SECONDS, login?.username);
    const json = { token, access_token: "", expires_in: TOKEN_SECONDS, issued_at: new Date().toISOString() };
    respond(response, 200, JSON.stringify(json), "application/json; charset=utf-8");
}

function findProject(harbor: Harbor, repository: string): FakeProject | undefined {
    return harbor.project(repository.split("/")[0] ?? "", true);
}

function allowedActions(harbor: Harbor, principal: Principal, repository: string): string[] {
    const project = findProject(harbor, repository);
    if (project === undefined) return [];
    const may = (action: string) => harbor.may(principal, project, "repository", action);
    // Push implies pull for robots of a project.
    const pulls = may("pull") || may("push") || project.metadata.public === "true";
    return [...(pulls ? ["pull"] : []), ...["push", "delete"].filter(may)];
}

/** `/v2/`: Basic and the bearer tokens of `/service/token`, as registry-apis.md §2 has it. */
export function answerContent(request: IncomingMessage, response: ServerResponse, context: OperationContext): void {
    const { harbor, mint, host, port } = context;
    const { method = "", headers } = request;
    const { pathname, searchParams } = new URL(request.url ?? "", "https://front");
    const isRead = method === "GET" || method === "HEAD";
    if (harbor.readOnly && !isRead)
        return fault(response, 403, "DENIED", "The system is in read only mode. Any modification is prohibited.");
    const login = basicCredentials(headers.authorization);
    const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1];
    const repository = repositoryOfPath(pathname);
    const challenge = (scope?: string) => {
        const asked = scope === undefined ? "" : `,scope="${scope}"`;
        return { "www-authenticate": `Bearer realm="https://${host}/service/token",service="harbor-registry"${asked}` };
    };
    const principal = harbor.principal(login);
    if (repository === undefined) {
        const isKnown = principal.kind !== "anonymous" || (bearer !== undefined && mint.read(bearer) !== undefined);
        if (pathname !== "/v2/" || !isKnown) return fault(response, 401, "UNAUTHORIZED", "unauthorized", challenge());
        return respond(response, 200, "{}", "application/json; charset=utf-8");
    }
    if (headers.authorization === undefined) {
        const scope = `repository:${repository}:${isRead ? "pull" : "pull,push"}`;
        return fault(
            response,
            401,
            "UNAUTHORIZED",
            `unauthorized to access repository: ${repository}`,
            challenge(scope),
        );
    }
    if (!repository.includes("/")) return fault(response, 400, "BAD_REQUEST", `invalid repository name: ${repository}`);
    const project = findProject(harbor, repository);
    // An empty challenge, for administrators too.
    if (project === undefined)
        return fault(response, 401, "UNAUTHORIZED", `project ${repository} not found`, { "www-authenticate": "" });
    const allowed = (name: string, action: string) =>
        bearer === undefined
            ? allowedActions(harbor, principal, name).includes(action)
            : mint.allows(bearer, name, action);
    // Also of an upload, which whoever may push cannot cancel. H: src/server/middleware/v2auth/access.go. Seen on 2.15.2.
    const action = isRead ? "pull" : method === "DELETE" ? "delete" : "push";
    const from = searchParams.get("from");
    const needed: (readonly [string, string])[] = [
        [repository, action],
        ...(from === null ? [] : [[from, "pull"] as const]),
    ];
    const lacking = needed.find(([name, what]) => !allowed(name, what));
    if (lacking !== undefined) {
        // Never 403, and a Basic challenge.
        const text = `unauthorized to access repository: ${lacking[0]}, action: ${lacking[1]}: unauthorized to access repository: ${lacking[0]}, action: ${lacking[1]}`;
        return fault(response, 401, "UNAUTHORIZED", text, { "www-authenticate": 'Basic realm="harbor"' });
    }
    const unread = isRead ? unacceptable(context.contents, repository, pathname, headers.accept) : undefined;
    if (unread !== undefined) return fault(response, 404, "MANIFEST_UNKNOWN", unread);
    const isTag = /\/manifests\/[^:]+$/.test(pathname);
    // H: src/server/registry/manifest.go; §2: 400.
    if (method === "DELETE" && isTag)
        return fault(response, 400, "UNSUPPORTED", "unsupported digest: invalid checksum digest format");
    if (project.immutable.some(({ disabled }) => disabled !== true)) {
        // An existing tag, also with the same manifest; new ones pass. Seen on 2.15.2.
        const reference = /\/manifests\/([^/]+)$/.exec(pathname)?.[1] ?? "";
        if (method === "PUT" && isTag && context.contents.tags(repository).includes(reference))
            return fault(response, 412, "PRECONDITION", "configured as immutable");
        // H: src/controller/tag/controller.go.
        const [tag] = method === "DELETE" ? context.contents.tagsOf(repository, reference) : [];
        if (tag !== undefined)
            return fault(response, 412, "PRECONDITION", `the tag ${tag} configured as immutable, cannot be deleted`);
    }
    const digest = /\/manifests\/(sha256:[0-9a-f]{64})$/.exec(pathname)?.[1];
    if (method === "DELETE" && digest !== undefined && context.contents.manifests(repository).includes(digest)) {
        // Seen on 2.15.2.
        if (context.contents.parents(repository, digest).length > 0)
            return fault(
                response,
                412,
                "VIOLATE_FOREIGN_KEY_CONSTRAINT",
                "the deleting artifact is referenced by others",
            );
        removeChildren(context.contents, repository, digest);
    }
    forward(request, response, port, { replace: (status, body) => renamed(status, body, pathname) });
}

/** Why a manifest is not sent to a client that does not accept its type by name. Seen on 2.15.2, for OCI types. */
function unacceptable(contents: Contents, repository: string, path: string, accept = ""): string | undefined {
    const reference = /\/manifests\/([^/]+)$/.exec(path)?.[1];
    if (reference === undefined) return undefined;
    const isTag = contents.tags(repository).includes(reference);
    const digest = isTag ? contents.tagged(repository, reference) : reference;
    if (!contents.manifests(repository).includes(digest)) return undefined;
    const { mediaType } = contents.manifest(digest);
    const kind = /^application\/vnd\.oci\.image\.(manifest|index)\.v1\+json$/.exec(mediaType)?.[1];
    if (kind === undefined || accept.includes(mediaType)) return undefined;
    const plural = kind === "index" ? "indexes" : "manifests";
    return `OCI ${kind} found, but accept header does not support OCI ${plural}`;
}

/** Children of an index go with it, unless they have a tag or another index. Seen on 2.15.2. */
function removeChildren(contents: Contents, repository: string, index: string): void {
    for (const child of contents.manifest(index).children) {
        const isKept = contents.tagsOf(repository, child).length > 0 || contents.parents(repository, child).length > 1;
        if (!isKept) contents.removeManifest(repository, child);
    }
}

/** Missing repositories, tags and manifests are `NOT_FOUND` here, missing blobs of a manifest `MANIFEST_BLOB_UNKNOWN`. */
function renamed(status: number, body: string, path: string): { status: number; body: string } | undefined {
    if (status !== 404 || !path.includes("/manifests/")) return undefined;
    void body;
    const message = `artifact ${path} not found`;
    return { status, body: JSON.stringify({ errors: [{ code: "NOT_FOUND", message: `${message}: ${message}` }] }) };
}

function fault(
    response: ServerResponse,
    status: number,
    code: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
): void {
    respond(response, status, errorBody(code, message), "application/json; charset=utf-8", headers);
}
