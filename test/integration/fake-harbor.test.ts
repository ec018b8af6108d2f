import { type HarborTarget, harborTarget } from "../support/harbor/target";

/** The questions that this program asks, and the answers of Harbor 2.15.2: what a stand-in must refuse, too. */
const JSON_TYPE = { "content-type": "application/json" };
const PROJECT = "passthrough-contract";
const PUSH = [
    { resource: "repository", action: "pull" },
    { resource: "repository", action: "push" },
];

let harbor: HarborTarget;
let projectId = "";
const ask: HarborTarget["ask"] = (...question) => harbor.ask(...question);

beforeAll(async () => {
    harbor = await harborTarget();
    await removeProject();
});

afterAll(async () => {
    await removeProject();
    await harbor.stop();
});

/** What an earlier run left at a real Harbor. */
async function removeProject(): Promise<void> {
    await ask("DELETE", `/api/v2.0/projects/${PROJECT}`);
}

const fault = (code: string, message: unknown) => ({ errors: [{ code, message }] });
const robot = (name: string, access: unknown = PUSH, namespace = PROJECT) => ({
    name,
    level: "project",
    duration: 30,
    permissions: [{ kind: "project", namespace, access }],
});

test.each([
    ["application/json", "application/json", '"Pong"\n'],
    ["*/*", "text/plain", "Pong"],
    ["text/plain", "text/plain", "Pong"],
])("ping for Accept: %s is %s", async (accept, type, body) => {
    const { status, headers, text } = await ask("GET", "/api/v2.0/ping", undefined, "", { accept });
    expect([status, headers["content-type"], text]).toEqual([200, type, body]);
});

const UNACCEPTABLE = /^validation failure list:\nunsupported media type requested, only \[.*\] are available$/;

test("requests without a body: 422 for a client that takes neither JSON nor any type", async () => {
    const refused = { status: 422, json: fault("UNPROCESSABLE_ENTITY", expect.stringMatching(UNACCEPTABLE)) };
    const accepting = (accept: string) => (method: "GET" | "HEAD" | "DELETE" | "POST", path: string, body?: unknown) =>
        ask(method, `/api/v2.0${path}`, body, undefined, { ...JSON_TYPE, accept });
    for (const path of ["/ping", "/health", "/projects", "/projects/passthrough-unknown", "/system/gc/schedule"]) {
        expect(await accepting("text/html")("GET", path)).toMatchObject(refused);
    }
    expect(await accepting("text/plain")("GET", "/systeminfo")).toMatchObject(refused);
    expect(await accepting("text/plain")("DELETE", "/robots/999999")).toMatchObject(refused);
    expect(await accepting("text/plain")("HEAD", "/projects?project_name=x")).toMatchObject({ status: 422 });
    expect(await accepting("application/*")("GET", "/health")).toMatchObject({
        status: 200,
        headers: { "content-type": "application/json" },
        json: { status: expect.any(String) as string },
    });
    expect(await accepting("text/plain")("GET", "/nothing")).toMatchObject({ status: 404 });
    // With a body only its own type counts.
    expect(await accepting("text/plain")("POST", "/projects", { project_name: "Upper" })).toMatchObject({
        status: 400,
        headers: { "content-type": "application/json; charset=utf-8" },
    });
    const typed = (type: string) =>
        ask("POST", "/api/v2.0/projects", { project_name: "Upper" }, undefined, { "content-type": type });
    expect(await typed("application/json; charset=utf-8")).toMatchObject({ status: 400 });
    for (const type of ["text/plain", "application/merge-patch+json"]) {
        const text = `validation failure list:\nunsupported media type "${type}", only [application/json] are allowed`;
        expect(await typed(type)).toMatchObject({ status: 422, json: fault("UNPROCESSABLE_ENTITY", text) });
    }
});

test("the system: its version, who asks, the schedule of garbage collection, a retention policy that is not there", async () => {
    expect(await ask("GET", "/api/v2.0/systeminfo")).toMatchObject({
        status: 200,
        json: { harbor_version: expect.stringMatching(/^v2\./) as string, auth_mode: "db_auth", read_only: false },
    });
    expect(await ask("GET", "/api/v2.0/users/current")).toMatchObject({ status: 200, json: { sysadmin_flag: true } });
    expect(await ask("GET", "/api/v2.0/users/current", undefined, "")).toMatchObject({ status: 401 });
    expect(await ask("GET", "/api/v2.0/system/gc/schedule")).toMatchObject({
        status: 200,
        headers: { "content-type": "application/json" },
    });
    expect(await ask("GET", "/api/v2.0/retentions/999999")).toMatchObject({
        status: 500,
        json: { errors: [{ code: "UNKNOWN" }] },
    });
});

test("projects: made once, by name or id, names held to their grammar, metadata to strings", async () => {
    const made = await ask("POST", "/api/v2.0/projects", { project_name: PROJECT, metadata: { public: "false" } });
    expect(made).toMatchObject({
        status: 201,
        text: "",
        headers: { location: expect.stringMatching(/^\/api\/v2\.0\/projects\/\d+$/) as string },
    });
    projectId = String(made.headers.location).replace(/^.*\//, "");
    expect(await ask("POST", "/api/v2.0/projects", { project_name: PROJECT })).toMatchObject({
        status: 409,
        json: fault("CONFLICT", `The project named ${PROJECT} already exists`),
    });
    expect(await ask("POST", "/api/v2.0/projects", { project_name: "Passthrough" })).toMatchObject({ status: 400 });
    expect(await ask("PUT", `/api/v2.0/projects/${projectId}`, { metadata: { public: false } })).toMatchObject({
        status: 422,
    });
    expect(await ask("PUT", `/api/v2.0/projects/${projectId}`, { metadata: { public: "yes" } })).toMatchObject({
        status: 200,
    });
    const kept = await ask("GET", `/api/v2.0/projects/${PROJECT}`);
    expect(kept.json).toMatchObject({ metadata: { public: expect.not.stringMatching("true") as string } });
    const yes = { project_name: "passthrough-other", metadata: { public: "yes" } };
    expect(await ask("POST", "/api/v2.0/projects", yes)).toMatchObject({ status: 400 });
    expect(await ask("GET", `/api/v2.0/projects/${PROJECT}`)).toMatchObject({
        status: 200,
        json: { project_id: Number(projectId) },
    });
    expect(await ask("GET", "/api/v2.0/projects/passthrough-unknown")).toMatchObject({ status: 404 });
    expect(await ask("GET", `/api/v2.0/projects/${PROJECT}`, undefined, "")).toMatchObject({ status: 401 });
    expect(await ask("GET", "/api/v2.0/projects", undefined, "nobody:wrong")).toMatchObject({ status: 200 });
});

test("requests: a content type, a body, JSON, no cookie, pages of at most a hundred", async () => {
    const path = "/api/v2.0/projects";
    expect(await ask("POST", path, {}, undefined, {})).toMatchObject({ status: 422 });
    expect(await ask("POST", path, "{")).toMatchObject({ status: 422 });
    expect(await ask("POST", path)).toMatchObject({ status: 422 });
    const withCookie = { ...JSON_TYPE, cookie: "sid=1" };
    expect(await ask("POST", path, { project_name: "x" }, undefined, withCookie)).toMatchObject({
        status: 403,
        json: fault("FORBIDDEN", "CSRF token not found in request"),
    });
    expect(await ask("GET", `${path}?page_size=101`)).toMatchObject({ status: 422 });
    expect(await ask("GET", `${path}?page=9`)).toMatchObject({
        status: 200,
        json: [],
        headers: { "x-total-count": expect.stringMatching(/^[1-9]/) as string },
    });
    expect(await ask("GET", "/api/v2.0/nothing")).toMatchObject({
        status: 404,
        json: { errors: [{ code: "NOT_FOUND" }] },
    });
});

test("robot accounts: known rights, one project that is there, a short name, made once; the secret comes once", async () => {
    const path = "/api/v2.0/robots";
    expect(await ask("POST", path, robot("r", [{ resource: "repository", action: "create" }]))).toMatchObject({
        status: 400,
        json: fault("BAD_REQUEST", "bad request permission: repository:create"),
    });
    expect(await ask("POST", path, robot("Robot"))).toMatchObject({ status: 400 });
    expect(await ask("POST", path, robot("r", PUSH, "passthrough-unknown"))).toMatchObject({ status: 404 });
    expect(await ask("POST", path, { ...robot("r"), duration: 0 })).toMatchObject({ status: 400 });
    const made = await ask("POST", path, { ...robot("r"), disable: true, secret: "Own1Secret" });
    expect(made).toMatchObject({
        status: 201,
        json: { name: `robot$${PROJECT}+r`, secret: expect.stringMatching(/^(?!Own1Secret).{32}$/) as string },
    });
    expect(await ask("POST", path, robot("r"))).toMatchObject({
        status: 409,
        json: fault("CONFLICT", `robot account ${projectId}:${PROJECT}+r already exists`),
    });
    const { id } = made.json as { id: number };
    const { json } = await ask("GET", `${path}/${id}`);
    expect(json).toMatchObject({ name: `robot$${PROJECT}+r`, disable: false, duration: 30 });
    expect(json).not.toHaveProperty("secret");
    expect(await ask("GET", path)).toMatchObject({ status: 200, json: [] });
    expect(await ask("GET", `${path}?q=Level%3Dproject%2CProjectID%3D${projectId}`)).toMatchObject({ json: [{ id }] });
    expect(await ask("GET", `${path}/r`)).toMatchObject({ status: 422 });
    expect(await ask("PUT", `${path}/${id}`, robot("r"))).toMatchObject({
        status: 400,
        json: fault("BAD_REQUEST", "cannot update the level or name of robot"),
    });
    expect(await ask("PATCH", `${path}/${id}`, { secret: "weakone" })).toMatchObject({
        status: 400,
        json: fault("BAD_REQUEST", expect.stringMatching(/^the secret must be 8-128, inclusively, characters long/)),
    });
    expect(await ask("PATCH", `${path}/${id}`, { secret: "Own1Secret" })).toMatchObject({ status: 200, json: {} });
    const self = `robot$${PROJECT}+r:Own1Secret`;
    expect(await ask("PATCH", `${path}/${id}`, { secret: "" }, self)).toMatchObject({ status: 403 });
    expect(await ask("GET", "/api/v2.0/users/current", undefined, self)).toMatchObject({ status: 412 });
    expect(await ask("GET", "/v2/", undefined, self)).toMatchObject({ status: 200, json: {} });
    expect(await ask("DELETE", `${path}/${id}`)).toMatchObject({ status: 200 });
    expect(await ask("DELETE", `${path}/${id}`)).toMatchObject({ status: 404 });
});

test("tokens: wrong credentials with a scope get one that is good for nothing; tokens are not for the API", async () => {
    const path = "/service/token?service=harbor-registry";
    const scoped = `${path}&scope=repository:${PROJECT}/x:pull`;
    expect(await ask("GET", path, undefined, "nobody:wrong")).toMatchObject({ status: 401, text: "" });
    const bad = await ask("GET", scoped, undefined, "nobody:wrong");
    expect(bad).toMatchObject({ status: 200, json: { access_token: "", expires_in: 1800 } });
    expect(await ask("POST", scoped)).toMatchObject({ status: 405 });
    const { token } = (await ask("GET", scoped)).json as { token: string };
    const bearer = (value: string) => ({ authorization: `Bearer ${value}` });
    const useless = (bad.json as { token: string }).token;
    const manifest = `/v2/${PROJECT}/x/manifests/1`;
    expect(await ask("GET", manifest, undefined, "", bearer(useless))).toMatchObject({
        status: 401,
        headers: { "www-authenticate": 'Basic realm="harbor"' },
    });
    expect(await ask("GET", manifest, undefined, "", bearer(token))).toMatchObject({
        status: 404,
        json: { errors: [{ code: "NOT_FOUND" }] },
    });
    expect(await ask("GET", `/api/v2.0/projects/${PROJECT}`, undefined, "", bearer(token))).toMatchObject({
        status: 401,
    });
});

test("content: a challenge without credentials, none for a project that is not there, no push with pull", async () => {
    const anonymous = await ask("GET", `/v2/${PROJECT}/x/manifests/1`, undefined, "", {});
    expect(anonymous.headers["www-authenticate"]).toBe(
        `Bearer realm="https://${harbor.host}/service/token",service="harbor-registry",scope="repository:${PROJECT}/x:pull"`,
    );
    expect(await ask("GET", "/v2/passthrough-unknown/x/manifests/1", undefined, undefined, {})).toMatchObject({
        status: 401,
        headers: { "www-authenticate": "" },
    });
    const pull = [{ resource: "repository", action: "pull" }];
    const made = await ask("POST", "/api/v2.0/robots", robot("reader", pull));
    const { name, secret } = made.json as { name: string; secret: string };
    const reader = `${name}:${secret}`;
    expect(await ask("POST", `/v2/${PROJECT}/x/blobs/uploads/`, undefined, reader, {})).toMatchObject({ status: 401 });
    const upload = await ask("POST", `/v2/${PROJECT}/x/blobs/uploads/`, undefined, undefined, {});
    expect(upload.status).toBe(202);
    expect(upload.headers.location).toMatch(new RegExp(`^https://${harbor.host}/v2/${PROJECT}/x/blobs/uploads/`));
    const open = new URL(String(upload.headers.location));
    const place = `${open.pathname}${open.search}`;
    const pushing = await ask("POST", "/api/v2.0/robots", robot("uploader"));
    const pusher = pushing.json as { name: string; secret: string };
    const login = `${pusher.name}:${pusher.secret}`;
    // Cancelling is deleting, which whoever may push need not be allowed to do.
    const refused = await ask("DELETE", place, undefined, login, {});
    expect(refused).toMatchObject({ status: 401, headers: { "www-authenticate": 'Basic realm="harbor"' } });
    expect(JSON.stringify(refused.json)).toContain("action: delete");
    expect(await ask("DELETE", place, undefined, undefined, {})).toMatchObject({ status: 204 });
    const digest = `sha256:${"0".repeat(64)}`;
    expect(await ask("DELETE", `/v2/${PROJECT}/x/manifests/${digest}`, undefined, reader, {})).toMatchObject({
        status: 401,
    });
    expect(await ask("DELETE", `/v2/${PROJECT}/x/manifests/${digest}`, undefined, undefined, {})).toMatchObject({
        status: 404,
    });
    expect(await ask("DELETE", `/v2/${PROJECT}/x/manifests/1`, undefined, undefined, {})).toMatchObject({
        status: 400,
        json: { errors: [{ code: "UNSUPPORTED" }] },
    });
});

test("a project's quota, rules for immutable tags, and whether it is there", async () => {
    const project = `/api/v2.0/projects/${PROJECT}`;
    const { json } = await ask("GET", `/api/v2.0/quotas?reference=project&reference_id=${projectId}`);
    const [quota] = json as { id: number; hard: { storage: number } }[];
    expect(quota?.hard.storage).toBe(-1);
    const set = (storage: number) => ask("PUT", `/api/v2.0/quotas/${quota?.id ?? 0}`, { hard: { storage } });
    expect(await set(1_000_000_000)).toMatchObject({ status: 200 });
    expect(await ask("GET", `${project}/summary`)).toMatchObject({
        status: 200,
        json: { quota: { hard: { storage: 1_000_000_000 } } },
    });
    expect(await set(-1)).toMatchObject({ status: 200 });
    expect(await ask("GET", `${project}/immutabletagrules`)).toMatchObject({ status: 200, json: [] });
    expect(await ask("HEAD", `/api/v2.0/projects?project_name=${PROJECT}`)).toMatchObject({ status: 200 });
    expect(await ask("HEAD", "/api/v2.0/projects?project_name=passthrough-unknown")).toMatchObject({ status: 404 });
});

test("read-only: reads go on, everything else is denied before credentials are judged", async () => {
    await harbor.setReadOnly(true);
    expect(await ask("GET", `/api/v2.0/projects/${PROJECT}`)).toMatchObject({ status: 200 });
    for (const path of ["/api/v2.0/projects", `/v2/${PROJECT}/x/blobs/uploads/`]) {
        const answer = await ask("POST", path, {}, "nobody:wrong");
        expect(answer).toMatchObject({ status: 403, json: { errors: [{ code: "DENIED" }] } });
    }
    await harbor.setReadOnly(false);
});

test("every route of the stand-in that is marked as seen on a real server is asked here, or with the artifacts", () => {
    expect(harbor.unasked().filter((route) => !/repositories|artifacts/.test(route))).toEqual([]);
});
