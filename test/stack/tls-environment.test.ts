import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { leaks } from "../support/canary";
import type { CliRun } from "../support/stack";
import { ACCOUNT, FIXTURES, TestSite } from "../support/site";

jest.setTimeout(300_000);

const VARIABLE = "NODE_TLS_REJECT_UNAUTHORIZED";
const TELLS = `${VARIABLE}=0 in the environment switches TLS verification off; unset it`;

let site: TestSite;

beforeAll(async () => {
    site = await TestSite.create(join(FIXTURES, "incremental/1"));
});

afterAll(() => site.remove());

/** The command must fail, name the variable, and send the registry nothing. */
async function stops(command: () => Promise<CliRun>): Promise<void> {
    site.registry.forget();
    site.stack.setVariable(VARIABLE, "0");
    const run = await command();
    site.stack.setVariable(VARIABLE, undefined);
    expect(run.code).not.toBe(0);
    expect(run.text).toContain(TELLS);
    expect(site.registry.accesses()).toEqual([]);
}

test("pulumi stops before the first connection if the environment switches TLS verification off", async () => {
    const { stack } = site;
    await stops(() => stack.preview());
    await stops(() => stack.upOnly("--skip-preview"));
    expect(await stack.state()).not.toContain("PassthroughSite");

    stack.setVariable(VARIABLE, "1");
    expect(await stack.upOnly("--skip-preview")).toMatchObject({ code: 0 });
    const before = JSON.parse(await stack.state()) as { deployment: { resources: unknown[] } };

    await stops(() => stack.up());
    // The program does not run in these; the provider refuses.
    await stops(() => stack.refresh());
    await stops(() => stack.destroy());
    const after = JSON.parse(await stack.state()) as typeof before;
    expect(after.deployment.resources).toHaveLength(before.deployment.resources.length);

    expect(await stack.refresh()).toMatchObject({ code: 0 });
    expect(await stack.destroy()).toMatchObject({ code: 0 });
});

test("NODE_DEBUG stops the program", async () => {
    const { stack } = site;
    stack.setVariable("NODE_DEBUG", "undici");
    const preview = await stack.preview();
    expect(preview.text).toContain("ENVIRONMENT_UNSAFE: NODE_DEBUG prints signed URLs");
    expect(preview.code).not.toBe(0);
    stack.setVariable("NODE_DEBUG", undefined);
});

test("a variable that makes Pulumi print secrets stops the program", async () => {
    const { stack } = site;
    const text = "ENVIRONMENT_UNSAFE: PULUMI_OPTION_SHOW_SECRETS prints secrets; unset it";
    stack.setVariable("PULUMI_OPTION_SHOW_SECRETS", "true");
    const preview = await stack.preview();
    expect(preview.text).toContain(text);
    expect(preview.code).not.toBe(0);
    stack.setVariable("PULUMI_OPTION_SHOW_SECRETS", undefined);
});

test("nothing is said to a port that the environment names for the providers", async () => {
    const { stack } = site;
    let connections = 0;
    const listener = createServer((socket) => {
        connections++;
        socket.destroy();
    });
    await once(listener.listen(0, "127.0.0.1"), "listening");
    const { port } = listener.address() as AddressInfo;
    stack.setVariable("PULUMI_DEBUG_PROVIDERS", `pulumi-nodejs:${port}`);
    const preview = await stack.preview();
    stack.setVariable("PULUMI_DEBUG_PROVIDERS", undefined);
    listener.close();
    expect(preview.text).toContain("ENVIRONMENT_UNSAFE: PULUMI_DEBUG_PROVIDERS");
    expect(preview.code).not.toBe(0);
    expect(connections).toBe(0);
});

test("Pulumi's and gRPC's variables change no account and print no secret", async () => {
    const { stack } = site;
    stack.setVariable("PULUMI_CONFIG", JSON.stringify({ "registry-passthrough:registryUsername": "another" }));
    stack.setVariable("PULUMI_CONFIG_SECRET_KEYS", "[]");
    stack.setVariable("GRPC_TRACE", "all");
    stack.setVariable("GRPC_VERBOSITY", "DEBUG");
    stack.setVariable("PULUMI_DEBUG_PROMISE_LEAKS", "true");
    expect((await stack.upOnly("--skip-preview")).code).toBe(0);
    expect((await stack.refresh()).code).toBe(0);
    expect(leaks([ACCOUNT], { printed: stack.printed, state: await stack.state() })).toEqual([]);
    expect((await stack.destroy()).code).toBe(0);
});
