import { mirrorRegistry } from "../../../lib/registries/mirror-registry";
import { quay } from "../../../lib/registries/quay/quay";
import type { RegistryManagement } from "../../../lib/registries";
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

function manage<T>(use: (management: Required<RegistryManagement>) => Promise<T>) {
    return managing(quay, quayAccount(fake, OWNER), use);
}

test("a proxy cache is refused, since it has what nobody put into the mirror, until it is one no more", async () => {
    fake.setting = { ...fake.setting, proxyCache: true };
    const made = fake.model.addOrganization("mirror", OWNER.username);
    const read = () => manage(({ namespaces }) => namespaces.read({ name: "mirror" }));
    expect(await read()).toMatchObject({ isUntouched: true });
    made.proxyCacheOf = "docker.io";
    await expect(read()).rejects.toThrow(
        "organization mirror: it is a proxy cache: Quay asks docker.io for every image that it does not hold; remove its",
    );
    made.proxyCacheOf = undefined;
    expect(await read()).toMatchObject({ isUntouched: true });
});

test("a read-only Quay is read without making anything there", async () => {
    fake.model.addOrganization("mirror", OWNER.username);
    const made = await manage(({ robots }) => robots.create(PUSH));
    if (made === undefined) throw new Error("not made");
    fake.setting = { ...fake.setting, readOnly: true };
    const desired = {
        namespace: "mirror",
        names: ["quay.io/a/b"],
        importer: "mirror+importer-1",
        puller: "mirror+none",
    };
    const before = fake.writes().length;
    const found = await manage(async ({ namespaces, robots, repositories }) => [
        await namespaces.read({ name: "mirror" }),
        await robots.read(made.robot, PUSH, made.credentials),
        await robots.exists(made.robot, PUSH),
        await repositories.read(desired),
    ]);
    expect(found).toMatchObject([{ id: "mirror" }, { isAccepted: true }, true, { missing: ["quay.io/a/b"] }]);
    expect(
        fake
            .writes()
            .slice(before)
            .filter(({ path }) => path !== "/api/v1/signin"),
    ).toEqual([]);
});

test("an interrupted operation ends at once, and leaves no token behind", async () => {
    const made = fake.model.addOrganization("mirror", OWNER.username);
    const interrupt = new AbortController();
    const names = Array.from({ length: 200 }, (_, i) => `quay.io/many/app${i}`).sort();
    const desired = { namespace: "mirror", names, importer: "mirror+none", puller: "mirror+none" };
    fake.fault = (method, path) => {
        if (method === "POST" && path === "/api/v1/repository") interrupt.abort(new Error("interrupted"));
        return undefined;
    };
    const account = { ...quayAccount(fake, OWNER), signal: interrupt.signal };
    await expect(managing(quay, account, ({ repositories }) => repositories.ensure(desired))).rejects.toThrow(
        "interrupted",
    );
    expect(made.repositories.size).toBeLessThan(20);
    expect([made.applications.size, fake.model.grants.size]).toEqual([0, 0]);
});

describe("what a registry leaves open", () => {
    test("is told for mirror-registry: the free superuser, registration, anonymous access, plain HTTP", async () => {
        const registry = await FakeQuay.start("mirror-registry");
        registry.model.addUser(OWNER.username, OWNER.password);
        const { notes, version } = await mirrorRegistry.check(quayAccount(registry, OWNER), "mirror");
        expect(version).toBeUndefined();
        expect(notes).toEqual([
            expect.stringContaining("no account has the user name admin"),
            expect.stringContaining("anybody who reaches the registry may register an account"),
            expect.stringContaining("the registry answers without credentials"),
            expect.stringContaining("plain HTTP"),
        ]);
        registry.model.addUser("admin", "a-password-of-ours");
        const later = await mirrorRegistry.check(quayAccount(registry, OWNER), "mirror");
        expect(later.notes.join()).not.toContain("user name admin");
        await registry.stop();
    });

    test("a Quay that calls itself unhealthy and works is reported, and fails nothing", async () => {
        fake.setting = { ...fake.setting, unhealthy: ["web_gunicorn"] };
        const { notes } = await quay.check(quayAccount(fake, OWNER, 0), "mirror");
        expect(notes[0]).toMatch(/^Quay reports that it is unhealthy \(not healthy: web_gunicorn\); look at/);
    });

    test("is little for a Quay that is closed; its version and a read-only state are told", async () => {
        fake.setting = { ...fake.setting, readOnly: true };
        const { notes, version } = await quay.check(quayAccount(fake, OWNER), "mirror");
        expect(version).toBe("Quay 3.16.1");
        expect(notes).toEqual([expect.stringContaining("read-only"), expect.stringContaining("plain HTTP")]);
    });
});
