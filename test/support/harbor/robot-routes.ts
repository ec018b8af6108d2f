import { randomBytes } from "node:crypto";
import {
    type Call,
    HarborFault,
    type Reply,
    type Route,
    SEEN,
    badRequest,
    conflict,
    denied,
    fields,
    filters,
    forbidden,
    notFound,
    paged,
    unauthorized,
    unprocessable,
} from "./exchange";
import { type FakeProject, type FakeRobot, type Harbor, type Pair, remove } from "./harbor-state";

/** registry-apis.md §3, the calls on robot accounts and the table "Robot rule". */
export const ROBOT_ROUTES: readonly Route[] = [
    ["GET", /^\/robots$/, listRobots, SEEN],
    ["POST", /^\/robots$/, createRobot, SEEN],
    ["GET", /^\/robots\/([^/]+)$/, (call) => ({ status: 200, json: shown(call.harbor, found(call, "read")) }), SEEN],
    ["PUT", /^\/robots\/([^/]+)$/, updateRobot, SEEN],
    ["PATCH", /^\/robots\/([^/]+)$/, refreshSecret, SEEN],
    [
        "DELETE",
        /^\/robots\/([^/]+)$/,
        (call) => {
            const robot = found(call, "delete");
            remove(call.harbor.robots, ({ id }) => id === robot.id);
            return { status: 200 };
        },
        SEEN,
    ],
];

const RESOURCES: Readonly<Record<string, readonly string[]>> = {
    repository: ["read", "update", "delete", "list", "pull", "push"],
    artifact: ["read", "delete", "list"],
    tag: ["create", "delete", "list"],
    project: ["read", "update", "delete"],
    quota: ["read"],
    metadata: ["create", "read", "update", "delete", "list"],
    "immutable-tag": ["create", "update", "delete", "list"],
};
/** Since 2.12; there is no update. */
const MANAGING: Readonly<Record<string, readonly string[]>> = { robot: ["create", "read", "list", "delete"] };

/** Without `Level` only system robots are listed, of which there are none here; unknown keys are ignored. */
function listRobots(call: Call): Reply {
    if (call.principal.kind === "anonymous") throw unauthorized();
    const q = filters(call);
    if (q.get("level") !== "project") return paged(call, []);
    const id = q.get("projectid");
    if (id === undefined) throw badRequest("must with project ID when to query project robots");
    const project = call.harbor.project(id);
    if (project === undefined) return paged(call, []);
    mayManage(call, project, "list");
    const robots = call.harbor.robots.filter(({ project_id }) => project_id === project.project_id);
    const named = q.get("name");
    return paged(
        call,
        robots
            .filter(({ name }) => named === undefined || name === decodeURIComponent(named))
            .map((robot) => shown(call.harbor, robot)),
    );
}

function createRobot(call: Call): Reply {
    const { harbor, principal } = call;
    if (principal.kind === "anonymous") throw unauthorized();
    const body = fields(call.body, { name: "string", level: "string", duration: "number", description: "string" });
    const name = String(body.name);
    if (!/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(name))
        throw badRequest("robot name is not in lower case or contains illegal characters");
    if (body.level !== "project") throw badRequest(`bad request error level input: ${String(body.level)}`);
    const { namespace, access } = permission(body.permissions);
    const project = harbor.project(namespace, true);
    if (project === undefined) throw notFound(`project ${namespace} not found`);
    mayManage(call, project, "create");
    checkAccess(harbor, access);
    if (principal.kind === "robot" && !isSubset(access, principal.robot.access))
        throw denied("permission scope is invalid");
    const duration = days(harbor, body.duration);
    const stored = `${namespace}+${name}`;
    const description = typeof body.description === "string" ? body.description : "";
    if (stored.length > 255 || description.length > 1024)
        throw new HarborFault(500, "UNKNOWN", "internal server error");
    if (harbor.robots.some((robot) => robot.name === stored)) {
        throw conflict(`robot account ${project.project_id}:${stored} already exists`);
    }
    const creation = Math.floor(Date.now() / 1000);
    const robot: FakeRobot = {
        id: harbor.nextId(),
        project_id: project.project_id,
        name: stored,
        description,
        // `secret` and `disable` of the request are ignored.
        secret: generated(),
        duration,
        creation,
        expires_at: duration === -1 ? -1 : creation + duration * 86_400,
        disable: false,
        access,
    };
    harbor.robots.push(robot);
    const { id, secret, expires_at } = robot;
    const json = { id, name: harbor.fullName(robot), secret, creation_time: time(creation), expires_at };
    return { status: 201, json, headers: { location: `/api/v2.0/robots/${id}` } };
}

/** The full name with its prefix, the level and permissions must be repeated; what is left out is reset. */
function updateRobot(call: Call): Reply {
    const robot = found(call, "update");
    const body = fields(call.body, { name: "string", level: "string", duration: "number", disable: "boolean" });
    if (body.name !== call.harbor.fullName(robot) || body.level !== "project") {
        throw badRequest("cannot update the level or name of robot");
    }
    const { namespace, access } = permission(body.permissions);
    if (!robot.name.startsWith(`${namespace}+`)) throw badRequest("cannot update the project id of robot");
    checkAccess(call.harbor, access);
    const isKept = body.duration === undefined && call.harbor.minor >= 11;
    const duration = isKept ? robot.duration : days(call.harbor, body.duration);
    // Counted from the creation, and only if it differs.
    if (duration !== robot.duration) robot.expires_at = duration === -1 ? -1 : robot.creation + duration * 86_400;
    robot.duration = duration;
    robot.access = access;
    robot.disable = body.disable === true;
    robot.description = typeof body.description === "string" ? body.description : "";
    return { status: 200 };
}

/** An empty secret is generated; an own one of 8 to 128 characters needs upper case, lower case and a digit. */
function refreshSecret(call: Call): Reply {
    const robot = found(call, "update");
    const { secret = "" } = fields(call.body, { secret: "string" }) as { secret?: string };
    if (secret === "") {
        robot.secret = generated();
        return { status: 200, json: { secret: robot.secret } };
    }
    const isStrong = /[A-Z]/.test(secret) && /[a-z]/.test(secret) && /\d/.test(secret);
    const isLong = secret.length >= 8 && (call.harbor.minor < 9 || secret.length <= 128);
    if (!isStrong || !isLong) {
        throw badRequest(
            "the secret must be 8-128, inclusively, characters long with at least 1 uppercase letter, 1 lowercase letter " +
                "and 1 number",
        );
    }
    robot.secret = secret;
    return { status: 200, json: {} };
}

/** 404 for an unknown id whoever asks; 403 for one of another project; 422 for what is no number. */
function found(call: Call, action: string): FakeRobot {
    if (call.principal.kind === "anonymous") throw unauthorized();
    const id = call.params[0] ?? "";
    if (!/^\d+$/.test(id)) throw unprocessable(`robot_id in path must be of type int64: "${id}"`);
    const robot = call.harbor.robots.find((one) => one.id === Number(id));
    if (robot === undefined) throw notFound(`robot account ${id} not found`);
    const project = call.harbor.project(String(robot.project_id));
    if (project !== undefined) mayManage(call, project, action);
    return robot;
}

/** Users: the project's administrator. Robots: since 2.12, and never update. */
function mayManage({ harbor, principal }: Call, project: FakeProject, action: string): void {
    const isTooOld = principal.kind === "robot" && harbor.minor < 12;
    if (isTooOld || !harbor.may(principal, project, "robot", action)) throw forbidden();
}

/** Project robots have exactly one entry. */
function permission(permissions: unknown): { namespace: string; access: Pair[] } {
    const [entry, ...more] = Array.isArray(permissions) ? (permissions as unknown[]) : [];
    if (entry === undefined || more.length > 0) throw badRequest("bad request permission");
    const { kind, namespace, access } = entry as { kind?: unknown; namespace?: unknown; access?: unknown };
    if (kind !== "project" || typeof namespace !== "string" || !Array.isArray(access) || access.length === 0) {
        throw badRequest("bad request permission");
    }
    return { namespace, access: access as Pair[] };
}

/** Every pair is checked against a fixed list since 2.10. */
function checkAccess(harbor: Harbor, access: readonly Pair[]): void {
    if (harbor.minor < 10) return;
    const known = harbor.minor >= 12 ? { ...RESOURCES, ...MANAGING } : RESOURCES;
    for (const { resource, action } of access) {
        if (known[resource]?.includes(action) !== true)
            throw badRequest(`bad request permission: ${resource}:${action}`);
    }
}

/** Compared with the literal `effect`. */
function isSubset(wanted: readonly Pair[], held: readonly Pair[]): boolean {
    const text = ({ resource, action, effect = "" }: Pair) => `${resource}:${action}:${effect}`;
    return wanted.every((pair) => held.map(text).includes(text(pair)));
}

/** -1 never, or 1 and more; 0 and nothing: the default of 30 days before 2.11, 400 since. */
function days(harbor: Harbor, duration: unknown): number {
    const given = typeof duration === "number" ? duration : 0;
    if (given === 0 && harbor.minor < 11) return 30;
    if (given === -1 || (Number.isInteger(given) && given >= 1 && given < 2147483647)) return given;
    throw badRequest(`bad request error duration input: ${given}`);
}

function generated(): string {
    return randomBytes(24).toString("base64").replace(/[+/]/g, "x");
}

function time(seconds: number): string {
    return new Date(seconds * 1000).toISOString();
}

/** Permissions come in random order; an empty description is absent. */
function shown(harbor: Harbor, robot: FakeRobot) {
    const { id, description, duration, disable, expires_at, access } = robot;
    const namespace = robot.name.slice(0, robot.name.lastIndexOf("+"));
    return {
        ...{ id, name: harbor.fullName(robot), level: "project", duration, disable, editable: true, expires_at },
        ...(description === "" ? {} : { description }),
        creation_time: time(robot.creation),
        permissions: [{ kind: "project", namespace, access: [...access].reverse() }],
    };
}
