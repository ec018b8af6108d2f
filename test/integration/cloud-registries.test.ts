import { executePlan, imageTask, planImport, removeImages, verifyImages } from "../../lib/import";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import type { Credentials } from "../../lib/http/credentials";
import { checkBeforeFirstImport } from "../../lib/passthrough/doctor/before-first-import";
import { registryAdmin } from "../../lib/registries";
import { type TestAuthority, testAuthority } from "../support/certificates";
import { FakeArtifactRegistry } from "../support/cloud-registries/fake-artifact-registry";
import { FakeAzure, TOKEN_USER } from "../support/cloud-registries/fake-azure";
import { FakeEcr } from "../support/cloud-registries/fake-ecr";
import { FakeGitLab } from "../support/cloud-registries/fake-gitlab";
import { MemoryImageSet } from "../support/image-set";

/* Registries as their documentation describes them; no real one was asked. */

const RETRY = { seconds: 0, firstDelay: 1, longestDelay: 1 };
let authority: TestAuthority;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
    authority = await testAuthority();
});
afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
});

/** What a stack does to a registry, with one account. */
function site(mirrorBase: string, credentials: Credentials) {
    const base = parseMirrorBase(mirrorBase);
    const endpoint = { host: base.host, ca: authority.ca };
    const client = new RegistryClient({ endpoint, credentials, retry: RETRY });
    closing.push(() => client.close());
    const tasks = (content: MemoryImageSet) =>
        Object.entries(content.images).map(([source, digest]) => imageTask(base, source, digest));
    const plan = (content: MemoryImageSet) => planImport(client, { images: content.images, set: content.set, base });
    return {
        client,
        tasks,
        plan,
        check: () => registryAdmin("distribution").check({ endpoint, credentials, retrySeconds: 0 }, ""),
        firstImport: async (content: MemoryImageSet) =>
            checkBeforeFirstImport(client, await plan(content), "distribution"),
        bring: async (content: MemoryImageSet) => executePlan(client, content, await plan(content)),
        verify: (content: MemoryImageSet) =>
            verifyImages(
                client,
                tasks(content).map((task) => ({ ...task, whole: true })),
            ),
        remove: (content: MemoryImageSet) => removeImages(client, tasks(content), []),
    };
}

/** Imports two images, proves them, finds nothing more to do, and removes them. */
async function liveThere(there: ReturnType<typeof site>): Promise<void> {
    const content = someImages();
    await there.firstImport(content);
    expect((await there.bring(content)).failed).toEqual([]);
    expect(await there.verify(content)).toMatchObject({ failures: [], unread: [] });
    expect(await there.plan(content)).toMatchObject({ push: [], problems: [] });
    expect(await there.remove(content)).toMatchObject({ kept: [], failed: [] });
    for (const { repository, tag, digest } of there.tasks(content)) {
        for (const gone of [tag, digest]) expect(await there.client.manifestHead(repository, gone)).toBeUndefined();
    }
}

function someImages(): MemoryImageSet {
    const content = new MemoryImageSet();
    content.image("quay.io/org/app:1");
    content.image("quay.io/org/multi:2", content.index([content.manifest(), content.manifest()]));
    return content;
}

const REPOSITORIES = ["mirror/quay.io/org/app", "mirror/quay.io/org/multi"];

describe("Amazon ECR", () => {
    let ecr: FakeEcr;

    beforeEach(async () => {
        ecr = await FakeEcr.start(await authority.issue());
        closing.push(() => ecr.cloud.stop());
    });
    const there = (password = ecr.password) => site(`${ecr.cloud.host}/mirror`, { username: "AWS", password });

    test("takes everything once its repositories exist", async () => {
        for (const name of REPOSITORIES) ecr.create(name);
        await liveThere(there());
    });

    test("names the repositories that must be created, before any byte is sent", async () => {
        await expect(there().firstImport(someImages())).rejects.toMatchObject({
            code: "REPOSITORIES_MISSING",
            message: expect.stringContaining(REPOSITORIES.map((name) => `\n    ${name}`).join("")) as string,
        });
        expect(ecr.cloud.requests.filter(({ method }) => method === "PUT")).toEqual([]);
    });

    test("a password that has expired is told apart from a right that is missing", async () => {
        for (const name of REPOSITORIES) ecr.create(name);
        const content = someImages();
        const aws = there();
        expect((await aws.check()).notes).toEqual([
            expect.stringContaining("the password of AWS is valid for 12 hours"),
        ]);
        await aws.bring(content);
        ecr.isExpired = true;
        const expired = { fix: expect.stringContaining("`aws ecr get-login-password`, valid for 12 hours") as string };
        await expect(aws.check()).rejects.toMatchObject({ ...expired, status: 403 });
        await expect(aws.verify(content)).rejects.toMatchObject(expired);
        await expect(there("of another account").check()).rejects.toMatchObject({ ...expired, status: 401 });
    });
});

describe("Google Artifact Registry", () => {
    const KEY = JSON.stringify({ type: "service_account", private_key: "-----BEGIN\nkey:canary\n" }, undefined, 2);
    let google: FakeArtifactRegistry;

    beforeEach(async () => {
        google = await FakeArtifactRegistry.start(await authority.issue());
        google.accounts.set("_json_key", KEY);
        closing.push(() => google.cloud.stop());
    });
    const there = () => site(`${google.cloud.host}/my-project/mirror`, { username: "_json_key", password: KEY });

    test("takes everything with a key file as password, once its one repository exists", async () => {
        google.repositories.add("my-project/mirror");
        await liveThere(there());
        expect(google.cloud.requests.some(({ method, path }) => method === "DELETE" && path.endsWith("/1"))).toBe(true);
    });

    test("a repository that was not created is named before any byte is sent", async () => {
        await expect(there().firstImport(someImages())).rejects.toMatchObject({ code: "REPOSITORIES_MISSING" });
    });

    test("an access token is valid for an hour, and its end is told", async () => {
        const hourly = site(`${google.cloud.host}/my-project/mirror`, { username: "oauth2accesstoken", password: "x" });
        await expect(hourly.check()).rejects.toMatchObject({
            fix: expect.stringContaining("`gcloud auth print-access-token`, valid for 1 hour") as string,
        });
    });
});

describe("Azure Container Registry", () => {
    let azure: FakeAzure;

    beforeEach(async () => {
        azure = await FakeAzure.start(await authority.issue());
        azure.accounts.set("service-principal", "canary-password");
        azure.accounts.set(TOKEN_USER, "refresh-token-canary");
        closing.push(() => azure.cloud.stop());
    });
    const there = (username: string, password: string) => site(`${azure.cloud.host}/mirror`, { username, password });

    test.each([
        ["service-principal", "canary-password"],
        [TOKEN_USER, "refresh-token-canary"],
    ])("takes everything from %s", async (username, password) => {
        await liveThere(there(username, password));
    });

    test("a tag whose manifest is still needed stays, since it cannot be deleted alone", async () => {
        const here = there("service-principal", "canary-password");
        const content = new MemoryImageSet();
        const source = "quay.io/org/app:1";
        const digest = content.image(source);
        content.image("quay.io/org/app:2", digest);
        expect((await here.bring(content)).failed).toEqual([]);
        delete content.images["quay.io/org/app:2"];
        const reason = "2 still points to it; its tag 1 stays too, since the registry removes no tag alone";
        expect(await here.remove(content)).toMatchObject({ removed: [], kept: [{ source, reason }], failed: [] });
        expect(await here.client.manifestHead("mirror/quay.io/org/app", "1")).toBe(digest);
    });

    test("a token that has expired is told apart from a wrong password", async () => {
        await expect(there(TOKEN_USER, "old").check()).rejects.toMatchObject({
            fix: expect.stringContaining("`az acr login --expose-token`, valid for 3 hours") as string,
        });
        expect((await there("service-principal", "canary-password").check()).notes).toEqual([]);
        await expect(there("service-principal", "wrong").check()).rejects.toMatchObject({
            code: "UNAUTHORIZED",
            fix: expect.not.stringContaining("az acr") as string,
        });
    });
});

describe("GitLab", () => {
    const ACCOUNT = { username: "deploy-token", password: "gldt-canary" };
    let gitlab: FakeGitLab;

    beforeEach(async () => {
        gitlab = await FakeGitLab.start(await authority.issue(), ACCOUNT);
        closing.push(() => gitlab.stop());
    });
    const there = (account = ACCOUNT) => site(`${gitlab.cloud.host}/mirror`, account);

    test("takes everything where each upstream is a project, with tokens of another host", async () => {
        gitlab.projects.add("mirror/quay.io");
        await liveThere(there());
        expect(await there().firstImport(someImages())).toEqual([
            expect.stringContaining(`names a token service at another host, ${gitlab.tokenHost}`),
        ]);
    });

    test("an image below no project ends the run with its repository", async () => {
        gitlab.projects.add("mirror/quay.io");
        const content = someImages();
        content.image("registry.redhat.io/org/other:1");
        await expect(there().bring(content)).rejects.toMatchObject({
            code: "UNAUTHORIZED",
            operation: "GET mirror/registry.redhat.io/org/other/manifests/1",
            message: expect.stringContaining("rejected the account deploy-token") as string,
        });
    });

    test("a wrong password is denied by the token service", async () => {
        await expect(there({ ...ACCOUNT, password: "wrong" }).check()).rejects.toMatchObject({
            status: 403,
            fix: expect.stringContaining("registryPassword") as string,
        });
    });
});
