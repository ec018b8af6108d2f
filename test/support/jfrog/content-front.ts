import type { IncomingMessage, ServerResponse } from "node:http";
import { type TokenMint, basicCredentials, errorBody, forward, repositoryOfPath, respond } from "../token-gateway";
import type { Contents } from "../registry-contents";
import type { Platform, Principal } from "./model";

const TOKEN_SECONDS = 3600;

interface ContentContext {
    readonly platform: Platform;
    readonly mint: TokenMint;
    readonly host: string;
    /** Port of the registry behind. */
    readonly port: number;
    readonly contents: Contents;
}

/** `…/v2/token`, for Basic credentials: `{"token":…,"expires_in":3600}` (how-to-troubleshoot-docker-problems). */
export function answerToken(request: IncomingMessage, response: ServerResponse, context: ContentContext): void {
    const { platform, mint } = context;
    const login = basicCredentials(request.headers.authorization);
    const principal = platform.login(login);
    if (principal.kind === "anonymous" && !platform.allowsAnonymous) {
        return fault(response, 401, "UNAUTHORIZED", "Bad credentials");
    }
    const token = mint.issue([], TOKEN_SECONDS, login?.username);
    platform.principals.set(token, principal);
    respond(response, 200, JSON.stringify({ token, expires_in: TOKEN_SECONDS }), "application/json");
}

/**
 * `/v2/` by the repository path method: the first part of a name is the repository key. Which statuses Artifactory has for a
 * missing right is not documented: 403, as for every missing permission of its REST API.
 */
export function answerContent(request: IncomingMessage, response: ServerResponse, context: ContentContext): void {
    const { platform, mint, host, port, contents } = context;
    const { method = "", headers } = request;
    const { pathname } = new URL(request.url ?? "", "https://front");
    const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1] ?? "";
    const principal: Principal =
        (mint.read(bearer) === undefined ? undefined : platform.principals.get(bearer)) ??
        ({ kind: "anonymous" } as const);
    const repository = repositoryOfPath(pathname);
    const [key = ""] = (repository ?? "").split("/");
    const challenge = `Bearer realm="https://${host}/artifactory/api/docker/${key === "" ? "null" : key}/v2/token",service="${host}"`;
    const isUnknown = principal.kind === "anonymous" && !platform.allowsAnonymous;
    if (isUnknown || (bearer !== "" && mint.read(bearer) === undefined)) {
        return fault(response, 401, "UNAUTHORIZED", "authentication required", { "www-authenticate": challenge });
    }
    if (repository === undefined) return respond(response, 200, "{}", "application/json");
    if (!platform.repositories.has(key)) {
        const body = { errors: [{ status: 404, message: `repository ${key} does not exist` }] };
        return respond(response, 404, JSON.stringify(body), "application/json");
    }
    const lacking = neededActions(method, repository, pathname, contents).find(
        (action) => !platform.may(principal, key, action),
    );
    if (lacking !== undefined) {
        if (principal.kind === "anonymous") {
            return fault(response, 401, "UNAUTHORIZED", "authentication required", { "www-authenticate": challenge });
        }
        return fault(response, 403, "DENIED", `not enough permissions: ${lacking} on ${repository}`);
    }
    forward(request, response, port);
}

/** A-adm: permission-details: overwriting takes Delete/Overwrite; a push sets properties, hence Annotate. */
function neededActions(method: string, repository: string, path: string, contents: Contents): string[] {
    if (method === "GET" || method === "HEAD") return ["READ"];
    if (method === "DELETE" && !path.includes("/uploads/")) return ["DELETE"];
    const tag = /\/manifests\/([^/:]+)$/.exec(path)?.[1];
    const overwrites = method === "PUT" && tag !== undefined && contents.tags(repository).includes(tag);
    return ["WRITE", "ANNOTATE", ...(overwrites ? ["DELETE"] : [])];
}

function fault(
    response: ServerResponse,
    status: number,
    code: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
): void {
    respond(response, status, errorBody(code, message), "application/json", headers);
}
