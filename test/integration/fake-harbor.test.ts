import { Agent, request } from "undici";
import { testAuthority } from "../support/certificates";
import { FakeHarbor } from "../support/harbor/fake-harbor";

/** registry-apis.md §2 and §3: what a fake must refuse, so that what passes here passes there. */
const ADMIN = "admin:Secret1234";
const JSON_TYPE = { "content-type": "application/json" };
const PUSH = [
    { resource: "repository", action: "pull" },
    { resource: "repository", action: "push" },
];

let fake: FakeHarbor;
let dispatcher: Agent;

beforeAll(async () => {
    const authority = await testAuthority();
    fake = await FakeHarbor.start(await authority.issue());
    fake.harbor.users.push({ username: "admin", password: "Secret1234", sysadmin: true });
    dispatcher = new Agent({ connect: { ca: authority.ca } });
});

afterAll(async () => {
    await dispatcher.close();
    await fake.stop();
});

type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

async function ask(
    method: Method,
    path: string,
    body?: unknown,
    login = ADMIN,
    headers: Record<string, string> = JSON_TYPE,
) {
    const answer = await request(`https://${fake.host}${path}`, {
        method,
        dispatcher,
        headers: {
            ...(body === undefined ? {} : headers),
            ...(login === "" ? {} : { authorization: `Basic ${Buffer.from(login).toString("base64")}` }),
            ...(body === undefined ? headers : {}),
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    const json: unknown =
        answer.headers["content-type"]?.includes("json") && text !== "" ? JSON.parse(text) : undefined;
    return { status: answer.statusCode, headers: answer.headers, text, json };
}

const fault = (code: string, message: unknown) => ({ errors: [{ code, message }] });
const robot = (name: string, access: unknown = PUSH, namespace = "mirror") => ({
    name,
    level: "project",
    duration: 30,
    permissions: [{ kind: "project", namespace, access }],
});

test.each([
    ["application/json", "application/json; charset=utf-8", '"Pong"'],
    ["*/*", "text/plain; charset=utf-8", "Pong"],
    ["text/plain", "text/plain; charset=utf-8", "Pong"],
])("ping for Accept: %s is %s", async (accept, type, body) => {
    const { status, headers, text } = await ask("GET", "/api/v2.0/ping", undefined, "", { accept });
    expect([status, headers["content-type"], text]).toEqual([200, type, body]);
});

test("projects: made once, by name or id, names held to their grammar, metadata to strings", async () => {
    const made = await ask("POST", "/api/v2.0/projects", { project_name: "mirror", metadata: { public: "false" } });
    expect(made).toMatchObject({ status: 201, text: "", headers: { location: "/api/v2.0/projects/1" } });
    expect(await ask("POST", "/api/v2.0/projects", { project_name: "mirror" })).toMatchObject({
        status: 409,
        json: fault("CONFLICT", "The project named mirror already exists"),
    });
    expect(await ask("POST", "/api/v2.0/projects", { project_name: "Mirror" })).toMatchObject({ status: 400 });
    expect(await ask("PUT", "/api/v2.0/projects/1", { metadata: { public: false } })).toMatchObject({ status: 422 });
    expect(await ask("PUT", "/api/v2.0/projects/1", { metadata: { public: "yes" } })).toMatchObject({ status: 400 });
    expect(await ask("GET", "/api/v2.0/projects/mirror")).toMatchObject({ status: 200, json: { project_id: 1 } });
    expect(await ask("GET", "/api/v2.0/projects/other")).toMatchObject({ status: 404 });
    expect(await ask("GET", "/api/v2.0/projects/mirror", undefined, "")).toMatchObject({ status: 401 });
    expect(await ask("GET", "/api/v2.0/projects", undefined, "admin:wrong")).toMatchObject({ status: 200, json: [] });
});

test("requests: a content type, a body, JSON, no cookie, pages of at most a hundred", async () => {
    const path = "/api/v2.0/projects";
    expect(await ask("POST", path, {}, ADMIN, {})).toMatchObject({ status: 422 });
    expect(await ask("POST", path, "{", ADMIN)).toMatchObject({ status: 422 });
    expect(await ask("POST", path)).toMatchObject({ status: 422 });
    const withCookie = { ...JSON_TYPE, cookie: "sid=1" };
    expect(await ask("POST", path, { project_name: "x" }, ADMIN, withCookie)).toMatchObject({
        status: 403,
        json: fault("FORBIDDEN", "CSRF token not found in request"),
    });
    expect(await ask("GET", `${path}?page_size=101`)).toMatchObject({ status: 422 });
    expect(await ask("GET", `${path}?page=9`)).toMatchObject({
        status: 200,
        json: [],
        headers: { "x-total-count": "1" },
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
    expect(await ask("POST", path, robot("r", PUSH, "other"))).toMatchObject({ status: 404 });
    expect(await ask("POST", path, { ...robot("r"), duration: 0 })).toMatchObject({ status: 400 });
    expect(await ask("POST", path, { ...robot("r"), disable: true, secret: "Own1Secret" })).toMatchObject({
        status: 201,
        json: { name: "robot$mirror+r", secret: expect.stringMatching(/^(?!Own1Secret).{32}$/) as string },
    });
    expect(await ask("POST", path, robot("r"))).toMatchObject({
        status: 409,
        json: fault("CONFLICT", "robot account 1:mirror+r already exists"),
    });
    const { id } = fake.harbor.robot("r");
    const { json } = await ask("GET", `${path}/${id}`);
    expect(json).toMatchObject({ name: "robot$mirror+r", disable: false, duration: 30 });
    expect(json).not.toHaveProperty("secret");
    expect(await ask("GET", path)).toMatchObject({ status: 200, json: [] });
    expect(await ask("GET", `${path}?q=Level%3Dproject%2CProjectID%3D1`)).toMatchObject({ json: [{ id }] });
    expect(await ask("GET", `${path}/r`)).toMatchObject({ status: 422 });
    expect(await ask("PUT", `${path}/${id}`, robot("r"))).toMatchObject({
        status: 400,
        json: fault("BAD_REQUEST", "cannot update the level or name of robot"),
    });
    expect(await ask("PATCH", `${path}/${id}`, { secret: "weakone" })).toMatchObject({ status: 400 });
    expect(await ask("PATCH", `${path}/${id}`, { secret: "Own1Secret" })).toMatchObject({ status: 200, json: {} });
    const self = "robot$mirror+r:Own1Secret";
    expect(await ask("PATCH", `${path}/${id}`, { secret: "" }, self)).toMatchObject({ status: 403 });
    expect(await ask("GET", "/api/v2.0/users/current", undefined, self)).toMatchObject({ status: 412 });
    expect(await ask("GET", "/v2/", undefined, self)).toMatchObject({ status: 200, json: {} });
    expect(await ask("DELETE", `${path}/${id}`)).toMatchObject({ status: 200 });
    expect(await ask("DELETE", `${path}/${id}`)).toMatchObject({ status: 404 });
});

test("tokens: wrong credentials with a scope get one that is good for nothing; tokens are not for the API", async () => {
    const path = "/service/token?service=harbor-registry";
    const scoped = `${path}&scope=repository:mirror/x:pull`;
    expect(await ask("GET", path, undefined, "admin:wrong")).toMatchObject({ status: 401, text: "" });
    const bad = await ask("GET", scoped, undefined, "admin:wrong");
    expect(bad).toMatchObject({ status: 200, json: { access_token: "", expires_in: 1800 } });
    expect(await ask("POST", scoped)).toMatchObject({ status: 405 });
    const { token } = (await ask("GET", scoped)).json as { token: string };
    const bearer = (value: string) => ({ authorization: `Bearer ${value}` });
    const useless = (bad.json as { token: string }).token;
    const manifest = "/v2/mirror/x/manifests/1";
    expect(await ask("GET", manifest, undefined, "", bearer(useless))).toMatchObject({
        status: 401,
        headers: { "www-authenticate": 'Basic realm="harbor"' },
    });
    expect(await ask("GET", manifest, undefined, "", bearer(token))).toMatchObject({
        status: 404,
        json: { errors: [{ code: "NOT_FOUND" }] },
    });
    expect(await ask("GET", "/api/v2.0/projects/mirror", undefined, "", bearer(token))).toMatchObject({ status: 401 });
});

test("content: a challenge without credentials, none for a project that is not there, no push with pull", async () => {
    const anonymous = await ask("GET", "/v2/mirror/x/manifests/1", undefined, "", {});
    expect(anonymous.headers["www-authenticate"]).toBe(
        `Bearer realm="https://${fake.host}/service/token",service="harbor-registry",scope="repository:mirror/x:pull"`,
    );
    expect(await ask("GET", "/v2/other/x/manifests/1", undefined, ADMIN, {})).toMatchObject({
        status: 401,
        headers: { "www-authenticate": "" },
    });
    await ask("POST", "/api/v2.0/robots", robot("reader", [{ resource: "repository", action: "pull" }]));
    const reader = `robot$mirror+reader:${fake.harbor.robot("reader").secret}`;
    expect(await ask("POST", "/v2/mirror/x/blobs/uploads/", undefined, reader, {})).toMatchObject({ status: 401 });
    const upload = await ask("POST", "/v2/mirror/x/blobs/uploads/", undefined, ADMIN, {});
    expect(upload.status).toBe(202);
    expect(upload.headers.location).toMatch(new RegExp(`^https://${fake.host}/v2/mirror/x/blobs/uploads/`));
    const digest = `sha256:${"0".repeat(64)}`;
    expect(await ask("DELETE", `/v2/mirror/x/manifests/${digest}`, undefined, reader, {})).toMatchObject({
        status: 401,
    });
    expect(await ask("DELETE", `/v2/mirror/x/manifests/${digest}`, undefined, ADMIN, {})).toMatchObject({
        status: 404,
    });
    expect(await ask("DELETE", "/v2/mirror/x/manifests/1", undefined, ADMIN, {})).toMatchObject({
        status: 400,
        json: { errors: [{ code: "UNSUPPORTED" }] },
    });
});

test("read-only: reads go on, everything else is denied before credentials are judged", async () => {
    fake.harbor.readOnly = true;
    expect(await ask("GET", "/api/v2.0/projects/mirror")).toMatchObject({ status: 200 });
    for (const path of ["/api/v2.0/projects", "/v2/mirror/x/blobs/uploads/"]) {
        const answer = await ask("POST", path, {}, "admin:wrong");
        expect(answer).toMatchObject({ status: 403, json: { errors: [{ code: "DENIED" }] } });
    }
    fake.harbor.readOnly = false;
});
