import { basicAuthorization } from "../../../lib/http/credentials";
import { type Answer, type QuayTarget, quayTarget } from "../../support/quay/target";

// The questions that this program asks, and the responses of Quay 3.12.18 with the settings of mirror-registry 2.0.11, and
// of Quay 3.18.0.
const ORG = "passthrough-contract";
const org = `/api/v1/organization/${ORG}`;
const repositories = `/api/v1/repository/${ORG}`;
let quay: QuayTarget;

beforeAll(async () => {
    quay = await quayTarget();
    await quay.ask("DELETE", org);
});

afterAll(() => quay.stop());

const NO_TOKEN = { token: "" };
const WRONG_TOKEN = { token: "WRONGTOKENWRONGTOKENWRONGTOKENWRONGTOKEN" };

function is(answer: Answer, status: number, ...texts: string[]): void {
    for (const text of texts) expect(answer.text).toContain(text);
    expect(answer.status).toBe(status);
}

test("an organization: made once, 201 then 400 by text; a missing slash is redirected", async () => {
    is(await quay.ask("GET", org), 404, "not_found");
    is(await quay.ask("POST", "/api/v1/organization/", {}), 400, "'name' is a required property");
    is(await quay.ask("POST", "/api/v1/organization/", { name: ORG }), 201, "Created");
    const twice = await quay.ask("POST", "/api/v1/organization/", { name: ORG });
    is(twice, 400, "A user or organization with this name already exists", "invalid_request");
    const slashless = await quay.ask("POST", "/api/v1/organization", { name: "other" });
    is(slashless, 308);
    // The nginx of 3.12 loses the port.
    expect(new URL(String(slashless.headers.location)).pathname).toBe("/api/v1/organization/");
    is(await quay.ask("POST", "/api/v1/organization/", { name: "Bad__Name" }), 400, "Invalid namespace Bad__Name");
    expect((await quay.ask("GET", org)).json).toMatchObject({
        name: ORG,
        is_admin: true,
        teams: { owners: { role: "admin" } },
    });
});

test("its health, its configuration, and an account that may not be made", async () => {
    const health = await quay.ask("GET", "/health/instance", undefined, NO_TOKEN);
    // A busy one says 503 in the same shape.
    expect([200, 503]).toContain(health.status);
    expect(health.json).toMatchObject({ data: { services: { database: true } }, status_code: health.status });
    const config = await quay.ask("GET", "/config", undefined, NO_TOKEN);
    is(config, 200);
    const features = { DIRECT_LOGIN: true, EXTENDED_REPOSITORY_NAMES: true };
    expect(config.json).toMatchObject({ features, registry_state: "normal" });
    const taken = { username: quay.username, password: "long-enough-and-valid" };
    is(await quay.ask("POST", "/api/v1/user/", taken), 400);
});

test("a wrong token: writes are a CSRF error in HTML, reads are those of nobody", async () => {
    const write = await quay.ask("POST", "/api/v1/organization/", { name: "other" }, WRONG_TOKEN);
    is(
        write,
        403,
        '{"error": "CSRF token was invalid or missing."}'.replace(": ", write.text.includes(": ") ? ": " : ":"),
    );
    expect(write.type).toContain("text/html");
    for (const nobody of [NO_TOKEN, WRONG_TOKEN]) {
        const read = await quay.ask("GET", org, undefined, nobody);
        is(read, 200);
        expect(read.json).toMatchObject({ is_admin: false, email: "" });
        expect(read.json).not.toHaveProperty("teams");
        expect((await quay.ask("GET", `/api/v1/repository?namespace=${ORG}`, undefined, nobody)).json).toEqual({
            repositories: [],
        });
        is(await quay.ask("GET", `${org}/robots`, undefined, nobody), 401, "invalid_token");
    }
});

test("a robot account: 201 with its secret, 400 the second time, its secret again, 400 for an unknown one", async () => {
    const made = await quay.ask("PUT", `${org}/robots/importer`, { description: "push" });
    is(made, 201);
    const { token } = made.json as { token: string };
    expect(token).toMatch(/^[A-Z0-9]{64}$/);
    is(await quay.ask("PUT", `${org}/robots/importer`, {}), 400, `Existing robot with name: ${ORG}+importer`);
    const read = await quay.ask("GET", `${org}/robots/importer`);
    expect(read.json).toMatchObject({ name: `${ORG}+importer`, token, description: "push" });
    expect((read.json as { created: string }).created).toMatch(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d -0000$/);
    const unknown = await quay.ask("GET", `${org}/robots/nobody`);
    is(unknown, 400);
    expect(unknown.json).toEqual({ message: "Could not find robot with specified username" });
    is(await quay.ask("DELETE", `${org}/robots/nobody`), 400, "Could not find robot");
    is(await quay.ask("PUT", `${org}/robots/x__y`, {}), 400, "The name for the robot 'x__y' is invalid");
    is(await quay.ask("GET", "/api/v1/organization/passthrough-unknown/robots/importer"), 403, "insufficient_scope");
    is(await quay.ask("DELETE", "/api/v1/organization/passthrough-unknown"), 403, "insufficient_scope");
});

test("regenerating makes another secret", async () => {
    const before = (await quay.ask("GET", `${org}/robots/importer`)).json as { token: string };
    const after = await quay.ask("POST", `${org}/robots/importer/regenerate`);
    is(after, 200);
    expect((after.json as { token: string }).token).not.toBe(before.token);
});

test("prototypes have no uniqueness, and the oldest counts", async () => {
    const delegate = { kind: "user", name: `${ORG}+importer` };
    const ids: string[] = [];
    for (const role of ["write", "read"]) {
        const made = await quay.ask("POST", `${org}/prototypes`, { role, delegate });
        is(made, 200);
        expect(made.json).toMatchObject({
            role,
            activating_user: null,
            delegate: { kind: "user", name: `${ORG}+importer` },
        });
        ids.push((made.json as { id: string }).id);
    }
    const listed = (await quay.ask("GET", `${org}/prototypes`)).json as { prototypes: { id: string }[] };
    expect(listed.prototypes.map(({ id }) => id)).toEqual(ids);
    const stranger = { role: "write", delegate: { kind: "user", name: `${ORG}+nobody` } };
    is(await quay.ask("POST", `${org}/prototypes`, stranger), 400, "Missing delegate user or team");
    is(await quay.ask("POST", `${org}/prototypes/`, { role: "write", delegate }), 405);
    const another = await quay.ask("POST", `${org}/prototypes`, { role: "read", delegate });
    const one = `${org}/prototypes/${(another.json as { id: string }).id}`;
    is(await quay.ask("PUT", one, { role: "write" }), 200);
    is(await quay.ask("DELETE", one), 204);
    is(await quay.ask("DELETE", one), 404);
    is(await quay.ask("PUT", one, { role: "write" }), 404);
});

test("a repository: made once, private, owned by its creator, with the oldest prototype's role", async () => {
    const body = { namespace: ORG, repository: "quay.io/org/app", visibility: "private", description: "" };
    is(
        await quay.ask("POST", "/api/v1/repository", { ...body, description: undefined }),
        400,
        "'description' is a required property",
    );
    const made = await quay.ask("POST", "/api/v1/repository", body);
    is(made, 201);
    expect(made.json).toEqual({ namespace: ORG, name: "quay.io/org/app", kind: "image" });
    is(await quay.ask("POST", "/api/v1/repository", body), 400, "Repository already exists");
    is(await quay.ask("POST", "/api/v1/repository", { ...body, repository: "_bad" }), 400, "Invalid repository name");
    is(await quay.ask("POST", "/api/v1/repository", { ...body, namespace: "passthrough-unknown" }), 403);
    is(await quay.ask("POST", "/api/v1/repository/", body), 405);
    const listed = await quay.ask("GET", `/api/v1/repository?namespace=${ORG}`);
    expect(listed.json).toMatchObject({
        repositories: [{ name: "quay.io/org/app", is_public: false, state: "NORMAL" }],
    });
    const { permissions } = (await quay.ask("GET", `${repositories}/quay.io/org/app/permissions/user/`)).json as {
        permissions: Record<string, { role: string; is_robot: boolean }>;
    };
    expect(permissions[quay.username]).toMatchObject({ role: "admin", is_robot: false });
    expect(permissions[`${ORG}+importer`]).toMatchObject({ role: "write", is_robot: true });
    expect((await quay.ask("GET", `${repositories}/quay.io/org/app?includeTags=true`)).json).toMatchObject({
        tags: {},
    });
});

test("permissions: an upsert; the name in 400; a page in 500 where there is no repository", async () => {
    await quay.ask("PUT", `${org}/robots/puller`, {});
    const of = (name: string, user: string) => `${repositories}/${name}/permissions/user/${user}`;
    is(await quay.ask("PUT", of("quay.io/org/app", `${ORG}+puller`), { role: "read" }), 200);
    is(await quay.ask("PUT", of("quay.io/org/app", `${ORG}+puller`), { role: "read" }), 200);
    is(
        await quay.ask("PUT", of("quay.io/org/app", `${ORG}+nobody`), { role: "read" }),
        400,
        `Invalid username: ${ORG}+nobody`,
    );
    is(
        await quay.ask("PUT", of("quay.io/org/app", `${ORG}+puller`), { role: "writer" }),
        400,
        "'writer' is not one of",
    );
    const fault = await quay.ask("PUT", of("none", `${ORG}+puller`), { role: "read" });
    is(fault, 500, "<html>");
    expect((await quay.ask("GET", `${repositories}/none/permissions/user/`)).json).toEqual({ permissions: {} });
    is(await quay.ask("GET", `${repositories}/none?includeTags=false`), 404, "not_found");
    is(await quay.ask("GET", `${repositories}/none?includeTags=false`, undefined, NO_TOKEN), 401);
});

test("rights that go, teams without rights, visibility: null where there is no repository", async () => {
    const user = `${repositories}/quay.io/org/app/permissions/user/${ORG}+puller`;
    is(await quay.ask("DELETE", user), 204);
    is(await quay.ask("DELETE", user), 400, "User does not have permission for repo.");
    expect((await quay.ask("GET", `${repositories}/quay.io/org/app/permissions/team/`)).json).toEqual({
        permissions: {},
    });
    const visibility = { visibility: "private" };
    expect(await quay.ask("POST", `${repositories}/quay.io/org/app/changevisibility`, visibility)).toMatchObject({
        status: 200,
        json: { success: true },
    });
    expect(await quay.ask("POST", `${repositories}/none/changevisibility`, visibility)).toMatchObject({
        status: 200,
        json: null,
    });
    is(await quay.ask("DELETE", `${org}/team/owners/members/${ORG}+importer`), 400, "does not belong to team");
});

test("rights by their holder: those of a robot account, and those of a team", async () => {
    const given = {
        permissions: [
            expect.objectContaining({
                repository: expect.objectContaining({ name: "quay.io/org/app" }),
                role: "write",
            }),
        ],
    };
    const own = `/api/v1/repository/${ORG}/quay.io/org/app/permissions/user/${ORG}+importer`;
    is(await quay.ask("PUT", own, { role: "write" }), 200);
    expect((await quay.ask("GET", `${org}/robots/importer/permissions`)).json).toEqual(given);
    expect((await quay.ask("GET", `${org}/team/owners/permissions`)).json).toEqual({ permissions: [] });
    is(await quay.ask("GET", `${org}/team/none/permissions`), 404, "not_found");
});

test("what it does not know: 308 and a page for reads, 500 and a page for writes; bodies that are no JSON", async () => {
    is(await quay.ask("GET", `${org}/nothing`), 308);
    is(await quay.ask("GET", `${org}/nothing/`), 404, "<");
    const unknown = await quay.ask("POST", `${org}/nothing`, {});
    // 500 up to 3.12, 405 on 3.18.
    expect([405, 500]).toContain(unknown.status);
    expect(unknown.type).toContain("text/html");
    const text = await quay.ask("POST", "/api/v1/organization/", "x", { headers: { "content-type": "text/plain" } });
    is(text, 415, "Content-Type was not 'application/json'");
    is(await quay.ask("POST", "/api/v1/organization/", "{x"), 400, "message");
});

test("users: known to anybody, or 404 in the shape of a message", async () => {
    is(await quay.ask("GET", `/api/v1/users/${quay.username}`, undefined, NO_TOKEN), 200, quay.username);
    const unknown = await quay.ask("GET", "/api/v1/users/passthrough-nobody", undefined, NO_TOKEN);
    is(unknown, 404);
    expect(unknown.json).toHaveProperty("message");
});

test("the token service: tokens without actions instead of refusals, and what it refuses", async () => {
    const { token } = (await quay.ask("GET", `${org}/robots/importer`)).json as { token: string };
    const service = `/v2/auth?service=${new URL(quay.url).host}`;
    const login = (username: string, password: string, scope = "") =>
        quay.ask("GET", `${service}${scope === "" ? "" : `&scope=${scope}`}`, undefined, {
            token: "",
            headers: { authorization: basicAuthorization({ username, password }) },
        });
    is(await login(`${ORG}+importer`, token), 200, '"token"');
    is(
        await login(`${ORG}+importer`, "wrong"),
        401,
        `Could not find robot with username: ${ORG}+importer and supplied password.`,
    );
    is(await login(`${ORG}+nobody`, "wrong"), 401, "Could not find robot with specified username");
    is(await login("passthrough-nobody", "wrong"), 401, "UNAUTHORIZED");
    const elsewhere = await login(`${ORG}+importer`, token, "repository:passthrough-unknown/a:pull,push");
    // With CREATE_NAMESPACE_ON_PUSH, as mirror-registry has it; without it a token that allows nothing.
    if (elsewhere.status === 405) is(elsewhere, 405, "UNSUPPORTED", "Cannot create organization");
    else is(elsewhere, 200, '"token"');
    is(
        await login(`${ORG}+importer`, token, `repository:${ORG}/a:pull,delete`),
        400,
        "Unable to decode repository and actions",
    );
    is(await quay.ask("POST", service, undefined, NO_TOKEN), 405);

    const bearer = async (scope: string) =>
        ((await login(`${ORG}+importer`, token, scope)).json as { token: string }).token;
    const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const blob = (name: string) => `/v2/${ORG}/${name}/blobs/${digest}`;
    const none = await bearer(`repository:${ORG}/none:pull,push`);
    const refused = await quay.ask("HEAD", blob("none"), undefined, { token: none });
    expect(refused.status).toBe(401);
    expect(refused.headers["www-authenticate"]).toContain(`scope="repository:${ORG}/none:pull"`);
    const pushing = await bearer(`repository:${ORG}/quay.io/org/app:pull,push`);
    expect((await quay.ask("HEAD", blob("quay.io/org/app"), undefined, { token: pushing })).status).toBe(404);
    is(await quay.ask("POST", `/v2/${ORG}/quay.io/org/app/blobs/uploads/`, undefined, { token: pushing }), 202);
    const byTag = await quay.ask("DELETE", `/v2/${ORG}/quay.io/org/app/manifests/1`, undefined, { token: pushing });
    // 3.12 deletes no tag, whether it is there or not; on 3.18 this one is not there.
    expect([404, 405]).toContain(byTag.status);
    is(await quay.ask("DELETE", blob("quay.io/org/app"), undefined, { token: pushing }), 405);
});

test("GET /v2/ says true in both cases, with its challenge; nothing but its own tokens is taken there", async () => {
    const nobody = await quay.ask("GET", "/v2/", undefined, NO_TOKEN);
    is(nobody, 401, "true");
    expect(nobody.headers["www-authenticate"]).toContain(`Bearer realm="${quay.url}/v2/auth",service=`);
    const basic = { token: "", headers: { authorization: basicAuthorization(quay) } };
    is(await quay.ask("GET", "/v2/", undefined, basic), 401, "Invalid bearer token format");
});

test("signing in: the CSRF token of before is void, the next one serves; a bad password slows the good one down", async () => {
    const first = await quay.ask("GET", "/csrf_token", undefined, NO_TOKEN);
    const { csrf_token: csrf } = first.json as { csrf_token: string };
    const sessionCookie = ({ headers }: Answer) => [headers["set-cookie"]].flat()[0]?.split(";")[0] ?? "";
    const session = (token: string, cookie: string) => ({ token: "", headers: { cookie, "x-csrf-token": token } });
    const signIn = (password: string, options: object) =>
        quay.ask("POST", "/api/v1/signin", { username: quay.username, password }, options);
    is(await signIn(quay.password, NO_TOKEN), 403, "CSRF token was invalid or missing");
    const before = session(csrf, sessionCookie(first));
    const signedIn = await signIn(quay.password, before);
    is(signedIn, 200);
    const next = signedIn.headers["x-next-csrf-token"] as string;
    const cookie = signedIn.headers["set-cookie"] === undefined ? sessionCookie(first) : sessionCookie(signedIn);
    is(
        await quay.ask("PUT", `${org}/team/stale`, { role: "member" }, session(csrf, cookie)),
        403,
        "CSRF token was invalid or missing",
    );
    is(await quay.ask("PUT", `${org}/team/fresh`, { role: "member" }, session(next, cookie)), 200);
    const application = await quay.ask("POST", `${org}/applications`, { name: "form" });
    const { client_id } = application.json as { client_id: string };
    const fields = { response_type: "token", client_id, redirect_uri: `${quay.url}/oauth/localapp` };
    const form = (scope: string) =>
        quay.ask("POST", "/oauth/authorizeapp", new URLSearchParams({ ...fields, scope }).toString(), {
            token: "",
            headers: { cookie, "x-csrf-token": next, "content-type": "application/x-www-form-urlencoded" },
        });
    const refused = await form("everything");
    is(refused, 302);
    expect(refused.headers.location).toContain("error=invalid_scope");
    const granted = await form("org:admin repo:admin");
    is(granted, 302);
    expect(granted.headers.location).toMatch(/#access_token=\w+/);
    is(await quay.ask("DELETE", `${org}/applications/${client_id}`), 204);
    const bad = await signIn("not-the-password", before);
    is(bad, 403, "invalidCredentials");
    const slowed = await signIn(quay.password, before);
    // A server that takes longer to respond than it slows the account down for is past that already.
    expect([200, 429]).toContain(slowed.status);
    if (slowed.status === 429) expect(slowed.headers["retry-after"]).toMatch(/^\d+$/);
});

test("an OAuth application: names are not unique; errors of its form are redirects; its end is its tokens' end", async () => {
    const made = await quay.ask("POST", `${org}/applications`, { name: "run", description: "d" });
    is(made, 200);
    await quay.ask("POST", `${org}/applications`, { name: "run" });
    const { applications } = (await quay.ask("GET", `${org}/applications`)).json as {
        applications: { name: string }[];
    };
    expect(applications.map(({ name }) => name)).toEqual(["run", "run"]);
    const { client_id } = made.json as { client_id: string };
    is(await quay.ask("DELETE", `${org}/applications/${client_id}`), 204);
    is(await quay.ask("DELETE", `${org}/applications/${client_id}`), 404);
});

test("removing: 204, twice for a repository, once for a robot account, then 403 for the organization", async () => {
    is(await quay.ask("DELETE", `${repositories}/quay.io/org/app`), 204);
    is(await quay.ask("DELETE", `${repositories}/quay.io/org/app`), 204);
    is(await quay.ask("DELETE", `${org}/robots/importer`), 204);
    is(await quay.ask("DELETE", `${org}/robots/importer`), 400);
    expect((await quay.ask("GET", `${org}/prototypes`)).json).toEqual({ prototypes: [] });
    is(await quay.ask("DELETE", org), 204);
    is(await quay.ask("DELETE", org), 403);
    is(await quay.ask("GET", org), 404);
});

test("every route of the stand-in that is marked as seen on a real server is asked here, or with the tags", () => {
    expect(quay.unasked().filter((route) => !route.includes("/tag/"))).toEqual([]);
});
