import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { executePlan, planImport, removeImages } from "../../lib/import";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import type { Reply } from "../support/harbor/exchange";
import type { FakeHarbor } from "../support/harbor/fake-harbor";
import { ADMIN, MAINTAINER, ManagedHarbor } from "../support/harbor/managed-harbor";
import { html } from "../support/managed-fake";
import { MemoryImageSet } from "../support/image-set";

let on: ManagedHarbor;
let fake: FakeHarbor;

beforeEach(async () => {
    on = await ManagedHarbor.start();
    fake = on.fake;
});

afterEach(() => fake.stop());

const managed: ManagedHarbor["managed"] = (changes) => on.managed(changes);
const check: ManagedHarbor["check"] = (changes) => on.check(changes);
const failure: ManagedHarbor["failure"] = (work) => on.failure(work);
const once: ManagedHarbor["once"] = (...reply) => on.once(...reply);

test("a Harbor that is as it should be has nothing to be told, but its version", async () => {
    expect(await check()).toEqual({ version: "Harbor 2.14.4", notes: [] });
});

test("what it leaves open is told with the cure: read-only, self-registration, a part that is down, an ending certificate", async () => {
    fake.harbor.readOnly = true;
    fake.harbor.selfRegistration = true;
    fake.harbor.unhealthy = ["jobservice"];
    fake.front.present(await on.authority.issue({ daysLeft: 20 }));
    const { notes } = await check();
    expect(notes).toEqual([
        expect.stringMatching(/^Harbor is in read-only mode.*end it under/) as string,
        expect.stringMatching(/^anybody who reaches Harbor may make an account.*switch it off/) as string,
        expect.stringMatching(/^Harbor's jobservice is down/) as string,
        expect.stringMatching(/^the registry's TLS certificate ends on \d{4}-\d\d-\d\d.*renew it/) as string,
    ]);
});

test("a vital part that is down, and a version that is too old, stop the run", async () => {
    fake.harbor.unhealthy = ["database"];
    expect((await failure(check())).message).toMatch(/^REGISTRY_UNHEALTHY at \S+: parts of Harbor are down: database/);
    fake.harbor.unhealthy = [];
    fake.harbor.version = "v2.7.3-1a2b";
    expect(await failure(check())).toMatchObject({ code: "REGISTRY_VERSION_UNSUPPORTED" });
});

test.each([
    ["wrong", { username: "admin", password: "wrong" }],
    ["those of nobody", { username: "nobody", password: "wrong" }],
])("credentials that are %s are told, though Harbor answers much to anybody", async (_, credentials) => {
    const error = await failure(check({ credentials }));
    expect(error).toMatchObject({ code: "UNAUTHORIZED", status: 401 });
    expect(error.message).toContain(`UNAUTHORIZED (401) at ${fake.host}: `);
    expect(error.message).toContain(`the registry rejected the account ${credentials.username}`);
    expect(error.message).toContain("check registryUsername and registryPassword");
    expect(await failure(managed({ credentials }).namespaces.read({ name: "mirror" }))).toMatchObject({ status: 401 });
});

test.each([
    ["an unknown issuer", async () => undefined, /cannot be trusted.*give the registry's issuing CA/],
    ["an expired certificate", () => on.authority.issue({ daysLeft: -1 }), /expired.*renew the registry's certificate/],
    [
        "another host's name",
        () => on.authority.issue({ names: ["other.example"] }),
        /use a host name the certificate is made for/,
    ],
])("TLS with %s stops everything, with the cure", async (_, certificate, text) => {
    const shown = await certificate();
    if (shown !== undefined) fake.front.present(shown);
    const endpoint = shown === undefined ? { host: fake.host } : { host: fake.host, ca: on.authority.ca };
    const error = await failure(check({ endpoint }));
    expect(error.code).toBe("TLS");
    expect(error.message).toMatch(text);
});

const PROVES_NOTHING = /UNEXPECTED_RESPONSE \(404\).*this is not a response of a registry, so it proves nothing/;

test.each([
    [
        "a sign-in page in place of JSON",
        html(200),
        /the response \(200\) is text\/html instead of JSON.*what stands in front/,
    ],
    ["a sign-in page as 404", html(404), /the response \(404\) is text\/html, which is not the registry's own/],
    ["a 404 without Harbor's body", { status: 404 }, /UNEXPECTED_RESPONSE \(404\)/],
    ["a gateway's 404", { status: 404, json: { message: "no Route matched with those values" } }, PROVES_NOTHING],
    ["a gateway's 404 in Harbor's shape", { status: 404, json: { errors: [{ code: "NO_ROUTE" }] } }, PROVES_NOTHING],
    ["a 404 with an empty list of errors", { status: 404, json: { errors: [] } }, PROVES_NOTHING],
    [
        "JSON that ends early",
        { status: 200, text: '{"project_id": 1, "na', headers: { "content-type": "application/json" } },
        /ends early/,
    ],
    ["JSON of another shape", { status: 200, json: { id: 1 } }, /of another shape \(project_id/],
    [
        "a redirect to another place",
        { status: 302, headers: { location: "https://sso.example/?token=x" } },
        /redirect to https:\/\/sso\.example;/,
    ],
    [
        "a masked 500",
        { status: 500, json: { errors: [{ code: "UNKNOWN", message: "internal server error" }] } },
        /SERVER_ERROR \(500, UNKNOWN\).*internal server error \(request \S+ in its log\)/,
    ],
    ["a proxy's 502", html(502), /SERVER_ERROR \(502\).*: the registry, or a proxy in front of it, failed/],
    [
        "a 403 for a project of others",
        { status: 403, json: { errors: [{ code: "FORBIDDEN", message: "somebody" }] } },
        /403/,
    ],
] as readonly (readonly [string, Reply, RegExp])[])("%s is no statement about a project", async (_, reply, text) => {
    const { namespaces } = managed();
    await namespaces.create({ name: "mirror" });
    once("GET", /\/projects\/mirror$/, reply);
    expect((await failure(namespaces.read({ name: "mirror" }))).message).toMatch(text);
    expect(await namespaces.read({ name: "mirror" })).toMatchObject({ differences: [], isUntouched: true });
});

test("a busy proxy's 429 is waited for where asking again is harmless", async () => {
    once("GET", /\/projects\/mirror$/, { status: 429, headers: { "retry-after": "0" } });
    expect(await managed({ retrySeconds: 5 }).namespaces.read({ name: "mirror" })).toBeUndefined();
});

test("only a definite answer means that a project is not there, whoever asks", async () => {
    expect(await managed().namespaces.read({ name: "mirror" })).toBeUndefined();
    const { namespaces } = managed({ credentials: MAINTAINER });
    expect(await namespaces.read({ name: "mirror" })).toBeUndefined();
    await managed().namespaces.create({ name: "mirror" });
    expect(await failure(namespaces.read({ name: "mirror" }))).toMatchObject({ code: "DENIED" });
});

test("a gateway's 404 to HEAD does not mean that a project which the account may not see is not there", async () => {
    const { namespaces } = managed({ credentials: MAINTAINER });
    await managed().namespaces.create({ name: "mirror" });
    const noRoute = { status: 404, json: { message: "no Route matched with those values" } };
    fake.disturb = (_, path) => (path.endsWith("/projects") ? noRoute : undefined);
    expect((await failure(namespaces.read({ name: "mirror" }))).message).toMatch(PROVES_NOTHING);
});

test("a project is made private with its quota; somebody who was first is told; a lost answer is found again", async () => {
    const { namespaces } = managed();
    const desired = { name: "mirror", quota: 5_000_000_000 };
    once("POST", /\/projects$/, "drop");
    const made = await namespaces.create(desired);
    expect(made).toMatchObject({ differences: [], warnings: [], isUntouched: true });
    expect(fake.harbor.projects).toMatchObject([{ quota: 5_000_000_000, metadata: { public: "false" } }]);
    expect(await namespaces.create(desired)).toBeUndefined();
});

test("the room of a project is its quota and what counts against it; without a quota, or rights to see it, it is unknown", async () => {
    const { namespaces } = managed();
    fake.harbor.defaultQuota = 1000;
    expect(await namespaces.create({ name: "mirror" })).toMatchObject({ room: { limit: 1000, used: 0 } });
    const [project] = fake.harbor.projects;
    if (project === undefined) throw new Error("no project");
    project.used = 400;
    expect((await namespaces.read({ name: "mirror" }))?.room).toEqual({ limit: 1000, used: 400 });
    project.quota = -1;
    expect((await namespaces.read({ name: "mirror" }))?.room).toBeUndefined();
    fake.disturb = (_, path) => (path.endsWith("/summary") ? { status: 200, json: { repo_count: 0 } } : undefined);
    expect((await namespaces.read({ name: "mirror" }))?.room).toBeUndefined();
});

test("a project of others is described: what would change, and what would lose or block images", async () => {
    const { namespaces } = managed();
    await managed({ credentials: MAINTAINER }).namespaces.create({ name: "mirror" });
    const [project] = fake.harbor.projects;
    if (project === undefined) throw new Error("no project");
    Object.assign(project.metadata, {
        public: "true",
        prevent_vul: "true",
        enable_content_trust_cosign: "true",
        retention_id: "4",
    });
    project.immutable.push({});
    fake.harbor.retentions.set("4", { rules: [{ template: "latestPushedK" }] });
    fake.harbor.deleteUntagged = true;
    const found = await namespaces.read({ name: "mirror", quota: 7 });
    expect(found).toMatchObject({ isUntouched: false, differences: ["public: true -> false", "quota: -1 -> 7 bytes"] });
    expect(found?.warnings.map((warning) => warning.split(/[(:]/)[0])).toEqual([
        "project mirror blocks pulls of images with vulnerabilities of severity low and above ",
        "project mirror blocks pulls of images without a signature ",
        "the retention policy of project mirror deletes every image that none of its rules retains",
        "project mirror has immutable tags",
        "Harbor's garbage collection removes manifests that have no tag ",
    ]);
    expect(await namespaces.update({ id: found?.id ?? "" }, { name: "mirror", quota: 7 })).toMatchObject({
        differences: [],
    });
    const always = { template: "always", tag_selectors: [{ decoration: "matches", pattern: "**" }] };
    const scope_selectors = { repository: [{ decoration: "repoMatches", pattern: "**" }] };
    fake.harbor.retentions.set("4", { rules: [{ ...always, scope_selectors }] });
    expect((await namespaces.read({ name: "mirror" }))?.warnings).not.toContainEqual(
        expect.stringContaining("retention"),
    );
});

test("a new project on a read-only Harbor: the fix is to end that, and not another account", async () => {
    fake.harbor.readOnly = true;
    const denied = await failure(managed().namespaces.create({ name: "mirror" }));
    expect(denied).toMatchObject({ code: "DENIED", status: 403 });
    expect(denied.fix).toContain("end Harbor's read-only mode");
    fake.harbor.readOnly = false;
});

test("a proxy cache takes no pushes, and is refused", async () => {
    await managed().namespaces.create({ name: "mirror" });
    Object.assign(fake.harbor.projects[0] ?? {}, { registry_id: 3 });
    expect(await failure(managed().namespaces.read({ name: "mirror" }))).toMatchObject({ code: "PROXY_CACHE_PROJECT" });
});

test("only an empty project is removed, only the one that was made here, and one that is gone is fine", async () => {
    const { namespaces } = managed();
    const made = await namespaces.create({ name: "mirror" });
    await namespaces.remove({ id: "999" }, { name: "mirror" });
    expect(fake.harbor.projects).toHaveLength(1);
    once("DELETE", /\/projects\//, {
        status: 412,
        json: {
            errors: [
                {
                    code: "PRECONDITION",
                    message: "precondition failed: the project contains repositories, can not be deleted",
                },
            ],
        },
    });
    const refused = await failure(namespaces.remove({ id: made?.id ?? "" }, { name: "mirror" }));
    expect(refused.message).toContain("site.onRemove: keep");
    await namespaces.remove({ id: made?.id ?? "" }, { name: "mirror" });
    await namespaces.remove({ id: made?.id ?? "" }, { name: "mirror" });
    expect(fake.harbor.projects).toEqual([]);
});

test("a project's emptied repositories are removed with it, and none of them if another one holds an image", async () => {
    const { namespaces } = managed();
    const made = await namespaces.create({ name: "mirror" });
    const known = { id: made?.id ?? "" };
    const client = new RegistryClient({
        endpoint: { host: fake.host, ca: on.authority.ca },
        credentials: ADMIN,
        retry: { seconds: 0, firstDelay: 1, longestDelay: 1 },
    });
    const content = new MemoryImageSet();
    content.image("quay.io/org/app:1");
    content.image("registry.redhat.io/ubi9/ubi:1");
    const base = parseMirrorBase(`${fake.host}/mirror`);
    const plan = await planImport(client, { images: content.images, set: content.set, base });
    expect((await executePlan(client, content, plan)).failed).toEqual([]);
    const tasks = plan.push.map(({ task }) => task);
    await removeImages(client, tasks.slice(0, 1), []);
    const refused = await failure(namespaces.remove(known, { name: "mirror" }));
    expect(refused.code).toBe("NAMESPACE_NOT_EMPTY");
    expect(refused.message).toContain(`1 of its repositories hold images (${tasks[1]?.repository ?? ""})`);
    expect(fake.writes().filter((write) => write.startsWith("DELETE"))).toEqual([]);
    await removeImages(client, tasks.slice(1), []);
    await client.close();
    await namespaces.remove(known, { name: "mirror" });
    expect(fake.harbor.projects).toEqual([]);
});
