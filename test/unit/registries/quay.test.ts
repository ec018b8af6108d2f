import { quay } from "../../../lib/registries/quay/quay";
import type { AdminCredentials, RegistryManagement } from "../../../lib/registries";
import { OWNER, quayAccount, managing } from "../../support/quay/account";
import { FakeQuay } from "../../support/quay/fake-quay";

let fake: FakeQuay;

beforeEach(async () => {
    fake = await FakeQuay.start("quay");
    fake.model.addUser(OWNER.username, OWNER.password);
});

afterEach(async () => {
    expect(fake.strange).toEqual([]);
    await fake.stop();
});

const PUSH = { name: "importer-1", namespace: "mirror", right: "push", description: "site-a importer" } as const;
const PULL = { name: "puller-1", namespace: "mirror", right: "pull", description: "site-a puller" } as const;

function manage<T>(
    use: (management: Required<RegistryManagement>) => Promise<T>,
    credentials: AdminCredentials = OWNER,
) {
    return managing(quay, quayAccount(fake, credentials), use);
}

function organization() {
    const found = fake.model.organizations.get("mirror");
    if (found === undefined) throw new Error("there is no organization");
    return found;
}

describe("an organization", () => {
    test("is made private and empty, is found again, and goes when nothing is left in it", async () => {
        const desired = { name: "mirror" };
        await manage(async ({ namespaces }) => {
            expect(await namespaces.read(desired)).toBeUndefined();
            expect(await namespaces.create(desired)).toEqual({
                id: "mirror",
                differences: [],
                warnings: [],
                hasImmutableTags: false,
                isUntouched: true,
            });
            expect(await namespaces.create(desired)).toBeUndefined();
        });
        await manage(({ namespaces }) => namespaces.remove({ id: "mirror" }, desired));
        expect(fake.model.organizations.size).toBe(0);
        await manage(({ namespaces }) => namespaces.remove({ id: "mirror" }, desired));
    });

    test("is not removed while a repository is left, since Quay would take it along", async () => {
        fake.model.addRepository(fake.model.addOrganization("mirror", OWNER.username), "quay.io/a/b", OWNER.username);
        const removal = manage(({ namespaces }) => namespaces.remove({ id: "mirror" }, { name: "mirror" }));
        await expect(removal).rejects.toThrow(
            "organization mirror: it is not empty: 1 repositories and robot accounts are left (quay.io/a/b)",
        );
        expect(organization().repositories.size).toBe(1);
    });

    test("of somebody else is an error, not an absence", async () => {
        fake.model.addUser("other", "another-password");
        fake.model.addOrganization("mirror", "other");
        const read = manage(({ namespaces }) => namespaces.read({ name: "mirror" }));
        await expect(read).rejects.toThrow("organization mirror: the account init does not administer it");
    });

    test("with teams that may create, and with a policy that deletes tags, is warned about", async () => {
        const made = fake.model.addOrganization("mirror", OWNER.username);
        made.teams.set("importers", { role: "creator", members: new Set() });
        made.autoPrunePolicies.push({ method: "number_of_tags", value: 10 });
        fake.setting = { ...fake.setting, autoPrune: true };
        const found = await manage(({ namespaces }) => namespaces.read({ name: "mirror" }));
        expect(found?.isUntouched).toBe(false);
        expect(found?.warnings).toEqual([
            expect.stringContaining("the team importers of the organization mirror may create repositories"),
            expect.stringContaining("an auto-prune policy of the organization mirror deletes tags"),
        ]);
    });

    test("whose name a user has cannot be made, and that is said", async () => {
        fake.model.addUser("mirror", "another-password");
        const made = manage(({ namespaces }) => namespaces.create({ name: "mirror" }));
        await expect(made).rejects.toThrow("mirror is the name of a user");
    });
});

describe("robot accounts", () => {
    beforeEach(() => {
        fake.model.addOrganization("mirror", OWNER.username);
    });

    test("are made in no team, with one prototype each, and are proven", async () => {
        const [importer, puller] = await manage(async ({ robots }) => [
            await robots.create(PUSH),
            await robots.create(PULL),
        ]);
        expect(importer?.robot).toMatchObject({ id: "mirror+importer-1", username: "mirror+importer-1" });
        expect(importer?.robot.createdAt).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
        expect(importer?.credentials).toEqual({
            username: "mirror+importer-1",
            password: organization().robots.get("importer-1")?.token,
        });
        expect(
            organization().prototypes.map(({ delegate, role, activatingUser }) => [delegate, role, activatingUser]),
        ).toEqual([
            ["mirror+importer-1", "write", undefined],
            [puller?.robot.username, "read", undefined],
        ]);
        expect([...organization().teams.keys()]).toEqual(["owners"]);
    });

    test("whose create was answered by nobody are taken over: one account, one prototype", async () => {
        const cut = { status: 200, cutAfter: 0 };
        const lost = new Set([
            "PUT /api/v1/organization/mirror/robots/importer-1",
            "POST /api/v1/organization/mirror/prototypes",
        ]);
        fake.fault = (method, path) => (lost.delete(`${method} ${path}`) ? cut : undefined);
        const made = await manage(({ robots }) => robots.create(PUSH));
        expect(lost.size).toBe(0);
        expect(made?.credentials.password).toBe(organization().robots.get("importer-1")?.token);
        expect(organization().prototypes).toHaveLength(1);
        expect(await manage(({ robots }) => robots.create(PUSH))).toEqual(made);
        expect(organization().prototypes).toHaveLength(1);
    });

    test("of another stack are never touched", async () => {
        fake.model.addRobot(organization(), "importer-1", "site-b importer");
        const before = fake.writes().length;
        expect(await manage(({ robots }) => robots.create(PUSH))).toBeUndefined();
        expect(organization().robots.get("importer-1")?.description).toBe("site-b importer");
        expect(organization().prototypes).toEqual([]);
        const robot = { id: "mirror+importer-1", username: "mirror+importer-1", createdAt: "2020-01-01T00:00:00.000Z" };
        await manage(({ robots }) => robots.remove(robot, PUSH));
        expect(organization().robots.size).toBe(1);
        expect(
            fake
                .writes()
                .slice(before)
                .filter(({ path }) => path.includes("/robots/") && path.endsWith("importer-1")),
        ).toEqual([]);
    });

    test("get a role in every repository that is there already, and leave nothing when they go", async () => {
        for (let i = 0; i < 130; i++) fake.model.addRepository(organization(), `quay.io/old/app${i}`, OWNER.username);
        const made = await manage(({ robots }) => robots.create(PULL));
        for (const { users } of organization().repositories.values()) expect(users.get("mirror+puller-1")).toBe("read");
        if (made !== undefined) await manage(({ robots }) => robots.remove(made.robot, PULL));
        expect(organization().robots.size).toBe(0);
        expect(organization().prototypes).toEqual([]);
    });

    test("are compared by secret, prototype, teams and repositories, and put right", async () => {
        const made = await manage(({ robots }) => robots.create(PUSH));
        if (made === undefined) throw new Error("not made");
        const read = () => manage(({ robots }) => robots.read(made.robot, PUSH, made.credentials));
        expect(await read()).toEqual({ robot: made.robot, differences: [], isAccepted: true });

        organization().teams.set("importers", { role: "creator", members: new Set(["mirror+importer-1"]) });
        fake.model.addPrototype(organization(), "mirror+importer-1", "admin");
        fake.model.addPrototype(organization(), "mirror+importer-1", "admin", OWNER.username);
        fake.model.addRepository(organization(), "quay.io/a/b", "somebody").users.delete("mirror+importer-1");
        expect((await read())?.differences).toEqual([
            "default permissions: 3 -> 1",
            "in the team importers -> in none",
            "no right in quay.io/a/b",
        ]);
        expect(await manage(({ robots }) => robots.update(made.robot, PUSH))).toEqual(made.robot);
        expect(await read()).toEqual({ robot: made.robot, differences: [], isAccepted: true });
        expect(organization().prototypes.map(({ role, activatingUser }) => [role, activatingUser])).toEqual([
            ["write", undefined],
        ]);
    });

    test("whose prototype has another role get theirs back", async () => {
        const made = await manage(({ robots }) => robots.create(PULL));
        if (made === undefined) throw new Error("not made");
        for (const one of organization().prototypes) one.role = "admin";
        const found = await manage(({ robots }) => robots.read(made.robot, PULL, made.credentials));
        expect(found?.differences).toEqual(["default permission: admin -> read"]);
        await manage(({ robots }) => robots.update(made.robot, PULL));
        expect(organization().prototypes.map(({ role }) => role)).toEqual(["read"]);
    });

    test("whose secret somebody else regenerated are not accepted; one that was made anew is another account", async () => {
        const made = await manage(({ robots }) => robots.create(PUSH));
        if (made === undefined) throw new Error("not made");
        const read = () => manage(({ robots }) => robots.read(made.robot, PUSH, made.credentials));
        const robot = organization().robots.get("importer-1");
        if (robot !== undefined) robot.token = "R".repeat(64);
        organization().prototypes.length = 0;
        expect(await read()).toMatchObject({ differences: ["default permission: none -> write"], isAccepted: false });
        fake.model.removeRobot(organization(), "importer-1");
        expect(await read()).toBeUndefined();
        organization().robots.set("importer-1", {
            name: "mirror+importer-1",
            token: "S".repeat(64),
            created: new Date(0),
            description: "",
        });
        expect(await read()).toBeUndefined();
    });

    test("are gone with their organization", async () => {
        const made = await manage(({ robots }) => robots.create(PUSH));
        if (made === undefined) throw new Error("not made");
        fake.model.removeOrganization(organization());
        expect(await manage(({ robots }) => robots.read(made.robot, PUSH, made.credentials))).toBeUndefined();
        await manage(({ robots }) => robots.remove(made.robot, PUSH));
    });
});

describe("repositories", () => {
    const WISH = {
        namespace: "mirror",
        names: ["docker.io/library/nginx", "quay.io/a/b"],
        importer: "mirror+importer-1",
        puller: "mirror+puller-1",
    };

    beforeEach(async () => {
        fake.model.addOrganization("mirror", OWNER.username);
        await manage(async ({ robots }) => [await robots.create(PUSH), await robots.create(PULL)]);
    });

    test("are made before a push: private, owned by nobody who pushes", async () => {
        expect(await manage(({ repositories }) => repositories.read(WISH))).toEqual({
            missing: WISH.names,
            differences: [],
            warnings: [],
        });
        expect(await manage(({ repositories }) => repositories.ensure(WISH))).toEqual(WISH.names);
        expect(await manage(({ repositories }) => repositories.read(WISH))).toEqual({
            missing: [],
            differences: [],
            warnings: [],
        });
        for (const name of WISH.names) {
            const repository = organization().repositories.get(name);
            expect(repository?.isPublic).toBe(false);
            expect(Object.fromEntries(repository?.users ?? [])).toEqual({
                init: "admin",
                "mirror+importer-1": "write",
                "mirror+puller-1": "read",
            });
        }
        expect(await manage(({ repositories }) => repositories.ensure(WISH))).toEqual([]);
    });

    test("that were there before, public or without rights, are put right; strangers are told and stay", async () => {
        fake.model.addUser("somebody", "another-password");
        const old = fake.model.addRepository(organization(), "quay.io/a/b", "somebody", true);
        old.users.delete("mirror+puller-1");
        old.users.set("mirror+importer-1", "admin").set("mirror+other", "write");
        old.state = "READ_ONLY";
        const found = await manage(({ repositories }) => repositories.read(WISH));
        expect(found.missing).toEqual(["docker.io/library/nginx"]);
        expect(found.differences).toEqual([
            "quay.io/a/b: public -> private",
            "quay.io/a/b: mirror+importer-1: admin -> write",
            "quay.io/a/b: mirror+puller-1: none -> read",
        ]);
        expect(found.warnings).toEqual([
            expect.stringContaining("quay.io/a/b: its state is READ_ONLY"),
            "mirror+other may push to 1 repository, too (quay.io/a/b); take the right away unless that is wanted",
        ]);
        await manage(({ repositories }) => repositories.ensure(WISH));
        expect((await manage(({ repositories }) => repositories.read(WISH))).differences).toEqual([]);
        expect(old.users.get("mirror+other")).toBe("write");
    });

    test("another pusher is one warning, however many repositories it may push to", async () => {
        await manage(({ repositories }) => repositories.ensure(WISH));
        const other = fake.model.addRobot(organization(), "importer-2").name;
        for (const { users } of organization().repositories.values()) users.set(other, "write");
        const { warnings, differences } = await manage(({ repositories }) => repositories.read(WISH));
        expect([warnings, differences]).toEqual([
            [
                `${other} may push to 2 repositories, too (${WISH.names.join(", ")}); ` +
                    "take the right away unless that is wanted",
            ],
            [],
        ]);
    });

    test("an account that takes the importer's place in the same run is no stranger", async () => {
        await manage(({ repositories }) => repositories.ensure(WISH));
        const successor = fake.model.addRobot(organization(), "importer-2").name;
        for (const { users } of organization().repositories.values()) users.set(successor, "write");
        const found = await manage(({ repositories }) => repositories.read({ ...WISH, successors: [successor] }));
        expect(found).toEqual({ missing: [], differences: [], warnings: [] });
    });

    test("more than a page of them are all seen", async () => {
        const names = Array.from({ length: 230 }, (_, i) => `quay.io/many/app${i}`).sort();
        const desired = { ...WISH, names };
        expect(await manage(({ repositories }) => repositories.ensure(desired))).toHaveLength(230);
        expect(await manage(({ repositories }) => repositories.read(desired))).toMatchObject({
            missing: [],
            differences: [],
        });
    });

    test("are removed only if they hold no tag", async () => {
        await manage(({ repositories }) => repositories.ensure(WISH));
        await manage(({ repositories }) =>
            repositories.remove({ namespace: "mirror", names: ["quay.io/a/b", "quay.io/none"] }),
        );
        expect([...organization().repositories.keys()]).toEqual(["docker.io/library/nginx"]);
    });
});

describe("the admin's account", () => {
    test("with a password works by a token that is gone when the work is done", async () => {
        const made = fake.model.addOrganization("mirror", OWNER.username);
        await manage(({ robots }) => robots.create(PUSH));
        expect(fake.accesses.some(({ path }) => path === "/oauth/authorizeapp")).toBe(true);
        expect(made.applications.size).toBe(0);
        expect(fake.model.grants.size).toBe(0);
    });

    test("applications that a killed run left are removed a day later, those of others stay", async () => {
        const made = fake.model.addOrganization("mirror", OWNER.username);
        const add = (clientId: string, name: string, description: string) =>
            made.applications.set(clientId, { name, clientId, description });
        add("OLD", "registry-passthrough run", "made 2020-01-01T00:00:00.000Z for one run; it may be deleted");
        add("NEW", "registry-passthrough run", `made ${new Date().toISOString()} for one run; it may be deleted`);
        add("OTHER", "another", "made 2020-01-01T00:00:00.000Z for one run");
        await manage(({ robots }) => robots.create(PUSH));
        expect([...made.applications.keys()]).toEqual(["NEW", "OTHER"]);
    });

    test("may be an OAuth token with the scopes of the documentation, and signs in nowhere", async () => {
        fake.model.addOrganization("mirror", OWNER.username);
        const token = fake.model.addGrant(OWNER.username, ["org:admin", "repo:admin"]);
        await manage(({ robots }) => robots.create(PUSH), { token });
        const desired = {
            namespace: "mirror",
            names: ["quay.io/a/b"],
            importer: "mirror+importer-1",
            puller: "mirror+importer-1",
        };
        await manage(({ repositories }) => repositories.ensure({ ...desired }), { token });
        expect(fake.accesses.some(({ path }) => path === "/api/v1/signin")).toBe(false);
    });
});
