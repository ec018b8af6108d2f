import type { Reply } from "../http-server";
import type { QuayModel } from "./model";
import { SCOPES } from "./model";
import { abort, html, json, problem } from "./reply";
import { type ApiRequest, NEVER_SEEN, type Route, SEEN } from "./route";
import type { Sessions } from "./sessions";

/** How a Quay is set up; what is on in both flavours is not here. */
export interface QuaySetting {
    /** "Quay 3.16.0"; absent before 3.16. */
    readonly version?: string;
    readonly anonymousAccess: boolean;
    readonly userCreation: boolean;
    /** FEATURE_USER_INITIALIZE. */
    readonly userInitialize: boolean;
    readonly nestedNames: boolean;
    readonly createNamespaceOnPush: boolean;
    readonly autoPrune: boolean;
    readonly readOnly: boolean;
    readonly proxyCache: boolean;
    /** FEATURE_IMMUTABLE_TAGS (3.17). */
    readonly immutableTags: boolean;
    /** FEATURE_SPARSE_INDEX (3.18); absent: a version that does not announce it. */
    readonly sparseIndex?: boolean;
    /** Services that /health/instance says are not well. */
    readonly unhealthy: readonly string[];
    /** Names in SUPER_USERS. */
    readonly superUsers: readonly string[];
}

/** Q: util/validation.py, validate_password and INVALID_PASSWORD_MESSAGE. */
const PASSWORD_RULE = "Invalid password, it must be at least 8 characters and contain no whitespace";

function isAllowedPassword(password: string): boolean {
    return password.length >= 8 && !/\s/.test(password);
}

export function siteRoutes(setting: () => QuaySetting, sessions: Sessions, url: () => string): readonly Route[] {
    return [
        {
            method: "GET",
            path: "/health/instance",
            source: "§4: GET /health/instance; 503 in the same shape [run 3.18.0]",
            seenOn: SEEN,
            answer: () => {
                const { unhealthy } = setting();
                const names = ["auth", "database", "disk_space", "registry_gunicorn", "service_key", "web_gunicorn"];
                const services = Object.fromEntries(names.map((name) => [name, !unhealthy.includes(name)]));
                const status = unhealthy.length > 0 ? 503 : 200;
                return json(status, { data: { services }, status_code: status });
            },
        },
        {
            method: "GET",
            path: "/config",
            source: "§4: GET /config: version_number only ≥3.16; features are named without FEATURE_",
            seenOn: SEEN,
            answer: () => {
                const { version, anonymousAccess, userCreation, nestedNames, autoPrune, readOnly } = setting();
                const { proxyCache, immutableTags } = setting();
                const { protocol, host } = new URL(url());
                return json(200, {
                    config: {
                        AUTHENTICATION_TYPE: "Database",
                        LOCAL_OAUTH_HANDLER: "/oauth/localapp",
                        PREFERRED_URL_SCHEME: protocol.slice(0, -1),
                        SERVER_HOSTNAME: host,
                    },
                    features: {
                        ANONYMOUS_ACCESS: anonymousAccess,
                        AUTO_PRUNE: autoPrune,
                        DIRECT_LOGIN: true,
                        EXTENDED_REPOSITORY_NAMES: nestedNames,
                        INVITE_ONLY_USER_CREATION: false,
                        IMMUTABLE_TAGS: immutableTags,
                        MAILING: false,
                        PROXY_CACHE: proxyCache,
                        USER_CREATION: userCreation,
                    },
                    oauth: {},
                    registry_state: readOnly ? "readonly" : "normal",
                    ...(version === undefined ? {} : { version_number: version }),
                });
            },
        },
        {
            method: "GET",
            path: "/csrf_token",
            source: "§4: session: GET /csrf_token and a cookie of the name _csrf_token",
            seenOn: SEEN,
            answer: ({ cookies }) => {
                const { id, session } = sessions.ofCookies(cookies) ?? sessions.begin();
                return json(200, { csrf_token: session.csrf }, { "set-cookie": sessions.cookie(id) });
            },
        },
        {
            method: "POST",
            path: "/api/v1/signin",
            body: { username: "string", password: "string" },
            source: "§4: session: X-Next-CSRF-Token, the old one is void; 403 and a back-off for a bad password",
            seenOn: SEEN,
            answer: (request, model) => signIn(request, model, sessions),
        },
        {
            method: "GET",
            path: "/api/v1/users/:user",
            source: "Q: endpoints/api/user.py, Users: anybody; 404 in shape (b) [run 3.12.18]",
            seenOn: SEEN,
            answer: ({ params }, model) => {
                if (model.users.has(params.user ?? "")) return json(200, { anonymous: false, username: params.user });
                return json(404, { message: "The requested URL was not found on the server." });
            },
        },
        {
            method: "POST",
            path: "/api/v1/user/",
            body: { username: "string", password: "string" },
            optional: { email: "string" },
            source: "§5: POST /api/v1/user/ needs only CSRF; a name in SUPER_USERS is superuser then",
            seenOn: SEEN,
            answer: ({ body }, model) => {
                const name = String(body.username);
                if (!setting().userCreation) return problem(400, "Creation of a user account is disabled");
                if (model.users.has(name)) return problem(400, "The username already exists");
                if (model.organizations.has(name)) {
                    return problem(
                        400,
                        `Username has already been taken by an organization and cannot be reused: ${name}`,
                    );
                }
                const password = String(body.password);
                if (!isAllowedPassword(password)) return problem(400, PASSWORD_RULE);
                model.addUser(name, password, String(body.email ?? ""));
                return json(200, { anonymous: false, username: name }, sessions.signedIn(name));
            },
        },
        {
            method: "PUT",
            path: "/api/v1/user/",
            body: { password: "string" },
            source: "Q: endpoints/api/user.py, User.put: a fresh session; every other session of the user ends [run 3.18.0]",
            seenOn: NEVER_SEEN,
            answer: ({ body, identity: { via, username } }, model) => {
                const user = model.users.get(username ?? "");
                if (via !== "session" || user === undefined) return abort(401, "Requires authentication");
                const password = String(body.password);
                if (!isAllowedPassword(password)) return problem(400, PASSWORD_RULE);
                model.users.set(user.username, { ...user, password });
                sessions.endOf(user.username);
                return json(200, { anonymous: false, username }, sessions.signedIn(user.username));
            },
        },
        {
            method: "POST",
            path: "/api/v1/user/initialize",
            body: { username: "string", password: "string" },
            optional: { email: "string", access_token: "string" },
            source: "Q: endpoints/web.py, user_initialize: no CSRF token; 400 once there is a user",
            seenOn: NEVER_SEEN,
            answer: ({ body }, model) => {
                if (!setting().userInitialize) return html(404, "404 Not Found");
                const refused = (message: string) => json(400, { message });
                if (model.users.size > 0) return refused("Cannot initialize user in a non-empty database");
                const [username, password] = [String(body.username), String(body.password)];
                if (!isAllowedPassword(password)) return refused(`Failed to initialize user: ${PASSWORD_RULE}`);
                model.addUser(username, password, String(body.email ?? ""));
                return json(200, { username }, sessions.signedIn(username));
            },
        },
        {
            method: "POST",
            path: "/oauth/authorizeapp",
            source: "§4: OAuth application: 302 with the token in the fragment; errors are 302 too",
            seenOn: SEEN,
            answer: (request, model) => authorizeApplication(request, model, url()),
        },
    ];
}

function signIn({ body }: ApiRequest, model: QuayModel, sessions: Sessions): Reply {
    const user = model.users.get(String(body.username));
    const now = Date.now();
    if (user !== undefined && user.blockedUntil > now) {
        const seconds = Math.floor((user.blockedUntil - now) / 1000);
        return abort(429, "Too many login attempts.", { "retry-after": String(seconds) });
    }
    if (user === undefined || user.password !== body.password) {
        if (user !== undefined) user.blockedUntil = now + 600;
        const message = "Invalid Username or Password";
        return json(403, { needsEmailVerification: false, invalidCredentials: true, message });
    }
    return json(200, { success: true }, sessions.signedIn(user.username));
}

function authorizeApplication({ form, identity }: ApiRequest, model: QuayModel, url: string): Reply {
    if (identity.via !== "session" || identity.username === undefined) return html(401, "Unauthorized");
    const redirect = form.get("redirect_uri");
    if (redirect !== `${url}/oauth/localapp`) return abort(400, "invalid_request");
    const to = (fragment: string): Reply => ({ status: 302, headers: { location: `${redirect}${fragment}` } });
    const clientId = form.get("client_id") ?? "";
    const isKnown = [...model.organizations.values()].some(({ applications }) => applications.has(clientId));
    if (!isKnown || form.get("response_type") !== "token") return to("?error=unauthorized_client");
    const scopes = (form.get("scope") ?? "").split(/[ ,]/).filter((scope) => scope !== "");
    if (scopes.length === 0 || scopes.some((scope) => !SCOPES.includes(scope as (typeof SCOPES)[number]))) {
        return to("?error=invalid_scope");
    }
    const token = model.addGrant(identity.username, scopes, clientId);
    const given = encodeURIComponent(scopes.join(" "));
    return to(`?scope=${given}#access_token=${token}&token_type=Bearer&expires_in=315576000`);
}
