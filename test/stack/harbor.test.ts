import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CommandLines, leaks } from "../support/canary";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { RegistryError } from "../../lib/errors/errors";
import { ADMIN, HarborSite } from "../support/harbor/harbor-site";
import { html } from "../support/managed-fake";
import { pushDirectly } from "../support/push-directly";
import { Contents } from "../support/registry-contents";

jest.setTimeout(600_000);

let site: HarborSite;
let commandLines: CommandLines;
/** The engine's own logs of what happened. */
const eventLog = (name: string) => join(site.folder, `${name}.events.json`);

beforeAll(async () => {
    commandLines = new CommandLines();
    site = await HarborSite.create();
});

afterAll(async () => {
    commandLines.stop();
    await site.remove();
});

const robots = () => site.fake.harbor.robots.map(({ name }) => name).sort();
const sent = () =>
    site.fake.content.flatMap(({ method, path }) => (/^(GET|HEAD)$/.test(method) ? [] : [`${method} ${path}`]));
const PUT_BY_DIGEST = expect.stringMatching(/^PUT .*\/manifests\/sha256:/) as string;
const secrets = () => site.fake.harbor.robots.map(({ secret }) => secret);

test("up makes the project, two robot accounts, brings the images and proves them, and never with the admin", async () => {
    const { fake, stack } = site;
    stack.setVariable("REGISTRY_PASSTHROUGH_DEBUG", "*");
    const first = await stack.up("--debug", "--event-log", eventLog("first"));
    stack.setVariable("REGISTRY_PASSTHROUGH_DEBUG", undefined);
    expect(first).toMatchObject({ code: 0 });
    expect(first.text).toMatch(/registry-passthrough:http #\d+ POST \S+\/api\/v2\.0\/robots: 201, /);
    expect(fake.harbor.projects).toMatchObject([{ name: "mirror", metadata: { public: "false", auto_scan: "false" } }]);
    expect(robots()).toEqual(["mirror+importer-1", "mirror+puller-1"]);
    const rights = (name: string) =>
        fake.harbor.robot(name).access.map(({ resource, action }) => `${resource}:${action}`);
    expect(rights("importer-1")).toEqual(["repository:pull", "repository:push"]);
    expect(rights("puller-1")).toEqual(["repository:pull"]);
    expect(fake.harbor.robot("importer-1").duration).toBe(37);
    expect(fake.harbor.robot("puller-1").duration).toBe(104);
    expect(fake.writes()).toEqual(["POST /projects", "POST /robots", "POST /robots"]);
    expect(fake.content.filter(({ username }) => username === ADMIN.username)).toEqual([]);
    const pushers = fake.content.filter(({ method }) => method === "PUT").map(({ username }) => username);
    expect(new Set(pushers)).toEqual(new Set(["robot$mirror+importer-1"]));
});

test("outputs have the puller's secret for clusters, and who the robot accounts are", async () => {
    const { fake, stack } = site;
    const outputs = await stack.outputs();
    const { auths } = JSON.parse(outputs.pullSecret as string) as { auths: Record<string, { auth: string }> };
    const login = Buffer.from(auths[fake.host]?.auth ?? "", "base64").toString();
    expect(login).toBe(`robot$mirror+puller-1:${fake.harbor.robot("puller-1").secret}`);
    const ends = (name: string) => new Date(fake.harbor.robot(name).expires_at * 1000).toISOString();
    expect(outputs.robots).toEqual({
        importer: { username: "robot$mirror+importer-1", expiresAt: ends("importer-1") },
        puller: { username: "robot$mirror+puller-1", expiresAt: ends("puller-1") },
    });
    expect(outputs.validation).toMatchObject({ status: "proven", images: 6 });
});

test("after up there is nothing to do", async () => {
    expect(await site.stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });
    expect(await site.stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("what no set needs is looked for in the repositories of the sets: Harbor lists no others to a robot account", async () => {
    const { code, out } = await site.stack.passthrough("superseded");
    expect(code).toBe(78);
    expect(out).toMatch(/^\? list of repositories: .*--authfile \(Harbor: an administrator\)$/m);
    expect(out).toMatch(/^no tag in 6 repositories of \S+ is without a set$/m);
});

test("what somebody changed is drift, and the next up puts just that right", async () => {
    const { fake, stack } = site;
    const [project] = fake.harbor.projects;
    if (project !== undefined) project.metadata.public = "true";
    fake.harbor.robot("puller-1").access.push({ resource: "repository", action: "delete" });
    fake.harbor.robot("importer-1").disable = true;
    const drift = await stack.refreshPreview("--expect-no-changes");
    expect(drift.code).toBe(7);
    expect(drift.text).toContain("public: true -> false");
    expect(drift.text).toContain("it may also repository:delete in mirror");
    expect(drift.text).toContain("it is disabled");
    fake.requests.length = 0;
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(
        fake
            .writes()
            .map((write) => write.replace(/\d+$/, "N"))
            .sort(),
    ).toEqual(["PUT /projects/N", "PUT /robots/N", "PUT /robots/N"]);
    expect(fake.harbor.robot("importer-1").disable).toBe(false);
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("what would lose images is told when it appears, and once", async () => {
    const { fake, stack } = site;
    fake.harbor.deleteUntagged = true;
    const drift = await stack.refreshPreview("--expect-no-changes");
    expect(drift.code).toBe(7);
    expect(drift.text).toContain("garbage collection removes manifests that have no tag");
    fake.requests.length = 0;
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(fake.writes()).toEqual([]);
    fake.harbor.deleteUntagged = false;
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a robot account past two thirds of its time is replaced: the new one first, the old one last, no image sent", async () => {
    const { fake, stack } = site;
    fake.harbor.age("importer-1", 21);
    const due = await stack.refreshPreview("--expect-no-changes");
    expect(due.code).toBe(7);
    fake.requests.length = 0;
    fake.content.length = 0;
    const up = await stack.up();
    expect(up).toMatchObject({ code: 0 });
    expect(up.text).toContain("importer-1 -> importer-2");
    expect(fake.writes().map((write) => write.replace(/\d+$/, "N"))).toEqual(["POST /robots", "DELETE /robots/N"]);
    expect(robots()).toEqual(["mirror+importer-2", "mirror+puller-1"]);
    expect(sent()).toEqual([PUT_BY_DIGEST]);
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

/** The status with which the registry greets an account: what a cluster's pull secret meets. */
async function greeting(login: { username: string; password: string }): Promise<number> {
    const client = new RegistryClient({
        endpoint: { host: site.fake.host, ca: site.authority.ca },
        credentials: login,
    });
    try {
        return await client.ping();
    } catch (error) {
        if (error instanceof RegistryError && error.status !== undefined) return error.status;
        throw error;
    } finally {
        await client.close();
    }
}

test("a puller that is replaced stays valid for its overlap, is in preview and outputs, and goes at the first up after it", async () => {
    const { fake, stack } = site;
    const { secret: password } = fake.harbor.robot("puller-1");
    const old = { username: "robot$mirror+puller-1", password };
    fake.harbor.age("puller-1", 61);
    const preview = await stack.preview("--refresh", "--run-program");
    expect(preview.text).toContain("puller-1 -> puller-2");
    expect(preview.text).toContain("puller-1 stays valid until");
    fake.requests.length = 0;
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(fake.writes()).toEqual(["POST /robots"]);
    expect(robots()).toEqual(["mirror+importer-2", "mirror+puller-1", "mirror+puller-2"]);
    expect(await greeting(old)).toBe(200);
    const outputs = await stack.outputs();
    const retired = [{ username: old.username, validUntil: expect.stringMatching(/^20\d\d-.*Z$/) as string }];
    expect(outputs.robots).toMatchObject({ puller: { username: "robot$mirror+puller-2", retired } });
    expect(String(outputs.pullSecret)).not.toContain(Buffer.from(`${old.username}:${password}`).toString("base64"));
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
    const quiet = await stack.preview("--expect-no-changes");
    expect(quiet.code).toBe(0);
    expect(quiet.text).toContain("puller-1 stays valid until");

    stack.configure(site.document({}, { robots: { puller: { maxAge: "90d", overlap: "0d" } } }));
    expect((await stack.preview()).text).toContain("deletes account robot$mirror+puller-1: its overlap ended on");
    fake.content.length = 0;
    expect(await stack.upOnly("--skip-preview")).toMatchObject({ code: 0 });
    expect(robots()).toEqual(["mirror+importer-2", "mirror+puller-2"]);
    expect(fake.content).toEqual([]);
    expect(await greeting(old)).toBe(401);
    expect((await stack.outputs()).robots).not.toHaveProperty("puller.retired");
    stack.configure(site.document());
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a secret that somebody refreshed does not stop its own repair", async () => {
    const { fake, stack } = site;
    fake.harbor.robot("puller-2").secret = "Somebody1Else";
    fake.harbor.robot("importer-2").secret = "Somebody1Else";
    fake.mint.expireAll();
    expect((await stack.refreshPreview("--expect-no-changes")).code).toBe(7);
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    // Somebody who gave it a new secret may have given that to a cluster.
    expect(robots()).toEqual(["mirror+importer-3", "mirror+puller-2", "mirror+puller-3"]);
    expect((await stack.outputs()).validation).toMatchObject({ status: "proven" });
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a second stack of the same name makes robot accounts of its own in the project it may adopt, and takes nobody's", async () => {
    const { fake } = site;
    const before = secrets();
    const stranger = await site.newStack();
    try {
        const refused = await stranger.up();
        expect(refused.code).toBe(1);
        expect(refused.text).toContain(
            "NAMESPACE_EXISTS: the project mirror: it already exists, and this stack did not create it",
        );
        expect(refused.text).toContain("site.registry.adopt: true");
        stranger.configure(site.document({ adopt: true }));
        const preview = await stranger.preview();
        expect(preview.text).toContain("the project mirror already exists and is adopted");
        expect(await stranger.up("--skip-preview")).toMatchObject({ code: 0 });
        expect(robots()).toHaveLength(5);
        expect(secrets()).toEqual(expect.arrayContaining(before));
        expect(await stranger.destroy()).toMatchObject({ code: 0 });
    } finally {
        stranger.remove();
    }
    expect(secrets()).toEqual(before);
    expect(fake.harbor.projects).toHaveLength(1);
});

test("what cannot be found out fails the refresh and forgets nothing", async () => {
    const { fake, stack } = site;
    const before = await stack.state();
    fake.disturb = (_method, path) => (path.startsWith("/api/v2.0/robots") ? html(200) : undefined);
    const unknown = await stack.refreshPreview("--expect-no-changes");
    fake.disturb = () => undefined;
    expect(unknown.code).toBe(1);
    expect(unknown.text).toContain("instead of JSON");
    expect(await stack.state()).toBe(before);
});

test("a project that was deleted is drift, and is created again with everything in it", async () => {
    const { fake, stack } = site;
    fake.harbor.removeProject(fake.harbor.projects[0]?.project_id ?? 0);
    fake.mint.expireAll();
    const drift = await stack.refreshPreview("--expect-no-changes");
    expect(drift.code).toBe(7);
    expect(drift.text).toContain("the project mirror was deleted; the next `npm run up` creates it again");
    expect(drift.text).toContain("was deleted in the registry; the next `npm run up` creates a new one");
    expect(await stack.preview("--json", "--refresh")).toMatchObject({ code: 0 });
    expect(await stack.up("--json", "--debug", "--event-log", eventLog("again"))).toMatchObject({ code: 0 });
    expect(robots()).toHaveLength(2);
    expect((await stack.outputs()).validation).toMatchObject({ status: "proven", images: 6 });
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a robot account that was deleted is drift, and the next up creates a new one, also where tags are immutable", async () => {
    const { fake, stack } = site;
    const [importer = ""] = robots();
    const [project] = fake.harbor.projects;
    project?.immutable.push({});
    fake.harbor.removeRobot(importer.replace("mirror+", ""));
    fake.mint.expireAll();
    const drift = await stack.refreshPreview("--expect-no-changes");
    expect(drift.code).toBe(7);
    expect(drift.text).toContain(`${importer} was deleted in the registry`);
    fake.content.length = 0;
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(robots()).not.toContain(importer);
    // Every tag is right: to put one again would be refused, since it is immutable.
    expect(sent()).toEqual([PUT_BY_DIGEST]);
    project?.immutable.pop();
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("no secret is in state, in what was printed, in an event log, in a URL or in the arguments of a process", async () => {
    const { fake, stack } = site;
    const places = {
        state: await stack.state(),
        "what was printed": stack.printed,
        "the event log of the first run": readFileSync(eventLog("first"), "utf8"),
        "the event log of another": readFileSync(eventLog("again"), "utf8"),
        "a URL": fake.urls.join("\n"),
        "an argument of a process": [...commandLines.seen].join("\n"),
    };
    const opened = await stack.state("--show-secrets");
    const canaries = [ADMIN, ...fake.everyLogin.values()];
    expect(canaries.length).toBeGreaterThan(8);
    expect(leaks(canaries, places)).toEqual([]);
    // Each place is the right one, and shows what is no secret.
    for (const text of Object.values(places)) expect(text).toMatch(/mirror|pulumi up --yes/);
    for (const login of fake.harbor.robots) {
        const canary = fake.everyLogin.get(login.secret);
        expect(canary && leaks([canary], { opened })).toHaveLength(1);
    }
});

test("destroy removes the robot accounts, and keeps the project and its images", async () => {
    const { fake, stack } = site;
    expect(await stack.destroy()).toMatchObject({ code: 0 });
    expect(robots()).toEqual([]);
    expect(fake.harbor.projects).toHaveLength(1);
});

test("with onRemove: delete the importer may remove images, and a destroy does it with that account", async () => {
    const { fake } = site;
    const stack = await site.newStack({ adopt: true });
    try {
        expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
        const rights = () => fake.harbor.robot("importer-1").access.map(({ action }) => action);
        expect(rights()).toEqual(["pull", "push"]);
        stack.configure(site.document({ adopt: true }, { onRemove: "delete" }));
        expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
        expect(rights()).toEqual(["pull", "push", "delete"]);
        expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
        fake.content.length = 0;
        expect(await stack.destroy()).toMatchObject({ code: 0 });
        const deletions = fake.content.filter(({ method }) => method === "DELETE");
        expect(deletions.length).toBeGreaterThan(5);
        expect(new Set(deletions.map(({ username }) => username))).toEqual(new Set(["robot$mirror+importer-1"]));
        expect(robots()).toEqual([]);
        const stored = readdirSync(fake.registry.storage("repositories"), { recursive: true }) as string[];
        expect(stored.some((file) => file.includes("_manifests"))).toBe(true);
        expect(stored.filter((file) => file.endsWith("current/link"))).toEqual([]);
    } finally {
        stack.remove();
    }
});

test("with onRemove: delete the project goes with its emptied repositories, as soon as nobody's images are in it", async () => {
    const { fake } = site;
    const own = { mirrorBase: `${fake.host}/own` };
    const stack = await site.newStack();
    stack.configure(site.document(own, { onRemove: "delete" }));
    try {
        // What state does not have yet has no outputs in a program that only refreshes.
        expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 7 });
        expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
        const stranger = await pushDirectly(fake.registry, "own", "quay.io/stranger/app:1");
        const refused = await stack.destroy();
        expect(refused.code).toBe(1);
        expect(refused.text).toContain(`1 of its repositories hold images (${stranger})`);
        const again = await stack.destroy("--run-program");
        expect(again.code).toBe(1);
        expect(again.text).not.toContain("TypeError");
        new Contents(fake.registry).remove(stranger);
        expect(await stack.destroy("--run-program")).toMatchObject({ code: 0 });
        expect(fake.harbor.project("own")).toBeUndefined();
    } finally {
        stack.remove();
    }
});
