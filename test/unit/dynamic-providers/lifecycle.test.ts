import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { z } from "zod";
import { Engine } from "../../../dynamic-providers/lifecycle/engine";
import { Operations } from "../../../dynamic-providers/lifecycle/operations";
import type { ProviderProcess } from "../../../dynamic-providers/lifecycle/provider-process";
import { type CommonOutputs, PREVIEWED } from "../../../dynamic-providers/lifecycle/resource-kind";
import {
    type ResourceProvider,
    PartialState,
    createProvider,
} from "../../../dynamic-providers/lifecycle/resource-provider";
import { RegistryError } from "../../../lib/errors/errors";
import { FAILURE_LOG, readFailureLog } from "../../../lib/errors/failure-log";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const PASSWORD = "canary-5d1f";
const inputs = z.object({
    selfUrn: z.string(),
    size: z.number(),
    credentials: z.object({ username: z.string(), password: z.string().min(5) }),
});
type Inputs = z.infer<typeof inputs>;
interface Outputs extends Inputs, CommonOutputs {
    readonly made?: string | undefined;
}

const GIVEN = { selfUrn: "urn", size: 1, credentials: { username: "someone", password: PASSWORD }, __provider: "text" };
const basicAuth = ({ username, password }: Inputs["credentials"]) =>
    Buffer.from(`${username}:${password}`).toString("base64");

// It listens to signals of this process: one is enough.
const operations = new Operations(undefined);

/** A provider process without a registry; what is written through it is counted. */
function providerProcess() {
    const written: string[] = [];
    const noted: object[] = [];
    const own: ProviderProcess = {
        engine: Engine.ofProcess(),
        operations,
        configure: () => undefined,
        noteInputs: (given) => void noted.push(given),
        requireSafety: () => undefined,
        secretTexts: () => ["canary-of-the-process"],
        write: async (operation) => {
            written.push("write");
            return operation();
        },
    };
    return { own, written, noted };
}

function provider(changes: Partial<ResourceProvider<Inputs, Outputs>> = {}, own = providerProcess().own) {
    return createProvider<Inputs, Outputs>(
        () => ({
            name: "thing",
            inputs,
            outputs: ["made"],
            secrets: {
                credentials: (value) => {
                    const { password } = value as Inputs["credentials"];
                    return [password, basicAuth(value as Inputs["credentials"])];
                },
            },
            compare: (olds, news) => ({ changes: olds.size !== news.size }),
            create: async (given) => ({ id: "one", outs: { ...given, made: undefined } }),
            read: async (olds) => ({ outs: olds, inputs: olds }),
            update: async (_olds, news) => news,
            remove: async () => undefined,
            ...changes,
        }),
        own,
    );
}

async function thrown(work: Promise<unknown>): Promise<Error & Record<string, unknown>> {
    return work.then(
        () => {
            throw new Error("it did not fail");
        },
        (error: unknown) => error as Error & Record<string, unknown>,
    );
}

test("an error shows no secret, in the clear or as part of a longer text, and no stack", async () => {
    const failing = provider({
        create: () =>
            Promise.reject(new RegistryError(`someone:${PASSWORD} refused`, { registry: "here", code: "DENIED" })),
    });
    const error = await thrown(failing.create(GIVEN));
    expect(error.message).toBe("DENIED at here: someone:[secret] refused");
    expect(error.stack).toBe("");
});

test("a header's form of the credentials is no more shown than the password", async () => {
    const basic = Buffer.from(`someone:${PASSWORD}`).toString("base64");
    const failing = provider({ update: () => Promise.reject(new Error(`authorization: Basic ${basic}`)) });
    expect((await thrown(failing.update("one", GIVEN, GIVEN))).message).toBe("authorization: Basic [secret]");
});

test("a line on the resource's row shows no secret either", async () => {
    const said: string[] = [];
    const log = jest.spyOn(EngineClient.prototype, "log").mockImplementation(((
        request: { getMessage(): string },
        done: () => void,
    ) => {
        said.push(request.getMessage());
        done();
    }) as never);
    // As the engine starts a provider: with its own address.
    process.argv.push("127.0.0.1:1");
    try {
        const talking = provider({
            create: async (given, { log }) => {
                log.line("warning", `the registry says: ${PASSWORD} is wrong`);
                log.status(`waiting for someone:${PASSWORD}`);
                return { id: "one", outs: given };
            },
        });
        await talking.create(GIVEN);
    } finally {
        process.argv.pop();
        log.mockRestore();
    }
    expect(said).toEqual(["\nthe registry says: [secret] is wrong", "waiting for someone:[secret]"]);
});

test("a check failure on a secret names no property, so that the engine does not print its value", async () => {
    const credentials = { username: "someone", password: "abc" };
    const { failures } = await provider().check({}, { ...GIVEN, credentials, size: "big" });
    expect(failures).toHaveLength(2);
    expect(failures?.find(({ reason }) => reason.startsWith("credentials"))?.property).toBe("");
    expect(failures?.find(({ reason }) => reason.startsWith("size"))?.property).toBe("size");
    expect(JSON.stringify(failures)).not.toContain('"abc"');
});

test("what is not known before the update passes the check, is announced unless only secrets are, and counts as a change", async () => {
    const describeChanges = jest.fn();
    await provider({ describeChanges }).check({}, { ...GIVEN, credentials: UNKNOWN });
    expect(describeChanges).toHaveBeenCalledTimes(1);
    describeChanges.mockClear();
    const unknown = { ...GIVEN, size: UNKNOWN };
    const { failures } = await provider({ describeChanges }).check({}, unknown);
    expect(failures).toEqual([]);
    expect(describeChanges).not.toHaveBeenCalled();
    expect(await provider().diff("one", GIVEN, unknown)).toEqual({ changes: true });
    expect(await provider().diff("one", GIVEN, GIVEN)).toEqual({ changes: false });
});

test("what only state knows of an update is said in its preview, once in a run", async () => {
    const describeUpdate = jest.fn();
    const previewing = provider({ describeUpdate });
    await previewing.check(GIVEN, GIVEN);
    const state = { ...GIVEN, made: "before" };
    expect(await previewing.diff("one", state, { ...GIVEN, size: UNKNOWN })).toEqual({ changes: true });
    expect(describeUpdate.mock.calls).toEqual([[state, { ...GIVEN, size: UNKNOWN }, expect.anything()]]);
    const updating = provider({ describeUpdate });
    await updating.check(GIVEN, { ...GIVEN, [PREVIEWED]: true });
    expect(await updating.diff("one", state, { ...GIVEN, size: 2 })).toEqual({ changes: true });
    expect(describeUpdate).toHaveBeenCalledTimes(1);
});

test("a part that was done is kept: id, properties with the provider's text, and reasons without secrets", async () => {
    const failing = provider({
        create: () =>
            Promise.reject(new PartialState("one", { made: "half" }, [`half done with ${PASSWORD}`], ["NETWORK"])),
    });
    expect(await thrown(failing.create(GIVEN))).toMatchObject({
        id: "one",
        reasons: ["half done with [secret]"],
        properties: { ...GIVEN, made: "half", __provider: "text" },
    });
});

test("whoever started the engine learns by codes why an operation failed", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "failures ")), "log");
    const replaced = jest.replaceProperty(process, "env", { ...process.env, [FAILURE_LOG]: file });
    try {
        const network = new RegistryError("no connection", { code: "NETWORK", registry: "registry.test" });
        await thrown(provider({ read: () => Promise.reject(network) }).read("one", GIVEN));
        const partial = new PartialState("one", {}, ["half done"], ["DISK_FULL", "NOT_TRIED"]);
        await thrown(provider({ create: () => Promise.reject(partial) }).create(GIVEN));
        await provider().create(GIVEN);
        expect(readFailureLog(file)).toEqual(["NETWORK", "DISK_FULL", "NOT_TRIED"]);
    } finally {
        replaced.restore();
        rmSync(dirname(file), { recursive: true });
    }
});

test("state takes no undefined; what cannot be found out fails the refresh", async () => {
    expect(Object.keys((await provider().create(GIVEN)).outs ?? {})).not.toContain("made");
    const unsure = provider({ read: () => Promise.reject(new Error("no answer")) });
    expect((await thrown(unsure.read("one", GIVEN))).message).toBe("no answer");
});

test("a resource that no longer exists stays in state, and the next update creates it again", async () => {
    const vanished = provider({ read: async (olds) => ({ outs: { ...olds, gone: true }, inputs: olds }) });
    const read = await vanished.read("one", GIVEN);
    expect(read).toEqual({ id: "one", props: { ...GIVEN, gone: true }, inputs: GIVEN });
    expect(await vanished.diff("one", read.props, GIVEN)).toEqual({ changes: true });
    expect(await vanished.diff("one", GIVEN, GIVEN)).toEqual({ changes: false });
});

test("what may write is run as such, what only reads is not", async () => {
    const { own, written, noted } = providerProcess();
    const writing = provider({}, own);
    await writing.check({}, GIVEN);
    expect(noted).toEqual([GIVEN]);
    await writing.read("one", GIVEN);
    await writing.diff("one", GIVEN, GIVEN);
    expect(written).toHaveLength(0);
    await writing.create(GIVEN);
    await writing.update("one", GIVEN, GIVEN);
    await writing.delete("one", GIVEN);
    expect(written).toHaveLength(3);
});

test("secrets of the process are in no message either, and one that may not run an operation runs none", async () => {
    const failing = provider({ create: () => Promise.reject(new Error("used canary-of-the-process")) });
    expect((await thrown(failing.create(GIVEN))).message).toBe("used [secret]");
    const create = jest.fn();
    const { own } = providerProcess();
    const unsafe = provider(
        { create },
        {
            ...own,
            requireSafety: () => {
                throw new Error("unsafe");
            },
        },
    );
    expect((await thrown(unsafe.create(GIVEN))).message).toBe("unsafe");
    expect(create).not.toHaveBeenCalled();
});

test("configuration is taken before the first await: the engine may start an operation before that", () => {
    const { own } = providerProcess();
    const taken: unknown[] = [];
    const config = { get: (key: string) => `value of ${key}`, require: (key: string) => key };
    const configured = provider({}, { ...own, configure: (read) => void taken.push(read("a")) });
    void configured.configure({ config } as never);
    expect(taken).toEqual(["value of a"]);
});
