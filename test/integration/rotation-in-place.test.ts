import type { RobotAccountInputs } from "../../dynamic-providers/robot-account/kind";
import { robotAccountProvider } from "../../dynamic-providers/robot-account/provider";
import { withRegistry } from "../../dynamic-providers/registry/connection";
import { type RegistryContext, RegistryProcess } from "../../dynamic-providers/registry/registry-process";
import { PartialState } from "../../dynamic-providers/lifecycle/resource-provider";
import type { Credentials } from "../../lib/http/credentials";
import { PassthroughError } from "../../lib/errors/errors";
import { leaks } from "../support/canary";
import { operationContext } from "../support/operation-context";
import { RENEWING_KINDS, RotationRegistry } from "../support/rotation/fake-registries";
import { StackAccount } from "../support/rotation/stack-account";

let registry: RotationRegistry;

afterEach(() => registry.fake.stop());

const IN_PLACE = { rotation: "in-place" } as const;
const text = (rotate: string): Partial<RobotAccountInputs> => ({ rotate: { "site.robots.rotate": rotate } });
/** Of the list that only a proof asks for, before it pulls. */
const PROOF_PATH = /\/artifacts$|\/tag\/$/;
/** Where an account logs in to be asked for. */
const AS_ITSELF = /^\/v2\/|\/v2\/auth|\/service\/token/;
const DAY_MS = 86_400_000;

async function pulls(login: Credentials): Promise<boolean> {
    const client = registry.client(login);
    try {
        return (await client.manifestGet("mirror/quay.io/org/app", "1")) !== undefined;
    } catch {
        return false;
    } finally {
        await client.close();
    }
}

/** The paths of requests that a run makes, with their methods. */
async function requests(work: () => Promise<void>): Promise<string[]> {
    const seen: string[] = [];
    registry.fake.watch((method, path) => void seen.push(`${method} ${path}`));
    await work();
    registry.fake.watch(() => undefined);
    return seen;
}

test.each(RENEWING_KINDS)("%s: the name stays, the old secret ends, the new one is proven", async (kind) => {
    registry = await RotationRegistry.start(kind);
    const [importer, puller] = [
        new StackAccount(registry, "importer", IN_PLACE),
        new StackAccount(registry, "puller", IN_PLACE),
    ];
    for (const account of [importer, puller]) {
        await account.up();
        const before = account.outs;
        const secrets = [before.login];
        account.lines.length = 0;
        await account.up(text("audit"));
        const { login, name, robot } = account.outs;
        secrets.push(login);
        expect([name, robot.id, login.username]).toEqual([before.name, before.robot.id, before.login.username]);
        expect([await pulls(before.login), await pulls(login)]).toEqual([false, true]);
        const log = account.lines.join("\n");
        expect(log).toContain(`${name}: a new secret under the same name: site.robots.rotate was changed`);
        expect(log).toContain(`${login.username}: proven with a `);
        expect(leaks(secrets, { log })).toEqual([]);
        expect(await account.differs(text("audit"))).toBe(false);
        // Only `up` changes anything.
        expect(await requests(() => account.up(text("audit")))).not.toContainEqual(
            expect.stringMatching(/PATCH|regenerate/),
        );
        expect(account.outs.login).toEqual(login);
    }
    expect(registry.fake.robots()).toEqual(["importer-1", "puller-1"]);
});

test.each(RENEWING_KINDS)("%s: what the same run refreshes afterwards asks with the new secret", async (kind) => {
    registry = await RotationRegistry.start(kind);
    const puller = new StackAccount(registry, "puller", IN_PLACE);
    await puller.up();
    const olds = puller.outs;
    const context = operationContext([]);
    const given = { ...puller.inputs(), ...text("audit") };
    const news = robotAccountProvider.normalizeInputs?.(olds, given, context) ?? given;
    const { login } = await robotAccountProvider.update(olds, news, context);
    expect(login.password).not.toBe(olds.login.password);
    // State of a resource that used the account before.
    const user = { selfUrn: "urn:user", registry: news.registry, account: "puller" as const, credentials: olds.login };
    const pull = (process: RegistryContext) =>
        withRegistry(user, process, (client) => client.manifestGet("mirror/quay.io/org/app", "1"));
    expect(await pull(context)).toBeDefined();
    await expect(pull(operationContext([]))).rejects.toThrow("rejected the account");
});

test.each(RENEWING_KINDS)("%s: the setting alone rotates nothing, in either direction", async (kind) => {
    registry = await RotationRegistry.start(kind);
    const puller = new StackAccount(registry, "puller");
    await puller.up();
    const { login } = puller.outs;
    await puller.up(IN_PLACE);
    expect(puller.outs.login).toEqual(login);
    await puller.up({ ...IN_PLACE, ...text("audit") });
    const renewed = puller.outs;
    expect(renewed.name).toBe("puller-1");
    await puller.up(text("audit"));
    expect(puller.outs.login).toEqual(renewed.login);
    await puller.up(text("leak"));
    expect(puller.outs.name).toBe("puller-2");
    expect([await pulls(renewed.login), await pulls(puller.outs.login)]).toEqual([true, true]);
    // An account that stays for its overlap still does.
    await puller.up({ ...IN_PLACE, ...text("again") });
    expect(registry.fake.robots()).toEqual(["puller-1", "puller-2"]);
    expect(await pulls(renewed.login)).toBe(true);
});

test.each(RENEWING_KINDS)("%s: an account that could not be proven keeps its secret", async (kind) => {
    registry = await RotationRegistry.start(kind);
    const puller = new StackAccount(registry, "puller", IN_PLACE);
    await puller.up();
    const { login } = puller.outs;
    registry.fake.watch((_, path) => {
        if (PROOF_PATH.test(path)) registry.fake.byHand.narrow("puller-1");
    });
    const failure: unknown = await puller.up(text("audit")).catch((error: unknown) => error);
    registry.fake.watch(() => undefined);
    if (!(failure instanceof PassthroughError)) throw new Error(`not refused: ${String(failure)}`);
    expect(failure.code).toBe("ROBOT_UNPROVEN");
    expect(failure.message).toContain("nothing was changed, and its secret stays valid");
    expect(registry.fake.logins()).toEqual([login]);
});

test.each(RENEWING_KINDS)("%s: a new secret that could not be proven is in state, and proven later", async (kind) => {
    registry = await RotationRegistry.start(kind);
    const puller = new StackAccount(registry, "puller", IN_PLACE);
    await puller.up();
    const { login } = puller.outs;
    let isChanged = false;
    registry.fake.watch((_, path) => {
        isChanged ||= registry.fake.logins().every(({ password }) => password !== login.password);
        if (isChanged && PROOF_PATH.test(path)) registry.fake.byHand.narrow("puller-1");
    });
    const failure: unknown = await puller.up(text("audit")).catch((error: unknown) => error);
    if (!(failure instanceof PartialState)) throw new Error(`not stored: ${String(failure)}`);
    expect(failure.message).toContain("ROBOT_UNPROVEN");
    expect(failure.message).toContain("state has the new secret, and the old one is not valid any more");
    expect(leaks([login, puller.outs.login], { failure: failure.message })).toEqual([]);
    const { login: renewed } = puller.outs;
    expect([renewed.password !== login.password, await puller.differs(text("audit"))]).toEqual([true, true]);
    await expect(puller.up(text("audit"))).rejects.toThrow("the account with its new secret could not be used");

    registry.fake.watch(() => undefined);
    await puller.up(text("audit"));
    expect(puller.outs.login).toEqual(renewed);
    expect([await pulls(renewed), await puller.differs(text("audit"))]).toEqual([true, false]);
});

test("Harbor: the account lives on for maxAge, overlap and 7 days from its new secret, and longer with a longer maxAge", async () => {
    registry = await RotationRegistry.start("harbor");
    const puller = new StackAccount(registry, "puller", IN_PLACE);
    const left = () => Math.round((Date.parse(puller.outs.robot.expiresAt ?? "") - Date.now()) / DAY_MS);
    await puller.up();
    expect(left()).toBe(104);
    await puller.up(text("audit"));
    expect(left()).toBeGreaterThanOrEqual(104);
    const { login } = puller.outs;
    await puller.up({ ...text("audit"), maxAge: 180 });
    expect([left() >= 194, puller.outs.login]).toEqual([true, login]);
    await puller.up({ ...text("audit"), maxAge: 30 });
    expect([left() >= 44 && left() <= 45, puller.outs.login]).toEqual([true, login]);
    expect(await pulls(login)).toBe(true);
});

test("a refresh says what the next up will do by today's configuration, not by that of the last up", async () => {
    registry = await RotationRegistry.start("harbor");
    const puller = new StackAccount(registry, "puller");
    await puller.up();
    registry.fake.byHand.changeSecret("puller-1");
    const refreshed = async (robots: object) => {
        const lines: string[] = [];
        const process = new RegistryProcess({ followsConfiguration: true });
        // A CA that cannot be read is that of state.
        const { type, mirrorBase } = puller.inputs().registry;
        const site = { registry: { type, mirrorBase, ca: "/none/ca.pem" }, robots };
        process.configure((key) => (key.endsWith(":site") ? JSON.stringify(site) : undefined));
        await robotAccountProvider.read(puller.outs, { ...operationContext(lines), process });
        return lines.join("\n");
    };
    expect(await refreshed({})).toContain("the next `npm run up` replaces it");
    expect(await refreshed({ rotation: "in-place" })).toContain("the next `npm run up` gives it a new secret");
});

test.each(RENEWING_KINDS)("%s: a new secret that the registry could not be asked about is in state", async (kind) => {
    registry = await RotationRegistry.start(kind);
    const puller = new StackAccount(registry, "puller", { ...IN_PLACE, samples: [] });
    await puller.up();
    const { login } = puller.outs;
    const isChanged = () => registry.fake.logins().every(({ password }) => password !== login.password);
    let isBroken = false;
    registry.fake.watch((_, path) => {
        if (isChanged() && !isBroken && AS_ITSELF.test(path)) {
            isBroken = true;
            registry.fake.byHand.changeSecret("puller-1");
        }
    });
    const failure: unknown = await puller.up(text("audit")).catch((error: unknown) => error);
    registry.fake.watch(() => undefined);
    if (!(failure instanceof PartialState)) throw new Error(`not stored: ${String(failure)}`);
    expect(failure.message).toContain("ROBOT_UNPROVEN");
    expect([isBroken, puller.outs.login.password !== login.password, puller.outs.unproven]).toEqual([true, true, true]);
    await puller.up(text("audit"));
    expect([await pulls(puller.outs.login), await puller.differs(text("audit"))]).toEqual([true, false]);
});

test.each([
    ["by the next up", {}, 2],
    ["by the same up in place", IN_PLACE, 1],
] as const)(
    "Harbor: an importer with another secret that somebody also disabled is usable %s",
    async (_, changes, ups) => {
        registry = await RotationRegistry.start("harbor");
        const importer = new StackAccount(registry, "importer", changes);
        await importer.up();
        registry.fake.byHand.changeSecret("importer-1");
        registry.fake.byHand.disable?.("importer-1");
        const usable: boolean[] = [];
        for (let run = 0; run < ups; run++) {
            await importer.up();
            usable.push(await pulls(importer.outs.login));
        }
        expect(usable).toEqual([false, true].slice(-ups));
        expect(await importer.differs()).toBe(false);
    },
);

test("a check notes that the puller's valid secret ends, and not where the registry rejects it already", async () => {
    registry = await RotationRegistry.start("harbor");
    const noted = async (account: StackAccount, changes: Partial<RobotAccountInputs>) => {
        const context = operationContext([]);
        const { outs, inputs } = await robotAccountProvider.read(account.outs, context);
        const given = { ...account.inputs(), ...changes };
        const news = robotAccountProvider.normalizeInputs?.(inputs, given, context) ?? given;
        await robotAccountProvider.describeChanges?.(inputs, news, context);
        expect(outs.name).toBe(account.outs.name);
        return [...context.process.pullerRenewals];
    };
    const puller = new StackAccount(registry, "puller", IN_PLACE);
    const importer = new StackAccount(registry, "importer", IN_PLACE);
    for (const account of [puller, importer]) await account.up();
    expect(await noted(puller, {})).toEqual([]);
    expect(await noted(puller, text("audit"))).toEqual([puller.inputs().registry.mirrorBase]);
    expect(await noted(puller, { ...text("audit"), rotation: undefined })).toEqual([]);
    expect(await noted(importer, text("audit"))).toEqual([]);
    registry.fake.byHand.changeSecret("puller-1");
    expect(await noted(puller, {})).toEqual([]);
});
