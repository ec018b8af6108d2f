import type { Credentials } from "../../lib/http/credentials";
import { PassthroughError } from "../../lib/errors/errors";
import { ROBOT_KINDS, RotationRegistry } from "../support/rotation/fake-registries";
import { StackAccount } from "../support/rotation/stack-account";

let registry: RotationRegistry;

afterEach(() => registry.fake.stop());

const AUDIT = { rotate: { "site.robots.rotate": "audit" } };
const TOKEN_PATH = /\/service\/token$|\/v2\/auth$|\/v2\/token$/;

async function pulls(login: Credentials): Promise<boolean> {
    const client = registry.client(login);
    try {
        return (await client.manifestGet("mirror/quay.io/org/app", "1")) !== undefined;
    } finally {
        await client.close();
    }
}

test.each(ROBOT_KINDS)("%s: a successor is proven with a real pull, or push, before anything uses it", async (kind) => {
    registry = await RotationRegistry.start(kind);
    const [importer, puller] = [new StackAccount(registry, "importer"), new StackAccount(registry, "puller")];
    for (const account of [importer, puller]) {
        await account.up();
        // Nothing to break: the import and the validation prove the first one.
        expect(account.lines).toEqual([]);
        await account.up(AUDIT);
    }
    expect(importer.lines.join("\n")).toContain(
        `${importer.outs.login.username}: proven with a push at mirror/quay.io/org/app`,
    );
    expect(puller.lines.join("\n")).toContain(
        `${puller.outs.login.username}: proven with a pull at mirror/quay.io/org/app`,
    );
    expect(registry.fake.robots()).toEqual(["importer-2", "puller-1", "puller-2"]);
});

test.each(ROBOT_KINDS)("%s: one that may not pull takes nobody's place, and the next up finishes it", async (kind) => {
    registry = await RotationRegistry.start(kind);
    const puller = new StackAccount(registry, "puller");
    await puller.up();
    const { login } = puller.outs;
    registry.fake.watch((_, path) => {
        if (TOKEN_PATH.test(path) && registry.fake.robots().includes("puller-2"))
            registry.fake.byHand.narrow("puller-2");
    });
    const failure: unknown = await puller.up(AUDIT).catch((error: unknown) => error);
    if (!(failure instanceof PassthroughError)) throw new Error(`not refused: ${String(failure)}`);
    expect(failure.code).toBe("ROBOT_UNPROVEN");
    expect(failure.message).toContain("puller-2: the new account could not be used");
    expect(puller.outs.name).toBe("puller-1");
    expect(await pulls(login)).toBe(true);

    registry.fake.watch(() => undefined);
    await puller.up(AUDIT);
    expect(registry.fake.robots()).toEqual(["puller-1", "puller-2"]);
    expect([await pulls(login), await pulls(puller.outs.login)]).toEqual([true, true]);
});

test("an image that is not there, or not any more, proves nothing and stops nothing", async () => {
    registry = await RotationRegistry.start("harbor");
    const puller = new StackAccount(registry, "puller", { samples: ["quay.io/org/other:1"] });
    await puller.up();
    await puller.up(AUDIT);
    expect(puller.outs.name).toBe("puller-2");
    expect(puller.lines.join("\n")).not.toContain("proven");
});
