import { type Call, type Reply, type Route, accessFault, fields, requireAdminToken, requirePro } from "./exchange";
import type { FakeResource, FakeToken } from "./model";

const NAME = "([^/]+)";

export const ACCESS_ROUTES: readonly Route[] = [
    ["POST", pattern("/v1/tokens"), createToken, "create-token"],
    ["GET", pattern("/v1/tokens"), listTokens, "get-tokens"],
    ["GET", pattern(`/v1/tokens/${NAME}`), getToken, "get-token-by-id"],
    ["DELETE", pattern(`/v1/tokens/${NAME}`), revokeToken, "revoke-token-by-id"],
    ["POST", pattern("/v2/groups"), createGroup, "create-a-group"],
    ["GET", pattern(`/v2/groups/${NAME}`), (call) => ({ status: 200, json: group(call) }), "get-group-details"],
    ["PATCH", pattern(`/v2/groups/${NAME}`), updateGroup, "update-group-details"],
    ["DELETE", pattern(`/v2/groups/${NAME}`), deleteGroup, "delete-group"],
    ["GET", pattern("/v2/permissions"), listPermissions, "get-permissions"],
    ["POST", pattern("/v2/permissions"), createPermission, "create-permission"],
    ["GET", pattern(`/v2/permissions/${NAME}`), getPermission, "get-permission"],
    ["DELETE", pattern(`/v2/permissions/${NAME}`), deletePermission, "delete-permission"],
    [
        "PUT",
        pattern(`/v2/permissions/${NAME}/${NAME}`),
        replaceResource,
        "github.com/jfrog/terraform-provider-platform",
    ],
    [
        "DELETE",
        pattern(`/v2/permissions/${NAME}/${NAME}`),
        deleteResource,
        "github.com/jfrog/terraform-provider-platform",
    ],
];

function pattern(path: string): RegExp {
    return new RegExp(`^/access/api${path}$`);
}

function missing({ platform }: Call, what: string): never {
    throw accessFault(404, platform.open.absenceCode, `${what} was not found`);
}

function duplicate({ platform }: Call, what: string): never {
    const { duplicate: status } = platform.open;
    throw accessFault(status, status === 409 ? "CONFLICT" : "BAD_REQUEST", `${what} already exists`);
}

const TOKEN_FIELDS = [
    "grant_type",
    "username",
    "scope",
    "expires_in",
    "refreshable",
    "description",
    "include_reference_token",
    "force_revocable",
];

/** With a password only where the platform's setting allows it, for the user itself. */
function createToken(call: Call): Reply {
    const { platform, principal, isBasic } = call;
    if (principal.kind === "anonymous") throw accessFault(401, "UNAUTHORIZED", "HTTP 401 Unauthorized");
    const body = fields(call, TOKEN_FIELDS);
    if (typeof body.expires_in !== "number") call.strange("a token without expires_in: the documented defaults differ");
    if (isBasic && !platform.createsTokensForPasswords) {
        throw accessFault(403, "FORBIDDEN", "Token generation with basic authentication is disabled");
    }
    if (!platform.isAdmin(principal)) throw accessFault(403, "FORBIDDEN", "Only an admin user may set this scope");
    const own = principal.kind === "user" ? principal.user.username : principal.token.username;
    const { username = own, scope, expires_in: seconds, description = "" } = body as Partial<Record<string, string>>;
    if (isBasic && username !== own) call.strange("a token for another user, with a password");
    const expires_in = Number(seconds);
    const token = platform.addToken(username, String(scope), expires_in, description);
    const { id: token_id, secret: access_token } = token;
    return { status: 200, json: { token_id, access_token, expires_in, scope, token_type: "Bearer" } };
}

/** Neither its secret nor its scope. */
function shown({ id, username, issued, expiry, description }: FakeToken) {
    return {
        token_id: id,
        subject: `jfac@01h0example/users/${username}`,
        ...(expiry === 0 ? {} : { expiry }),
        issued_at: issued,
        issuer: "jfac@01h0example",
        ...(description === "" ? {} : { description }),
        refreshable: false,
    };
}

function listTokens(call: Call): Reply {
    requireAdminToken(call);
    const { tokens, open } = call.platform;
    const username = open.filtersTokens ? call.query.get("username") : null;
    const found = tokens.filter((token) => username === null || token.username === username);
    return { status: 200, json: { tokens: found.map(shown) } };
}

function getToken(call: Call): Reply {
    requireAdminToken(call);
    const token = call.platform.tokens.find(({ id }) => id === call.params[0]);
    return token === undefined ? missing(call, "token") : { status: 200, json: shown(token) };
}

/** 204: it was revoked already. */
function revokeToken(call: Call): Reply {
    requireAdminToken(call);
    return { status: call.platform.revoke(call.params[0] ?? "") ? 200 : 204 };
}

const GROUP_FIELDS = ["name", "description", "auto_join", "admin_privileges"];

function createGroup(call: Call): Reply {
    requireAdminToken(call);
    const body = fields(call, GROUP_FIELDS);
    const name = String(body.name);
    if (call.platform.groups.has(name)) duplicate(call, `group ${name}`);
    const created = {
        name,
        description: String(body.description ?? ""),
        auto_join: body.auto_join === true,
        admin_privileges: body.admin_privileges === true,
    };
    call.platform.groups.set(name, created);
    return { status: 201, json: { ...created, realm: "internal" } };
}

function group(call: Call) {
    requireAdminToken(call);
    const found = call.platform.groups.get(call.params[0] ?? "");
    return found ?? missing(call, "group");
}

function updateGroup(call: Call): Reply {
    const found = group(call);
    Object.assign(found, fields(call, GROUP_FIELDS.slice(1)));
    return { status: 200, json: found };
}

function deleteGroup(call: Call): Reply {
    const { name } = group(call);
    call.platform.groups.delete(name);
    return { status: 204 };
}

function requireLicense(call: Call): void {
    if (call.platform.open.permissionsNeedPro) requirePro(call);
}

/** Since 7.72.0; without Pro there are no permission targets. */
function listPermissions(call: Call): Reply {
    requireAdminToken(call);
    requireLicense(call);
    const permissions = [...call.platform.permissions.keys()].map((name) => ({ name, uri: `https://example/${name}` }));
    return { status: 200, json: { permissions } };
}

function createPermission(call: Call): Reply {
    requireAdminToken(call);
    requireLicense(call);
    const { name, resources } = fields(call, ["name", "resources"]) as {
        name: string;
        resources: Record<string, FakeResource>;
    };
    if (call.platform.permissions.has(name)) duplicate(call, `permission ${name}`);
    for (const resource of Object.values(resources)) checkResource(call, resource);
    const created = { name, resources };
    call.platform.permissions.set(name, created);
    const { status, hasBody } = call.platform.open.permissionCreated;
    return { status, ...(hasBody ? { json: created } : {}) };
}

function permission(call: Call) {
    requireAdminToken(call);
    requireLicense(call);
    const found = call.platform.permissions.get(call.params[0] ?? "");
    return found ?? missing(call, "permission");
}

function getPermission(call: Call): Reply {
    return { status: 200, json: permission(call) };
}

function deletePermission(call: Call): Reply {
    call.platform.permissions.delete(permission(call).name);
    return { status: 204 };
}

function replaceResource(call: Call): Reply {
    const found = permission(call);
    const resource = call.body as FakeResource;
    checkResource(call, resource);
    found.resources = { ...found.resources, [call.params[1] ?? ""]: resource };
    return { status: 200, json: resource };
}

function deleteResource(call: Call): Reply {
    const found = permission(call);
    const { [call.params[1] ?? ""]: _gone, ...rest } = found.resources;
    found.resources = rest;
    return { status: 204 };
}

const ACTIONS = ["READ", "WRITE", "ANNOTATE", "DELETE", "MANAGE", "SCAN", "DISTRIBUTE", "EXECUTE"];

/** Groups and repositories must exist. */
function checkResource(call: Call, { actions, targets }: FakeResource): void {
    const { groups, repositories } = call.platform;
    for (const [name, list] of Object.entries(actions.groups)) {
        if (!groups.has(name)) throw accessFault(400, "BAD_REQUEST", `group ${name} does not exist`);
        if (list.some((action) => !ACTIONS.includes(action))) throw accessFault(400, "BAD_REQUEST", "unknown action");
    }
    for (const key of Object.keys(targets)) {
        if (!repositories.has(key)) throw accessFault(400, "BAD_REQUEST", `repository ${key} does not exist`);
    }
}
