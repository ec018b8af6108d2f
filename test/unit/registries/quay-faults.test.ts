import { RegistryError } from "../../../lib/errors/errors";
import type { AdminCredentials, RegistryManagement } from "../../../lib/registries";
import { quay } from "../../../lib/registries/quay/quay";
import { testAuthority } from "../../support/certificates";
import type { Reply } from "../../support/http-server";
import { OWNER, quayAccount, managing } from "../../support/quay/account";
import { FakeQuay } from "../../support/quay/fake-quay";
import { abort, html, json, problem } from "../../support/quay/reply";

// Every row of the table of faults that is Quay's: status, body, header, and what the person reads.
let fake: FakeQuay;

beforeEach(async () => {
    fake = await FakeQuay.start("quay");
    fake.model.addUser(OWNER.username, OWNER.password);
    fake.model.addOrganization("mirror", OWNER.username);
});

afterEach(() => fake.stop());

const PUSH = { name: "importer-1", namespace: "mirror", right: "push", description: "site-a importer" } as const;
const ROBOT = "/api/v1/organization/mirror/robots/importer-1";
const ORGANIZATION = "/api/v1/organization/mirror";

function manage<T>(
    use: (management: Required<RegistryManagement>) => Promise<T>,
    credentials: AdminCredentials = OWNER,
    retrySeconds = 0,
) {
    return managing(quay, quayAccount(fake, credentials, retrySeconds), use);
}

/** The first request of that method and path gets this answer, `times` times. */
function inject(method: string, path: string, reply: Reply, times = Infinity): void {
    let left = times;
    fake.fault = (asked, at) => (asked === method && at === path && left-- > 0 ? reply : undefined);
}

/** What the work failed with; never with a secret in it. */
async function failure(work: Promise<unknown>): Promise<RegistryError> {
    const error: unknown = await work.then(() => "it did not fail").catch((thrown: unknown) => thrown);
    if (!(error instanceof RegistryError)) throw new Error(`no RegistryError: ${String(error)}`);
    const secrets = [OWNER.password, ...fake.model.grants.keys()];
    for (const robot of fake.model.organizations.get("mirror")?.robots.values() ?? []) secrets.push(robot.token);
    for (const secret of secrets) expect(error.message).not.toContain(secret);
    return error;
}

const readRobot = (credentials: AdminCredentials = OWNER, retrySeconds = 0) => {
    const known = { id: "mirror+importer-1", username: "mirror+importer-1", createdAt: "2026-01-01T00:00:00.000Z" };
    const login = { username: known.username, password: "x" };
    return manage(({ robots }) => robots.read(known, PUSH, login), credentials, retrySeconds);
};

test("401: a token that is wrong, revoked or expired is never taken for an empty registry", async () => {
    const stale = { token: "STALE" };
    expect(await failure(readRobot(stale))).toMatchObject({ code: "UNAUTHORIZED", status: 401 });
    // With anonymous access Quay answers 200: a reduced organization, no repositories.
    fake.setting = { ...fake.setting, anonymousAccess: true };
    const desired = { namespace: "mirror", names: ["quay.io/a/b"], importer: "mirror+i", puller: "mirror+p" };
    const read = await failure(manage(({ repositories }) => repositories.read(desired), stale));
    expect(read).toMatchObject({ code: "UNAUTHORIZED", status: 200 });
    expect(read.fix).toContain("registryToken");
    expect(await failure(manage(({ namespaces }) => namespaces.read({ name: "mirror" }), stale))).toMatchObject({
        status: 200,
    });
    expect(await failure(quay.check(quayAccount(fake, stale, 0), "mirror"))).toMatchObject({ code: "UNAUTHORIZED" });
});

test("403 in the words of CSRF: a write with such a token says that the token is not valid", async () => {
    const error = await failure(manage(({ namespaces }) => namespaces.create({ name: "other" }), { token: "STALE" }));
    expect(error).toMatchObject({ code: "UNAUTHORIZED", status: 403 });
    expect(error.message).toContain("the token is wrong, revoked or expired; set registryToken");
    // The organization is not there yet: what tells a good token from a bad one then is a write that changes nothing.
    expect(await failure(quay.check(quayAccount(fake, { token: "STALE" }, 0), "other"))).toMatchObject({
        code: "UNAUTHORIZED",
    });
    expect([...fake.model.organizations.keys()]).toEqual(["mirror"]);
});

test("403: a token without the scope it needs", async () => {
    const token = fake.model.addGrant(OWNER.username, ["org:admin", "repo:admin"]);
    const error = await failure(quay.check(quayAccount(fake, { token }, 0), "other"));
    expect(error).toMatchObject({ code: "DENIED", status: 403 });
    expect(error.fix).toContain("user:admin to create the organization");
    await quay.check(quayAccount(fake, { token }, 0), "mirror");
});

test("403 of a robot account whose organization is there is no absence", async () => {
    inject("GET", ROBOT, problem(403, "Unauthorized"));
    expect(await failure(readRobot())).toMatchObject({ code: "DENIED", status: 403 });
});

test.each([
    ["with a page, from a proxy", html(404, "Not Found")],
    ["with a gateway's JSON", json(404, { message: "no Route matched with those values" })],
    ["without a body", { status: 404 }],
] as readonly (readonly [string, Reply])[])("404 %s is no absence", async (_, reply) => {
    inject("GET", ORGANIZATION, reply);
    expect(await failure(manage(({ namespaces }) => namespaces.read({ name: "mirror" })))).toMatchObject({
        status: 404,
    });
});

test("400 is told apart by its text: unknown is an absence, anything else an error", async () => {
    expect(await readRobot()).toBeUndefined();
    inject("GET", ROBOT, json(400, { message: "Something else is wrong" }));
    const error = await failure(readRobot());
    expect(error).toMatchObject({ code: "INVALID_REQUEST", status: 400 });
    expect(error.message).toContain("Something else is wrong");
});

test("400 for a name that the registry does not take is not taken for one that is there", async () => {
    const made = failure(manage(({ robots }) => robots.create({ ...PUSH, name: "Bad__Name" })));
    expect((await made).message).toContain("The name for the robot 'Bad__Name' is invalid");
});

test("a bad password is tried once, however many work at the same time: Quay slows every sign-in down after one", async () => {
    const wrong = { username: OWNER.username, password: "not-the-password" };
    const all = await Promise.all([readRobot(wrong), readRobot(wrong), readRobot(wrong)].map(failure));
    for (const error of all) {
        expect(error).toMatchObject({ code: "UNAUTHORIZED", status: 403 });
        expect(error.message).toContain("the registry rejected the account init: Invalid Username or Password");
        expect(error.message).not.toContain("not-the-password");
    }
    expect(fake.accesses.filter(({ path }) => path === "/api/v1/signin")).toHaveLength(1);
});

test("429 at the sign-in, without JSON and with Retry-After: 0, is waited out", async () => {
    inject("POST", "/api/v1/signin", abort(429, "Too many login attempts.", { "retry-after": "0" }), 2);
    expect(await readRobot(OWNER, 5)).toBeUndefined();
    inject("GET", ORGANIZATION, {
        status: 429,
        headers: { "content-type": "text/html" },
        body: "<html>slow down</html>",
    });
    const read = manage(({ namespaces }) => namespaces.read({ name: "mirror" }));
    expect(await failure(read)).toMatchObject({ code: "TOOMANYREQUESTS", status: 429 });
});

test("503 read-only is told as such, and not waited for", async () => {
    fake.setting = { ...fake.setting, readOnly: true };
    const token = fake.model.addGrant(OWNER.username, ["org:admin", "repo:admin"]);
    const error = await failure(manage(({ robots }) => robots.create(PUSH), { token }, 60));
    expect(error).toMatchObject({ code: "REGISTRY_READ_ONLY", status: 503 });
    expect(error.fix).toContain("REGISTRY_STATE");
});

test.each([
    ["502 with a page of the proxy", html(502, "Bad Gateway")],
    ["500 with a page: the database is locked", html(500, "Internal Server Error")],
    ["the connection cut before any answer", { status: 0, cutAfter: 0 }],
    ["JSON that ends too early", { ...json(200, { name: "mirror", is_admin: true }), cutAfter: 9 }],
])("%s is an error when it stays, and is waited out when it passes", async (_, reply) => {
    inject("GET", ORGANIZATION, reply);
    await failure(manage(({ namespaces }) => namespaces.read({ name: "mirror" })));
    inject("GET", ORGANIZATION, reply, 2);
    expect(await manage(({ namespaces }) => namespaces.read({ name: "mirror" }), OWNER, 5)).toMatchObject({
        id: "mirror",
    });
});

test("a session that Quay no longer knows is followed by another sign-in, once, and the request is repeated", async () => {
    await manage(({ namespaces }) => namespaces.read({ name: "mirror" }));
    fake.endSessions();
    fake.accesses.length = 0;
    expect(await manage(({ namespaces }) => namespaces.read({ name: "mirror" }))).toMatchObject({ id: "mirror" });
    expect(fake.accesses.filter(({ path }) => path === "/api/v1/signin")).toHaveLength(1);
});

test("520: what stands behind Quay is broken", async () => {
    inject("GET", ORGANIZATION, problem(520, "Non-Success response from external authentication", "downstream_issue"));
    const error = await failure(manage(({ namespaces }) => namespaces.read({ name: "mirror" })));
    expect(error).toMatchObject({ status: 520 });
    expect(error.message).toContain("external authentication");
});

test.each([
    ["a page", { status: 200, headers: { "content-type": "text/html" }, body: "<html>Sign in</html>" }],
    ["JSON of something else", json(200, { hello: "there" })],
    ["an empty body", { status: 200, headers: {} }],
])("200 with %s is no answer", async (_, reply) => {
    inject("GET", ORGANIZATION, reply);
    const error = await failure(manage(({ namespaces }) => namespaces.read({ name: "mirror" })));
    expect(error).toMatchObject({ code: "UNEXPECTED_RESPONSE" });
    expect(error.fix).toContain("what stands in front of the registry");
});

test("201 with a page for a create: whether there is something is read, not believed", async () => {
    inject("PUT", ROBOT, { status: 201, headers: { "content-type": "text/html" }, body: "<html>Welcome</html>" });
    const error = await failure(manage(({ robots }) => robots.create(PUSH)));
    expect(error.message).toContain("robot account mirror+importer-1: it does not exist, or not any more");
});

test("bursts of a locked database in the middle of everything leave just what was wanted", async () => {
    let asked = 0;
    // Every third write fails, half of them after their work was done.
    fake.fault = (method, path) => {
        if (method === "GET" || !path.startsWith("/api/v1/") || path === "/api/v1/signin") return undefined;
        asked++;
        if (asked % 3 !== 0) return undefined;
        return asked % 2 === 0 ? html(500, "Internal Server Error") : { status: 200, cutAfter: 0 };
    };
    const token = fake.model.addGrant(OWNER.username, ["org:admin", "repo:admin"]);
    const names = Array.from({ length: 12 }, (_, i) => `quay.io/many/app${i}`);
    const desired = { namespace: "mirror", names, importer: "mirror+importer-1", puller: "mirror+importer-1" };
    await manage(({ robots }) => robots.create(PUSH), { token }, 30);
    await manage(
        ({ repositories }) => repositories.ensure({ ...desired, puller: OWNER.username }),
        { token },
        30,
    ).catch(() => undefined);
    fake.fault = undefined;
    const organization = fake.model.organizations.get("mirror");
    expect(organization?.prototypes).toHaveLength(1);
    expect(organization?.robots.size).toBe(1);
    expect(organization?.repositories.size).toBe(12);
});

test("308: a path that the server has elsewhere is an error with where it leads", async () => {
    inject("GET", ORGANIZATION, { status: 308, headers: { location: "https://elsewhere.example/" } });
    const error = await failure(manage(({ namespaces }) => namespaces.read({ name: "mirror" })));
    expect(error).toMatchObject({ code: "UNEXPECTED_RESPONSE", status: 308 });
    expect(error.fix).toContain("SERVER_HOSTNAME");
});

test("a repository that goes between the look and the grant is no fault", async () => {
    const organization = fake.model.organizations.get("mirror");
    if (organization === undefined) throw new Error("no organization");
    fake.model.addRepository(organization, "quay.io/a/b", OWNER.username);
    const grant = "/api/v1/repository/mirror/quay.io/a/b/permissions/user/mirror+importer-1";
    fake.fault = (method, path) => {
        if (method === "PUT" && path === grant) organization.repositories.delete("quay.io/a/b");
        return undefined;
    };
    expect(await manage(({ robots }) => robots.create(PUSH), OWNER, 5)).toBeDefined();
});

test("races: two that make the same at once end with one of each", async () => {
    const both = await Promise.all([
        manage(({ robots }) => robots.create(PUSH), OWNER, 5),
        manage(({ robots }) => robots.create(PUSH), OWNER, 5),
    ]);
    expect(both[0]).toEqual(both[1]);
    const organization = fake.model.organizations.get("mirror");
    expect(organization?.robots.size).toBe(1);
    await manage(({ robots }) => robots.create(PUSH), OWNER, 5);
    expect(organization?.prototypes).toHaveLength(1);
});

test("the token's form: errors are redirects, and leave no application", async () => {
    const location = `${fake.url}/oauth/localapp?error=invalid_scope`;
    inject("POST", "/oauth/authorizeapp", { status: 302, headers: { location } });
    const error = await failure(manage(({ robots }) => robots.create(PUSH)));
    expect(error.message).toContain("no token for the run: invalid_scope");
    expect(error.fix).toContain("registryToken");
    expect(fake.model.organizations.get("mirror")?.applications.size).toBe(0);
});

test("versions: older than 3.8, no Quay at all, and nested names that are off", async () => {
    fake.setting = { ...fake.setting, version: "Quay v3.7.13" };
    expect((await failure(quay.check(quayAccount(fake, OWNER, 0), "mirror"))).message).toContain(
        "this is Quay 3.7.13; ",
    );
    inject("GET", "/config", html(404, "Not Found"));
    expect(await failure(quay.check(quayAccount(fake, OWNER, 0), "mirror"))).toMatchObject({
        code: "REGISTRY_VERSION_UNSUPPORTED",
    });
    fake.fault = undefined;
    fake.setting = { ...fake.setting, version: "Quay v3.18.0", nestedNames: false };
    const error = await failure(quay.check(quayAccount(fake, OWNER, 0), "mirror"));
    expect(error.message).toContain("nested repository names are off");
    expect(error.message).toContain("REGISTRY_FEATURE_DISABLED");
    expect(error.fix).toContain("FEATURE_EXTENDED_REPOSITORY_NAMES");
});

test.each([
    ["an unknown CA", {}, "other", "site.registry.ca"],
    ["an expired leaf", { daysLeft: -1 }, "own", "renew the registry's certificate"],
    ["another name", { names: ["registry.example"] }, "own", "use a host name the certificate is made for"],
])("TLS: %s is refused, with the cure", async (_, options, trusted, fix) => {
    const authority = await testAuthority();
    const stranger = await testAuthority("Another CA");
    const server = await FakeQuay.start("quay", await authority.issue(options));
    const ca = trusted === "own" ? authority.ca : stranger.ca;
    const account = { endpoint: { host: server.host, ca }, credentials: OWNER, retrySeconds: 0 };
    const error = await failure(quay.check(account, "mirror"));
    expect(error).toMatchObject({ code: "TLS" });
    expect(error.fix).toContain(fix);
    expect(server.accesses).toEqual([]);
    await server.stop();
});

test("an interrupt ends the work at once", async () => {
    const abortion = new AbortController();
    const account = { ...quayAccount(fake, OWNER, 60), signal: abortion.signal };
    inject("GET", ORGANIZATION, html(502, "Bad Gateway"));
    const work = managing(quay, account, ({ namespaces }) => namespaces.read({ name: "mirror" }));
    abortion.abort(new Error("interrupted"));
    await expect(work).rejects.toThrow("interrupted");
});
