import {
    type Call,
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
    precondition,
    unauthorized,
} from "./exchange";
import type { FakeProject } from "./harbor-state";

/** Counts the repositories of a project in the registry behind. */
export type RepositoryCount = (project: string) => number;

const KNOWN_METADATA = [
    "public",
    "enable_content_trust",
    "enable_content_trust_cosign",
    "prevent_vul",
    "severity",
    "auto_scan",
    "auto_sbom_generation",
    "reuse_sys_cve_allowlist",
];

/** registry-apis.md §3, the calls on projects. */
export function projectRoutes(count: RepositoryCount): readonly Route[] {
    const shown = (project: FakeProject) => ({
        project_id: project.project_id,
        name: project.name,
        owner_name: project.owner_name,
        ...(project.registry_id === undefined ? {} : { registry_id: project.registry_id }),
        repo_count: count(project.name),
        metadata: project.metadata,
        cve_allowlist: { items: [], project_id: project.project_id },
    });
    return [
        ["HEAD", /^\/projects$/, (call) => ({ status: headProject(call) }), SEEN],
        ["POST", /^\/projects$/, createProject, SEEN],
        // Any caller: public ones, and those that it may see.
        ["GET", /^\/projects$/, (call) => paged(call, visible(call).map(shown)), SEEN],
        ["GET", /^\/projects\/([^/]+)$/, (call) => ({ status: 200, json: shown(visibleProject(call)) }), SEEN],
        ["PUT", /^\/projects\/([^/]+)$/, updateProject, SEEN],
        [
            "DELETE",
            /^\/projects\/([^/]+)$/,
            (call) => {
                const project = visibleProject(call);
                if (call.principal.kind !== "user") throw forbidden();
                if (count(project.name) > 0) {
                    throw precondition("precondition failed: the project contains repositories, can not be deleted");
                }
                call.harbor.removeProject(project.project_id);
                return { status: 200 };
            },
            SEEN,
        ],
        ["GET", /^\/projects\/([^/]+)\/summary$/, (call) => summary(call, count(visibleProject(call).name)), SEEN],
        ["GET", /^\/projects\/([^/]+)\/immutabletagrules$/, immutableRules, SEEN],
        ["GET", /^\/quotas$/, quotas, SEEN],
        ["PUT", /^\/quotas\/(\d+)$/, setQuota, SEEN],
        ["GET", /^\/retentions\/(\d+)$/, retention, SEEN],
    ];
}

/** 404 only for administrators; others get 403, missing or forbidden alike; anonymous 401. */
export function visibleProject({ harbor, principal, params, headers }: Call): FakeProject {
    if (principal.kind === "anonymous") throw unauthorized();
    const name = decodeURIComponent(params[0] ?? "");
    const project = harbor.project(name, headers["x-is-resource-name"] === "true");
    const isAdmin = principal.kind === "user" && principal.user.sysadmin;
    if (project === undefined && isAdmin) throw notFound(`project ${name} not found`);
    if (project === undefined || !harbor.may(principal, project, "project", "read")) throw forbidden();
    return project;
}

function visible({ harbor, principal }: Call): FakeProject[] {
    return harbor.projects.filter(
        (project) => project.metadata.public === "true" || harbor.may(principal, project, "project", "read"),
    );
}

function headProject({ harbor, principal, query }: Call): number {
    if (principal.kind === "anonymous") throw unauthorized();
    return harbor.project(query.get("project_name") ?? "", true) === undefined ? 404 : 200;
}

function createProject({ harbor, principal, body }: Call): Reply {
    if (principal.kind === "anonymous") throw unauthorized();
    if (principal.kind === "robot") throw denied("Only system admin can create project");
    const { project_name, metadata, storage_limit } = fields(body, { project_name: "string", metadata: "object" });
    const name = String(project_name);
    if (!/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(name))
        throw badRequest("project name is not in lower case or contains illegal characters");
    if (harbor.project(name, true) !== undefined) throw conflict(`The project named ${name} already exists`);
    const limit = typeof storage_limit === "number" && storage_limit !== 0 ? storage_limit : harbor.defaultQuota;
    if (limit < -1) throw badRequest("storage_limit must be -1 or positive");
    const project = {
        project_id: harbor.nextId(),
        name,
        owner_name: principal.user.username,
        metadata: { public: "false", ...checkedMetadata(metadata) },
        // Who is no system administrator gets the server's default, in silence.
        quota: principal.user.sysadmin ? limit : harbor.defaultQuota,
        used: 0,
        immutable: [],
    };
    harbor.projects.push(project);
    return { status: 201, headers: { location: `/api/v2.0/projects/${project.project_id}` } };
}

/** A POST: values are strings, a boolean is 422; `"yes"` is 400. */
function checkedMetadata(metadata: unknown): Record<string, string> {
    const given = Object.entries((metadata ?? {}) as Record<string, unknown>).filter(isKnown);
    for (const [key, value] of given) {
        fields(metadata, { [key]: "string" });
        if (key !== "severity" && value !== "true" && value !== "false") throw badRequest(`invalid value for ${key}`);
    }
    return Object.fromEntries(given) as Record<string, string>;
}

/** A PUT, as seen on 2.15.2: any text is stored; only "true" makes a project public. */
function knownMetadata(metadata: unknown): Record<string, string> {
    const given = Object.entries((metadata ?? {}) as Record<string, unknown>).filter(isKnown);
    for (const [key] of given) fields(metadata, { [key]: "string" });
    return Object.fromEntries(given) as Record<string, string>;
}

/** Unknown keys are ignored. */
function isKnown([key]: readonly [string, unknown]): boolean {
    return KNOWN_METADATA.includes(key);
}

/** Given keys are set, others untouched; storage_limit and registry_id are ignored. */
function updateProject(call: Call): Reply {
    const project = visibleProject(call);
    if (!call.harbor.may(call.principal, project, "project", "update")) throw forbidden();
    const { metadata } = fields(call.body, { metadata: "object" });
    Object.assign(project.metadata, knownMetadata(metadata));
    return { status: 200 };
}

function summary(call: Call, repo_count: number): Reply {
    const project = visibleProject(call);
    const mayQuota = call.harbor.may(call.principal, project, "quota", "read");
    const quota = { hard: { storage: project.quota }, used: { storage: project.used } };
    return { status: 200, json: { repo_count, ...(mayQuota ? { quota } : {}) } };
}

function immutableRules(call: Call): Reply {
    const project = visibleProject(call);
    if (!call.harbor.may(call.principal, project, "immutable-tag", "list")) throw forbidden();
    const rule = { action: "immutable", template: "immutable_template" };
    return paged(
        call,
        project.immutable.map((one, i) => ({ id: i + 1, ...rule, ...one })),
    );
}

function administrator({ principal }: Call): void {
    if (principal.kind === "anonymous") throw unauthorized();
    if (principal.kind === "robot" || !principal.user.sysadmin) throw forbidden();
}

function quotas(call: Call): Reply {
    administrator(call);
    filters(call);
    const id = Number(call.query.get("reference_id"));
    const found = call.harbor.projects.filter(({ project_id }) => project_id === id);
    return paged(
        call,
        found.map(({ quota, used }) => ({ id: id + 1000, hard: { storage: quota }, used: { storage: used } })),
    );
}

function setQuota(call: Call): Reply {
    administrator(call);
    const { hard } = fields(call.body, { hard: "object" }) as { hard?: { storage?: unknown } };
    const project = call.harbor.projects.find(({ project_id }) => project_id + 1000 === Number(call.params[0]));
    if (project === undefined) throw notFound("quota not found");
    if (typeof hard?.storage !== "number" || hard.storage === 0) throw badRequest("invalid hard limit");
    project.quota = hard.storage;
    return { status: 200 };
}

/** An id that is not there is a masked 500. */
function retention({ harbor, principal, params }: Call): Reply {
    if (principal.kind === "anonymous") throw unauthorized();
    const policy = harbor.retentions.get(params[0] ?? "");
    if (policy === undefined)
        return { status: 500, json: { errors: [{ code: "UNKNOWN", message: "internal server error" }] } };
    return { status: 200, json: policy };
}
