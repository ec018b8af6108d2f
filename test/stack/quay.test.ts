import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Organization } from "../support/quay/model";
import { OWNER } from "../support/quay/account";
import { CommandLines, leaks } from "../support/canary";
import { QuaySite } from "../support/quay/quay-site";
import { FIXTURES } from "../support/site";
import { PROJECT, type TestStack } from "../support/stack";

jest.setTimeout(300_000);

let site: QuaySite;
let stack: TestStack;
let commandLines: CommandLines;

beforeAll(async () => {
    commandLines = new CommandLines();
    site = await QuaySite.create("quay");
    stack = await site.stack();
});

afterAll(async () => {
    commandLines.stop();
    expect(site.quay.strange).toEqual([]);
    await site.remove();
});

function organization(): Organization {
    const found = site.quay.model.organizations.get("mirror");
    if (found === undefined) throw new Error("there is no organization");
    return found;
}

const REPOSITORIES = [
    "docker.io/library/nginx",
    "quay.io/legacy/v2s2",
    "quay.io/multi/tool",
    "quay.io/team0/app0",
    "quay.io/team1/app1",
    "registry.redhat.io/team1/app1",
];

test("a first preview asks only whether the organization exists, and says what Quay cannot do", async () => {
    const preview = await stack.preview();
    expect(preview).toMatchObject({ code: 0 });
    expect(preview.text).toContain("who may push may also delete images by their digest");
    expect(preview.text).toContain("6 images to add");
    expect(site.quay.writes().map(({ path }) => path)).toEqual(["/api/v1/signin"]);
});

test("up makes organization, robot accounts and repositories, pushes as one robot account and proves as the other", async () => {
    stack.setVariable("REGISTRY_PASSTHROUGH_DEBUG", "*");
    const first = await stack.up("--debug");
    stack.setVariable("REGISTRY_PASSTHROUGH_DEBUG", undefined);
    expect(first).toMatchObject({ code: 0 });
    expect(first.text).toMatch(/registry-passthrough:http #\d+ PUT \S+\/robots\/importer-1: 20\d, /);
    const { robots, prototypes, repositories, teams, applications } = organization();
    expect([...robots.keys()].sort()).toEqual(["importer-1", "puller-1"]);
    expect([...repositories.keys()].sort()).toEqual(REPOSITORIES);
    expect([...teams.keys()]).toEqual(["owners"]);
    expect(applications.size).toBe(0);
    expect(prototypes.map(({ delegate, role }) => `${delegate} ${role}`).sort()).toEqual([
        "mirror+importer-1 write",
        "mirror+puller-1 read",
    ]);
    for (const { users, isPublic } of repositories.values()) {
        expect(isPublic).toBe(false);
        expect(Object.fromEntries(users)).toEqual({
            init: "admin",
            "mirror+importer-1": "write",
            "mirror+puller-1": "read",
        });
    }
    const outputs = await stack.outputs();
    expect(outputs.validation).toMatchObject({ status: "proven", images: 6 });
    const puller = robots.get("puller-1");
    const auth = Buffer.from(`mirror+puller-1:${puller?.token ?? ""}`).toString("base64");
    expect(JSON.parse(outputs.pullSecret as string)).toEqual({ auths: { [site.quay.host]: { auth } } });
});

test("after up there is nothing to do", async () => {
    expect(await stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a selftest pushes and removes the canary with the importer, and pulls it with the puller alone", async () => {
    site.quay.admitted.length = 0;
    const selftest = await stack.passthrough("selftest", "--json");
    expect(selftest).toMatchObject({ code: 0 });
    // The importer makes no repositories: the canary goes beside an image.
    expect([...organization().repositories.keys()].sort()).toEqual(REPOSITORIES);
    const canary = site.quay.admitted.filter(({ path }) => path.startsWith("/v2/mirror/docker.io/library/nginx/"));
    const as = (...methods: string[]) =>
        canary.filter(({ method }) => methods.includes(method)).map(({ subject }) => subject);
    // By digest and by tag: the manifest, the config and the layer. The importer asks only for what is not there yet.
    expect(as("GET").filter((subject) => subject !== "mirror+importer-1")).toEqual(Array(6).fill("mirror+puller-1"));
    expect([...new Set(as("POST", "PUT", "DELETE"))]).toEqual(["mirror+importer-1"]);
    expect(canary.filter(({ method }) => method === "PUT")).toHaveLength(3);
});

test("what no set needs is looked for in every repository that Quay lists to the importer", async () => {
    const { code, out } = await stack.passthrough("superseded", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ repositories: REPOSITORIES.length, tags: [], unread: [], absent: [] });
});

test("no secret is in state, in what was printed with --debug, or in the arguments of a process", async () => {
    const places = {
        state: await stack.state(),
        "what was printed": stack.printed,
        "an argument of a process": [...commandLines.seen].join("\n"),
    };
    const robots = [...organization().robots].map(([name, { token }]) => ({
        username: `mirror+${name}`,
        password: token,
    }));
    const tokens = [...site.quay.model.everyGrant].map((password) => ({ username: "the token of a run", password }));
    expect([robots.length, tokens.length > 0]).toEqual([2, true]);
    expect(leaks([OWNER, ...robots, ...tokens], places)).toEqual([]);
});

test("drift is found and put right: a right taken away, a public repository, a repository and a prototype that are gone", async () => {
    const made = organization();
    made.repositories.get("quay.io/multi/tool")?.users.delete("mirror+puller-1");
    const nginx = made.repositories.get("docker.io/library/nginx");
    if (nginx !== undefined) nginx.isPublic = true;
    made.prototypes.splice(0, 1);
    const drift = await stack.refreshPreview("--expect-no-changes");
    expect(drift.code).toBe(7);
    expect(drift.text).toContain("quay.io/multi/tool: mirror+puller-1: none -> read");
    expect(drift.text).toContain("docker.io/library/nginx: public -> private");
    expect(await stack.up()).toMatchObject({ code: 0 });
    expect(made.repositories.get("quay.io/multi/tool")?.users.get("mirror+puller-1")).toBe("read");
    expect(made.repositories.get("docker.io/library/nginx")?.isPublic).toBe(false);
    expect(made.prototypes).toHaveLength(2);
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a Quay that cannot be asked, or that takes the admin for nobody, is no drift: nothing is forgotten", async () => {
    const before = await stack.state();
    site.quay.fault = (_method, path) =>
        path.startsWith("/api/") ? { status: 502, body: "<html>Bad Gateway</html>" } : undefined;
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 1 });
    site.quay.fault = undefined;
    organization().teams.get("owners")?.members.delete(OWNER.username);
    const nobody = await stack.refreshPreview("--expect-no-changes");
    expect(nobody.code).toBe(1);
    expect(nobody.text).toMatch(/organization mirror: the account .*does not administer it/);
    organization().teams.get("owners")?.members.add(OWNER.username);
    expect(await stack.state()).toBe(before);
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a secret that somebody else regenerated, with immutable tags: the next up has a new robot account, in every repository, and the old one goes", async () => {
    const robot = organization().robots.get("importer-1");
    if (robot !== undefined) robot.token = "R".repeat(64);
    // A right that is missing, too, does not hide it.
    const held = organization().prototypes.findIndex(({ delegate }) => delegate === "mirror+importer-1");
    organization().prototypes.splice(held, 1);
    site.quay.model.ageInDays = 21;
    // Every tag is right: to put one again would be refused, since it is immutable.
    site.quay.setting = { ...site.quay.setting, immutableTags: true };
    organization().immutabilityPolicies.push({ tagPattern: ".*" });
    const up = await stack.up();
    expect(up).toMatchObject({ code: 0 });
    expect(up.text).not.toContain("may push to");
    organization().immutabilityPolicies.pop();
    site.quay.model.ageInDays = 0;
    const { robots, repositories, prototypes } = organization();
    expect([...robots.keys()].sort()).toEqual(["importer-2", "puller-1"]);
    for (const { users } of repositories.values()) {
        expect(Object.fromEntries(users)).toEqual({
            init: "admin",
            "mirror+importer-2": "write",
            "mirror+puller-1": "read",
        });
    }
    expect(prototypes.map(({ delegate }) => delegate).sort()).toEqual(["mirror+importer-2", "mirror+puller-1"]);
});

test("an account whose time is nearly over, by our own clock, is replaced; then there is nothing to do", async () => {
    const up = await stack.up();
    expect(up).toMatchObject({ code: 0 });
    expect(up.text).toContain("two thirds of its 30 days are over");
    expect([...organization().robots.keys()].sort()).toEqual(["importer-3", "puller-1"]);
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a second stack on the same organization has its own robot accounts, and takes none of the first one's away", async () => {
    const first = new Map([...organization().robots].map(([name, { token }]) => [name, token]));
    const refused = await site.stack();
    const preview = await refused.preview();
    expect(preview.code).not.toBe(0);
    expect(preview.text).toContain("set site.registry.adopt: true");

    const second = await site.stack({ registry: { adopt: true } });
    expect(await second.up()).toMatchObject({ code: 0 });
    expect(organization().robots.size).toBe(4);
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
    expect(await second.destroy()).toMatchObject({ code: 0 });
    for (const [name, token] of first) expect(organization().robots.get(name)?.token).toBe(token);
    expect(organization().robots.size).toBe(2);
    expect([...organization().repositories.keys()].sort()).toEqual(REPOSITORIES);
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("an organization that was deleted is drift, and is created again with everything in it", async () => {
    const { model } = site.quay;
    model.removeOrganization(organization());
    const drift = await stack.refreshPreview("--expect-no-changes");
    expect(drift.code).toBe(7);
    expect(drift.text).toContain("the organization mirror was deleted; the next `npm run up` creates it again");
    expect(await stack.up()).toMatchObject({ code: 0 });
    expect([...organization().repositories.keys()].sort()).toEqual(REPOSITORIES);
    expect((await stack.outputs()).validation).toMatchObject({ status: "proven", images: 6 });
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("destroy takes the robot accounts, and leaves the images", async () => {
    expect(await stack.destroy()).toMatchObject({ code: 0 });
    const { robots, prototypes, repositories, applications } = organization();
    expect([robots.size, prototypes.length, applications.size]).toEqual([0, 0, 0]);
    expect(repositories.size).toBe(6);
});

test("with onRemove: delete an emptied repository goes with its last image, and the organization with the stack", async () => {
    site.quay.model.removeOrganization(organization());
    const own = await site.stack();
    const lock = join(site.folder, "own.lock.json");
    copyFileSync(join(PROJECT, "test/fixtures/locks/with-mapping.lock.json"), lock);
    own.configure({
        ...site.document(),
        onRemove: "delete",
        content: [{ archive: join(FIXTURES, "with-mapping"), lock }],
    });
    expect(await own.up()).toMatchObject({ code: 0 });
    const { images, ...rest } = JSON.parse(readFileSync(lock, "utf8")) as { images: Record<string, string> };
    const { "quay.io/team0/app0:v1": left, ...others } = images;
    expect(left).toBeDefined();
    writeFileSync(lock, JSON.stringify({ ...rest, images: others }));
    expect(await own.upOnly()).toMatchObject({ code: 0 });
    expect([...organization().repositories.keys()].sort()).toEqual(
        REPOSITORIES.filter((name) => name !== "quay.io/team0/app0"),
    );
    expect(await own.preview("--expect-no-changes")).toMatchObject({ code: 0 });
    expect(await own.destroy()).toMatchObject({ code: 0 });
    expect(site.quay.model.organizations.get("mirror")).toBeUndefined();
});
