import { type Call, type Reply, type Route, SEEN, forbidden, precondition, unauthorized } from "./exchange";

/** registry-apis.md §3: ping, health, systeminfo, the current user, permissions and the GC schedule. */
export const SYSTEM_ROUTES: readonly Route[] = [
    ["GET", /^\/ping$/, () => ({ status: 200, text: "Pong" }), SEEN],
    ["GET", /^\/health$/, health, SEEN],
    ["GET", /^\/systeminfo$/, systemInfo, SEEN],
    ["GET", /^\/users\/current$/, currentUser, SEEN],
    ["GET", /^\/system\/gc\/schedule$/, schedule, SEEN],
];

/** Always 200. */
function health({ harbor }: Call): Reply {
    const names = ["core", "database", "jobservice", "portal", "redis", "registry", "registryctl"];
    const components = names.map((name) => {
        const isDown = harbor.unhealthy.includes(name);
        return { name, status: isDown ? "unhealthy" : "healthy", ...(isDown ? { error: "connection refused" } : {}) };
    });
    return { status: 200, json: { status: harbor.unhealthy.length > 0 ? "unhealthy" : "healthy", components } };
}

/** The version is for logins only since 2.13. */
function systemInfo({ harbor, principal }: Call): Reply {
    const common = { auth_mode: "db_auth", self_registration: harbor.selfRegistration };
    const isShown = principal.kind !== "anonymous" || harbor.minor <= 12;
    const version = isShown ? { harbor_version: harbor.version } : {};
    if (principal.kind === "anonymous") return { status: 200, json: { ...common, ...version } };
    const own = { project_creation_restriction: "everyone", read_only: harbor.readOnly };
    return { status: 200, json: { ...common, ...version, ...own } };
}

/** 412 for a robot. */
function currentUser({ principal }: Call): Reply {
    if (principal.kind === "anonymous") throw unauthorized();
    if (principal.kind === "robot") throw precondition("get current user not available for security context: robot");
    const { username, sysadmin } = principal.user;
    return { status: 200, json: { user_id: 1, username, sysadmin_flag: sysadmin } };
}

/** Without a schedule 200 with nothing; the parameters are JSON in a string. */
function schedule({ harbor, principal }: Call): Reply {
    if (principal.kind === "anonymous") throw unauthorized();
    if (principal.kind === "robot" || !principal.user.sysadmin) throw forbidden();
    if (harbor.deleteUntagged === undefined) return { status: 200 };
    const job_parameters = JSON.stringify({ delete_untagged: harbor.deleteUntagged, workers: 1 });
    return { status: 200, json: { schedule: { type: "Weekly", cron: "0 0 0 * * 6" }, job_parameters } };
}
