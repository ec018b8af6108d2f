import { leaveRegistry } from "../../dynamic-providers/robot-account/former-registry";
import type { RobotAccountOutputs } from "../../dynamic-providers/robot-account/kind";
import { robotAccountProvider } from "../../dynamic-providers/robot-account/provider";
import { explainRemovedCa, registryAdmin } from "../../lib/registries";
import { testAuthority } from "../support/certificates";
import { FakeHarbor } from "../support/harbor/fake-harbor";
import { ADMIN } from "../support/harbor/harbor-site";
import { operationContext } from "../support/operation-context";
import { RotationRegistry } from "../support/rotation/fake-registries";
import { StackAccount } from "../support/rotation/stack-account";

let lines: string[];
const context = () => operationContext(lines);

beforeEach(() => {
    lines = [];
});

function importer(host: string, ca: string): RobotAccountOutputs {
    return {
        selfUrn: "urn:importer",
        registry: { type: "harbor", mirrorBase: `${host}/mirror`, ca, retrySeconds: 1 },
        credentials: ADMIN,
        account: "admin",
        namespace: "mirror",
        role: "importer",
        stack: "test",
        owner: "a1b2c3d4",
        maxAge: 30,
        generation: 1,
        name: "importer-1",
        robot: { id: "7", username: "robot$mirror+importer-1", createdAt: "2026-01-01T00:00:00Z" },
        login: { username: "robot$mirror+importer-1", password: "canary-importer" },
        differences: [],
    };
}

test("a former registry that rejects the account, or is gone, is left with a warning that names what stays there", async () => {
    const authority = await testAuthority();
    const fake = await FakeHarbor.start(await authority.issue());
    const { host } = fake;
    const account = importer(host, authority.ca);
    await leaveRegistry(account, context());
    await fake.stop();
    // A rejection is final for the process: another account is asked with.
    await leaveRegistry({ ...account, credentials: { ...ADMIN, password: "canary-other" } }, context());
    const [rejected = "", gone = ""] = lines;
    for (const [line, code] of [
        [rejected, "UNAUTHORIZED"],
        [gone, "NETWORK"],
    ] as const) {
        expect(line).toContain(`robot$mirror+importer-1 at ${host}/mirror is not deleted: ${code}`);
        expect(line).toContain("delete it in the registry");
        expect(line).not.toContain("canary");
    }
});

test("another program that moves does not wait for a former registry that is gone; a rotation deletes the former importer", async () => {
    const authority = await testAuthority();
    const fake = await FakeHarbor.start(await authority.issue());
    const account = importer(fake.host, authority.ca);
    await fake.stop();
    const { registry: here } = account;
    const there = { ...here, mirrorBase: "registry.invalid/mirror" };
    /** The engine deletes the former account after the check of the one that takes its place. */
    const removeAfter = async (registry: typeof here) => {
        const own = context();
        own.process.noteInputs({ ...account, registry });
        await robotAccountProvider.remove({ ...account, registry: { ...here, retrySeconds: 0 } }, own);
    };
    await removeAfter(there);
    expect(lines).toEqual([
        expect.stringContaining(`${account.robot.username} at ${here.mirrorBase} is not deleted: NETWORK`),
    ]);
    await expect(removeAfter(here)).rejects.toMatchObject({ code: "NETWORK" });
    await expect(robotAccountProvider.remove(account, context())).rejects.toMatchObject({ code: "NETWORK" });
});

test("a CA that was taken out too early is named, and no other reason is", async () => {
    const [former, renewed, third] = await Promise.all(
        ["Former", "Renewed", "Third"].map((name) => testAuthority(name)),
    );
    if (former === undefined || renewed === undefined || third === undefined) throw new Error("no authority");
    const fake = await FakeHarbor.start(await former.issue());
    fake.harbor.users.push({ ...ADMIN, sysadmin: true });
    try {
        const account = { endpoint: { host: fake.host, ca: renewed.ca }, credentials: ADMIN, retrySeconds: 0 };
        const error: unknown = await registryAdmin("harbor")
            .check(account, "mirror")
            .catch((thrown: unknown) => thrown);
        const explained = await explainRemovedCa(error, account, `${third.ca}\n${former.ca}\n${renewed.ca}`);
        expect(String(explained)).toContain("put it back (CN=Former, expires on");
        expect(String(explained)).not.toContain("CN=Third");
        expect(await explainRemovedCa(error, account, `${third.ca}\n${renewed.ca}`)).toBe(error);
        expect(await explainRemovedCa(error, account, undefined)).toBe(error);
    } finally {
        await fake.stop();
    }
});

test("a move that failed and is taken back deletes no puller that clusters may still pull with", async () => {
    const registry = await RotationRegistry.start("harbor");
    try {
        const puller = new StackAccount(registry, "puller");
        await puller.up();
        const { login } = puller.outs;
        const { registry: here } = puller.inputs();
        const elsewhere = { ...here, mirrorBase: here.mirrorBase.replace("localhost", "127.0.0.1") };
        await puller.failedUp({ registry: elsewhere });
        await puller.up();
        expect(puller.outs.name).toBe("puller-3");
        expect(registry.fake.robots()).toEqual(["puller-1", "puller-2", "puller-3"]);
        expect(registry.fake.logins()).toContainEqual(login);
        expect(puller.lines).toContainEqual(
            expect.stringContaining(`${login.username} at ${here.mirrorBase} is not deleted`),
        );
        // No state has the others any more.
        await puller.destroy();
        expect(registry.fake.robots()).toEqual(["puller-1", "puller-2"]);
    } finally {
        await registry.fake.stop();
    }
});
