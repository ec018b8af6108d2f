import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { executePlan, planImport, removeImages } from "../../lib/import";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import type { RegistryManagement } from "../../lib/registries";
import { MemoryImageSet } from "../support/image-set";
import type { Reply } from "../support/jfrog/exchange";
import type { FakeJFrog } from "../support/jfrog/fake-jfrog";
import { ADMIN, ManagedJFrog, SOMEBODY } from "../support/jfrog/managed-jfrog";
import type { Platform } from "../support/jfrog/model";
import { html } from "../support/managed-fake";

let on: ManagedJFrog;
let fake: FakeJFrog;
let platform: Platform;

beforeEach(async () => {
    on = await ManagedJFrog.start();
    ({ fake } = on);
    ({ platform } = fake);
});

afterEach(() => on.stop());

const MIRROR = { name: "mirror" };
const namespaces = <T>(use: (admin: RegistryManagement["namespaces"]) => Promise<T>) =>
    on.managing((management) => use(management.namespaces));
const read = () => namespaces((admin) => admin.read(MIRROR));
const create = () => namespaces((admin) => admin.create(MIRROR));

describe("the check", () => {
    test.each([
        ["a token", () => ({ token: on.token })],
        ["a password", () => ADMIN],
    ])("with %s: version and license, nothing to report, and no token is left behind", async (_, credentials) => {
        const before = platform.tokens.length;
        expect(await on.check({ credentials: credentials() })).toEqual({
            version: "Artifactory 7.90.1 (Commercial)",
            notes: [],
        });
        expect(platform.tokens).toHaveLength(before);
    });

    test("what it leaves open is reported: anonymous access, not ready, an ending certificate", async () => {
        platform.allowsAnonymous = true;
        platform.isReady = false;
        fake.front.present(await on.authority.issue({ daysLeft: 20 }));
        expect((await on.check()).notes).toEqual([
            expect.stringMatching(/^Artifactory reports that it is not ready \(503\)/) as string,
            expect.stringMatching(/^the registry answers without credentials.*Allow Anonymous Access/) as string,
            expect.stringMatching(/^the registry's TLS certificate ends on/) as string,
        ]);
    });

    test("a wrong password is named with account and host, and tried once", async () => {
        const credentials = { username: "admin", password: "wrong" };
        const error = await on.failure(on.check({ credentials }));
        expect(error).toMatchObject({ code: "UNAUTHORIZED", status: 401 });
        expect(error.message).toContain(`at ${fake.host}`);
        expect(error.message).toContain("the registry rejected the account admin: Bad credentials");
        expect(error.fix).toContain("registryUsername and registryPassword");
        const asked = fake.requests.length;
        expect(await on.failure(on.managing(({ namespaces: admin }) => admin.read(MIRROR), { credentials }))).toBe(
            error,
        );
        expect(fake.requests).toHaveLength(asked);
    });

    test("a wrong password is tried once by all resources that log in at the same time", async () => {
        const credentials = { username: "admin", password: "wrong-too" };
        const log = () => on.managing(({ namespaces: admin }) => admin.read(MIRROR), { credentials });
        const errors = await Promise.all(Array.from({ length: 8 }, () => on.failure(log())));
        expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(["UNAUTHORIZED"]));
        expect(fake.requests).toEqual(["GET /artifactory/api/system/version"]);
    });

    test("a login that got no response is not final", async () => {
        const log = () => on.managing(({ namespaces: admin }) => admin.read(MIRROR), { credentials: ADMIN });
        on.once("GET", /\/system\/version$/, { status: 503, text: "starting" });
        expect(await on.failure(log())).toMatchObject({ status: 503 });
        expect(await log()).toBeUndefined();
    });

    test("a password that is changed while the process runs is not called right", async () => {
        const log = () => on.managing(({ namespaces: admin }) => admin.read(MIRROR), { credentials: ADMIN });
        expect(await log()).toBeUndefined();
        platform.users.splice(0);
        expect(await on.failure(log())).toMatchObject({ code: "UNAUTHORIZED" });
        const asked = fake.requests.length;
        expect(await on.failure(log())).toMatchObject({ code: "UNAUTHORIZED" });
        expect(fake.requests).toHaveLength(asked);
    });

    test("a right password without the right, or without tokens for passwords, is not called wrong", async () => {
        for (const credentials of [SOMEBODY, ADMIN]) {
            platform.createsTokensForPasswords = credentials === SOMEBODY;
            const error = await on.failure(on.check({ credentials }));
            expect(error).toMatchObject({ code: "DENIED", status: 403 });
            expect(error.message).toContain(
                "the password is right, but Artifactory gives no administrator's token for it",
            );
            expect(error.message).toContain(`the account ${credentials.username}`);
            expect(error.fix).toMatch(/Enable Token Generation via API.*or set registryToken/);
        }
    });

    test("a proxy that does not pass /access/ is told from a wrong password", async () => {
        fake.disturb = (_, path) => (path.startsWith("/access/") ? { status: 404, text: "" } : undefined);
        const error = await on.failure(on.check({ credentials: ADMIN }));
        expect(error.status).toBe(404);
        expect(error.fix).toContain("pass /access/");
    });

    test("an interrupted operation leaves no token behind", async () => {
        const interruption = new AbortController();
        const changes = { credentials: ADMIN, signal: interruption.signal };
        const before = platform.tokens.length;
        let during = 0;
        const interrupted = on.managing(async ({ namespaces: admin }) => {
            await admin.read(MIRROR);
            during = platform.tokens.length;
            interruption.abort(new Error("interrupted"));
            await admin.read(MIRROR);
        }, changes);
        await expect(interrupted).rejects.toThrow("interrupted");
        expect([during, platform.tokens.length]).toEqual([before + 1, before]);
    });

    test("a suspended account is one to wait for", async () => {
        platform.suspended.add("admin");
        const error = await on.failure(on.check({ credentials: ADMIN }));
        expect(error).toMatchObject({ code: "DENIED", status: 403 });
        expect(error.fix).toContain("suspends an account for up to a minute");
    });

    test.each([
        ["unknown", () => "eyJ.no.such", "UNAUTHORIZED", 401],
        ["no administrator's", () => platform.addToken("x", "applied-permissions/user", 0).secret, "DENIED", 403],
        ["expired", () => platform.addToken("x", "applied-permissions/admin", -5).secret, "UNAUTHORIZED", 401],
    ])("a token that is %s is named", async (_, token, code, status) => {
        const error = await on.failure(on.check({ credentials: { token: token() } }));
        expect(error).toMatchObject({ code, status });
        expect(error.message).toContain("registryToken (an access token)");
    });

    test("an old version, another server, and a proxy that does not pass /v2/ stop the run", async () => {
        platform.version = "7.71.3";
        expect(await on.failure(on.check())).toMatchObject({ code: "REGISTRY_VERSION_UNSUPPORTED" });
        platform.version = "7.90.1";
        fake.disturb = (_, path) => (path.startsWith("/v2/") ? { status: 404, text: "" } : undefined);
        expect((await on.failure(on.check())).message).toContain("there is no registry here");
        fake.disturb = () => html(200);
        const error = await on.failure(on.check());
        expect(error.message).toContain("the response (200) is not one of Artifactory");
        fake.disturb = () => undefined;
    });

    test("without a Pro license it says so", async () => {
        platform.edition = "free";
        const error = await on.failure(on.check());
        expect(error.code).toBe("REGISTRY_FEATURE_DISABLED");
        expect(error.message).toContain("it needs Artifactory Pro or higher with a valid license");
        platform.open.permissionsNeedPro = false;
        expect(await on.check()).toEqual({
            version: "Artifactory 7.90.1",
            notes: [expect.stringContaining("Artifactory reports no Pro license") as string],
        });
    });
});

describe.each([400, 404] as const)("the repository, where a missing one is %i", (missingRepository) => {
    beforeEach(() => {
        platform.open.missingRepository = missingRepository;
    });

    test("is created local, with nothing that deletes tags, and removed again while it is empty", async () => {
        expect(await read()).toBeUndefined();
        expect(await create()).toEqual({
            id: "mirror",
            differences: [],
            warnings: [],
            hasImmutableTags: false,
            isUntouched: true,
        });
        expect(platform.repositories.get("mirror")).toMatchObject({
            rclass: "local",
            packageType: "docker",
            settings: { dockerApiVersion: "V2", maxUniqueTags: 0, dockerTagRetention: 1, excludesPattern: "" },
        });
        expect(await create()).toBeUndefined();
        for (let time = 0; time < 2; time++) await namespaces((admin) => admin.remove({ id: "mirror" }, MIRROR));
        expect(platform.repositories.size).toBe(0);
    });

    test("of others is described, and what would lose or block images is put right", async () => {
        const settings = { maxUniqueTags: 5, blackedOut: true, excludesPattern: "quay.io/**" };
        platform.repositories.set("mirror", { key: "mirror", rclass: "local", packageType: "docker", settings });
        expect(await read()).toMatchObject({
            isUntouched: false,
            differences: ["maxUniqueTags: 5 -> 0", "blackedOut: true -> false", "excludesPattern: quay.io/** -> none"],
        });
        expect(await namespaces((admin) => admin.update({ id: "mirror" }, MIRROR))).toMatchObject({ differences: [] });
        expect(platform.repositories.get("mirror")?.settings).toMatchObject({ maxUniqueTags: 0, blackedOut: false });
    });

    test("a lost response is found again; a creation that a busy configuration rejects is sent again", async () => {
        on.once("PUT", /\/repositories\/mirror$/, "drop");
        expect(await create()).toMatchObject({ isUntouched: true });
        platform.repositories.clear();
        on.once("PUT", /\/repositories\/mirror$/, { status: 500, text: "Could not merge and save new descriptor" });
        const busy = on.managing(({ namespaces: admin }) => admin.create(MIRROR), { retrySeconds: 10 });
        expect(await busy).toMatchObject({ isUntouched: true });
    });

    test("is waited for where it is not readable at once after its creation", async () => {
        const notYet = { status: missingRepository, json: { errors: [{ status: missingRepository, message: "No" }] } };
        on.once("GET", /\/repositories\/mirror$/, notYet);
        const slow = on.managing(({ namespaces: admin }) => admin.create(MIRROR), { retrySeconds: 10 });
        expect(await slow).toMatchObject({ isUntouched: true });
        on.once("GET", /\/repositories\/mirror$/, notYet);
        expect((await on.failure(read())).message).toContain("Artifactory lists it and does not show its settings");
    });
});

test("'needs Pro' is not 'exists already': both are 400", async () => {
    platform.edition = "free";
    expect(await read()).toBeUndefined();
    const error = await on.failure(create());
    expect(error).toMatchObject({ code: "REGISTRY_FEATURE_DISABLED", status: 400 });
    expect(error.fix).toContain("create a local Docker repository with the key mirror");
    // Made by hand: its settings are not shown, but it can be adopted.
    platform.repositories.set("mirror", { key: "mirror", rclass: "local", packageType: "docker", settings: {} });
    expect(await read()).toMatchObject({
        isUntouched: false,
        differences: [],
        warnings: [expect.stringContaining("its settings cannot be read") as string],
    });
});

test.each([
    ["remote", "docker", "PROXY_CACHE_PROJECT"],
    ["virtual", "docker", "INVALID_REQUEST"],
    ["local", "generic", "INVALID_REQUEST"],
])("a %s %s repository is refused", async (rclass, packageType, code) => {
    platform.repositories.set("mirror", { key: "mirror", rclass, packageType, settings: {} });
    expect(await on.failure(read())).toMatchObject({ code });
});

test.each([
    ["a sign-in page", html(200), /text\/html instead of JSON/],
    ["a gateway's 404", { status: 404, json: { message: "no Route matched" } }, /proves nothing/],
    [
        "a gateway's 404 in a registry's shape",
        { status: 404, json: { errors: [{ code: "NO_ROUTE" }] } },
        /proves nothing/,
    ],
    ["a 403", { status: 403, json: { errors: [{ status: 403, message: "Forbidden" }] } }, /denied this/],
    ["a proxy's 502", html(502), /SERVER_ERROR \(502\)/],
] as readonly (readonly [string, Reply, RegExp])[])("%s is no statement about a repository", async (_, reply, text) => {
    await create();
    on.once("GET", /\/repositories\/mirror$/, reply);
    expect((await on.failure(read())).message).toMatch(text);
    expect(await read()).toMatchObject({ differences: [] });
});

test("a repository that holds an image is not deleted, whatever Artifactory itself would do", async () => {
    await create();
    const client = new RegistryClient({
        endpoint: { host: fake.host, ca: on.authority.ca },
        credentials: ADMIN,
        retry: { seconds: 0, firstDelay: 1, longestDelay: 1 },
    });
    const content = new MemoryImageSet();
    content.image("quay.io/org/app:1");
    const base = parseMirrorBase(`${fake.host}/mirror`);
    const plan = await planImport(client, { images: content.images, set: content.set, base });
    expect((await executePlan(client, content, plan)).failed).toEqual([]);
    expect(await read()).toMatchObject({ isUntouched: false });
    const refused = await on.failure(namespaces((admin) => admin.remove({ id: "mirror" }, MIRROR)));
    expect(refused.code).toBe("NAMESPACE_NOT_EMPTY");
    expect(refused.message).toContain("1 file left (quay.io/org/app/1)");
    const tasks = plan.push.map(({ task }) => task);
    await removeImages(client, tasks, []);
    await client.close();
    await namespaces((admin) => admin.remove({ id: "mirror" }, MIRROR));
    expect(platform.repositories.size).toBe(0);
});
