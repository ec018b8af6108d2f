import { setMaxListeners } from "node:events";
import type { Credentials } from "../../lib/http/credentials";
import { leaks } from "../support/canary";
import { faultCase } from "../support/faults/fault-case";
import { type ByHand, RENEWING_KINDS, ROBOT_KINDS, RotationRegistry } from "../support/rotation/fake-registries";
import { StackAccount } from "../support/rotation/stack-account";

/** A process keeps the compiled patterns of the secrets that it has met (lib/redaction): here those of 200 accounts. */
const PATTERNS = 320 * 1024 * 1024;
const DAY_MS = 86_400_000;
const pass = (days: number) => jest.setSystemTime(Date.now() + days * DAY_MS);
const REAL = ["nextTick", "setImmediate", "setTimeout", "setInterval", "queueMicrotask", "clearTimeout"] as const;

// Days pass by the clock of program and registry, and with them the tokens: only the date is not the real one.
beforeAll(() => {
    jest.useFakeTimers({ now: Date.now(), doNotFake: [...REAL, "clearInterval", "performance", "hrtime"] });
});
afterAll(() => void jest.useRealTimers());

/** Uses a node's client, which keeps its tokens for as long as they are accepted. */
async function withNode<T>(
    registry: RotationRegistry,
    login: Credentials,
    use: (pull: () => Promise<boolean>) => Promise<T>,
): Promise<T> {
    const client = registry.client(login);
    const pull = async () => (await client.manifestGet("mirror/quay.io/org/app", "1")) !== undefined;
    try {
        return await use(() => pull().catch(() => false));
    } finally {
        await client.close();
    }
}

function tryPull(registry: RotationRegistry, login: Credentials): Promise<boolean> {
    return withNode(registry, login, (pull) => pull());
}

/** Accounts, and what belongs to them, that are none of these. */
function orphans({ fake }: RotationRegistry, names: readonly string[]): string[] {
    const isKnown = (name: string) =>
        names.some((known) => name === known || name.endsWith(`+${known}`) || name === `mirror-${known}`);
    return [...fake.robots(), ...fake.belongings()].filter((name) => !isKnown(name));
}

for (const kind of ROBOT_KINDS) {
    describe(kind, () => {
        let registry: RotationRegistry;
        let importer: StackAccount;
        let puller: StackAccount;
        /** By user name, every account of the last round. */
        let secrets: Map<string, Credentials>;

        beforeAll(async () => {
            // Certificates are made today.
            jest.setSystemTime(jest.getRealSystemTime());
            registry = await RotationRegistry.start(kind);
            [importer, puller] = [new StackAccount(registry, "importer"), new StackAccount(registry, "puller")];
            secrets = new Map();
            for (const account of [importer, puller]) await account.up();
        });
        afterAll(() => registry.fake.stop());

        faultCase(
            `${kind}: both accounts are rotated while a cluster pulls`,
            { all: 50, sample: 2, maxLeft: PATTERNS },
            async ({ count }) => {
                let pulls = 0;
                let failed = 0;
                const pullWhile = async (pull: () => Promise<boolean>, work: () => Promise<void>) => {
                    let isOver = false;
                    const running = work().finally(() => (isOver = true));
                    for (let done = 0; done < 40 || !isOver; done++) {
                        pulls++;
                        if (!(await pull())) failed++;
                    }
                    await running;
                };
                const up = async () => {
                    for (const account of [importer, puller]) await account.up();
                    for (const login of registry.fake.logins()) secrets.set(login.username, login);
                };
                const before = puller.outs.login;
                await withNode(registry, before, async (pull) => {
                    expect(await pull()).toBe(true);
                    pass(61);
                    await pullWhile(pull, up);
                    expect(puller.outs.login.username).not.toBe(before.username);
                    // The cluster has the former account for all of its overlap, then the new one.
                    pass(6);
                    await pullWhile(pull, up);
                });
                const after = puller.outs.login;
                pass(2);
                await withNode(registry, after, (pull) => pullWhile(pull, up));
                expect([failed, pulls >= 100]).toEqual([0, true]);
                expect(await tryPull(registry, before)).toBe(false);
                expect(orphans(registry, [importer.outs.name, puller.outs.name])).toEqual([]);
                const log = [importer, puller].flatMap(({ lines }) => lines.splice(0)).join("\n");
                expect(leaks(secrets.values(), { log })).toEqual([]);
                secrets.clear();
                // What it has logged: every request.
                registry.fake.registry.forget();
                count("rotations", 2);
                count("pulls", pulls);
            },
        );

        for (const role of ["importer", "puller"] as const) {
            faultCase(
                `${kind}: a rotation of the ${role} is killed at each of its requests`,
                { all: 20, sample: 1, met: "kills" },
                async ({ number, count }) => {
                    const account = new StackAccount(registry, role, {
                        ...(role === "puller" ? { overlap: 0 } : {}),
                        owner: `killed${role}${number}`,
                    });
                    await account.up();
                    for (let step = 1; await isKilled(registry, account, step, count); step++) {
                        expect(await tryPull(registry, account.outs.login)).toBe(true);
                        // The one that finishes it, and the one that deletes what is over.
                        for (let run = 0; run < 2; run++) await account.up({ rotate: { text: String(step) } });
                        expect(await tryPull(registry, account.outs.login)).toBe(true);
                        expect(orphans(registry, [importer.outs.name, puller.outs.name, account.outs.name])).toEqual(
                            [],
                        );
                    }
                    await account.destroy();
                    expect(orphans(registry, [importer.outs.name, puller.outs.name])).toEqual([]);
                },
            );
        }

        faultCase(
            `${kind}: a cluster that gets the new account weeks late pulls with the old one until then`,
            { all: 20, sample: 1 },
            async ({ number, count }) => {
                const account = new StackAccount(registry, "puller", { owner: `late${number}` });
                await account.up();
                const { login } = account.outs;
                const changes = { rotate: { text: "1" } };
                for (let failed = 0; failed < 3; failed++) {
                    await account.failedUp(changes);
                    pass(8);
                    expect(await tryPull(registry, login)).toBe(true);
                }
                await account.up(changes);
                pass(6);
                await account.up(changes);
                expect(await tryPull(registry, login)).toBe(true);
                pass(2);
                await account.up(changes);
                expect(await tryPull(registry, login)).toBe(false);
                expect(await tryPull(registry, account.outs.login)).toBe(true);
                await account.destroy();
                expect(orphans(registry, [importer.outs.name, puller.outs.name])).toEqual([]);
                count("failed ups", 3);
            },
        );

        faultCase(
            `${kind}: what is left of a retired account that somebody revoked is removed`,
            { all: 20, sample: 1 },
            async ({ number, count }) => {
                const { byHand } = registry.fake;
                const account = new StackAccount(registry, "puller", { owner: `remains${number}` });
                await account.up();
                const { name } = account.outs;
                await account.up({ rotate: { text: "1" } });
                // Where an account is a token, its secret is only changed by revoking it.
                if (kind === "jfrog") byHand.changeSecret(name);
                else byHand.remove(name);
                expect(await account.differs({ rotate: { text: "1" } })).toBe(true);
                await account.up({ rotate: { text: "1" } });
                expect(orphans(registry, [importer.outs.name, puller.outs.name, account.outs.name])).toEqual([]);
                expect(await account.differs({ rotate: { text: "1" } })).toBe(false);
                await account.destroy();
                count("revoked");
            },
        );

        faultCase(
            `${kind}: what somebody changes by hand is seen and put right`,
            { all: 20, sample: 1 },
            async ({ number, count }) => {
                const { byHand } = registry.fake;
                for (const change of Object.keys(byHand) as (keyof ByHand)[]) {
                    const account = new StackAccount(registry, "puller", { owner: `${change}${number}` });
                    await account.up();
                    const { login, name } = account.outs;
                    byHand[change]?.(name);
                    expect([change, await account.differs()]).toEqual([change, true]);
                    // A former account that has expired is deleted by the second.
                    for (let run = 0; run < 2; run++) await account.up();
                    expect([change, await account.differs()]).toEqual([change, false]);
                    expect(await tryPull(registry, account.outs.login)).toBe(true);
                    // Rights are put right in place: whoever has the account keeps it.
                    const isRepaired = change === "widen" || change === "narrow" || change === "disable";
                    expect([change, account.outs.login.username === login.username]).toEqual([change, isRepaired]);
                    await account.destroy();
                    count(change);
                }
                expect(orphans(registry, [importer.outs.name, puller.outs.name])).toEqual([]);
            },
        );
    });
}

for (const kind of RENEWING_KINDS) {
    describe(`${kind}, in place`, () => {
        let registry: RotationRegistry;

        beforeAll(async () => {
            jest.setSystemTime(jest.getRealSystemTime());
            registry = await RotationRegistry.start(kind);
        });
        afterAll(() => registry.fake.stop());

        for (const role of ["importer", "puller"] as const) {
            faultCase(
                `${kind}: a new secret for the ${role} is killed at each of its requests`,
                { all: 20, sample: 1, met: "kills" },
                async ({ number, count }) => {
                    const account = new StackAccount(registry, role, {
                        rotation: "in-place",
                        owner: `renewed${role}${number}`,
                    });
                    await account.up();
                    const { name, robot } = account.outs;
                    for (let step = 1; await isKilled(registry, account, step, count); step++) {
                        const changes = { rotate: { text: String(step) } };
                        await account.up(changes);
                        expect(await tryPull(registry, account.outs.login)).toBe(true);
                        expect([account.outs.name, account.outs.robot.id]).toEqual([name, robot.id]);
                        expect(await account.differs(changes)).toBe(false);
                        pass(20);
                    }
                    await account.destroy();
                    expect(orphans(registry, [])).toEqual([]);
                },
            );
        }

        faultCase(
            `${kind}: what somebody changes by hand is seen and put right under the same name`,
            { all: 20, sample: 1 },
            async ({ number, count }) => {
                const { byHand } = registry.fake;
                for (const change of Object.keys(byHand) as (keyof ByHand)[]) {
                    const account = new StackAccount(registry, "puller", {
                        rotation: "in-place",
                        owner: `${change}${number}`,
                    });
                    await account.up();
                    const { login } = account.outs;
                    byHand[change]?.(account.outs.name);
                    expect([change, await account.differs()]).toEqual([change, true]);
                    await account.up();
                    expect([change, await account.differs()]).toEqual([change, false]);
                    expect(await tryPull(registry, account.outs.login)).toBe(true);
                    const after = account.outs.login;
                    expect([change, after.username === login.username]).toEqual([change, change !== "remove"]);
                    const hasNewSecret = ["remove", "changeSecret", "expire"].includes(change);
                    expect([change, after.password !== login.password]).toEqual([change, hasNewSecret]);
                    await account.destroy();
                    count(change);
                }
                expect(orphans(registry, [])).toEqual([]);
            },
        );
    });
}

/**
 * Rotates and kills the run at its n-th request, which the registry still carries out. False if there is no such request.
 * @throws what a run that was not killed ended with
 */
async function isKilled(
    { fake }: RotationRegistry,
    account: StackAccount,
    step: number,
    count: (what: string) => void,
): Promise<boolean> {
    const killing = new AbortController();
    setMaxListeners(0, killing.signal);
    let seen = 0;
    fake.watch(() => {
        if (++seen === step) killing.abort(new Error("killed"));
    });
    await account.up({ rotate: { text: String(step) } }, killing.signal).catch((error: unknown) => {
        if (!killing.signal.aborted) throw error;
    });
    fake.watch(() => undefined);
    if (seen >= step) count("kills");
    return seen >= step;
}
