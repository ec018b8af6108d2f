import { join } from "node:path";
import { AMID_UPLOADS, PausingProxy } from "../support/pausing-proxy";
import { descendants, gone } from "../support/processes";
import { FIXTURES, TestSite } from "../support/site";

jest.setTimeout(300_000);

const PROVIDER = "cmd/dynamic-provider";
let site: TestSite;
let proxy: PausingProxy;

beforeEach(async () => {
    site = await TestSite.create(join(FIXTURES, "with-mapping"));
    proxy = await PausingProxy.start(site.registry.port, AMID_UPLOADS);
    site.stack.configure(site.document({ registry: { mirrorBase: `${proxy.host}/mirror` } }));
});

afterEach(async () => {
    await proxy.stop();
    await site.remove();
});

async function completes(): Promise<void> {
    proxy.resume();
    const up = await site.stack.up();
    expect(up).toMatchObject({ code: 0 });
    expect((await site.stack.outputs()).validation).toMatchObject({ status: "proven", images: 6 });
    expect(await site.stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });
}

/** Settles with the providers of a run as soon as there is one; polls, since nothing announces them. */
async function providersOf(pid: number): Promise<number[]> {
    for (;;) {
        const providers = descendants(pid, PROVIDER);
        if (providers.length > 0) return providers;
        await new Promise((resolve) => setImmediate(resolve));
    }
}

test("a provider killed in the middle of an import fails the run with a hint, and the next up completes", async () => {
    const { child, done } = site.stack.wrapped("up", "--yes", "--skip-preview");
    await proxy.paused;
    const [provider = 0] = descendants(child.pid ?? 0, PROVIDER).slice(-1);
    process.kill(provider, "SIGKILL");
    const run = await done;
    expect(run.code).not.toBe(0);
    expect(run.text).toContain('"error reading from server: EOF": the process that ran the operation was killed');
    expect(run.text).toContain("Run the same command again");
    await completes();
});

test("a provider ends whose engine is killed just as it appears", async () => {
    const { child, done } = site.stack.startUp();
    const providers = await providersOf(child.pid ?? 0);
    child.kill("SIGKILL");
    await Promise.all(providers.map(gone));
    await done;
});

test("a proxy in lower-case variables does not keep the wrapper's engine from its own loopback", async () => {
    proxy.resume();
    for (const name of ["https_proxy", "http_proxy", "grpc_proxy"]) site.stack.setVariable(name, "http://127.0.0.1:9");
    expect(await site.stack.wrapped("preview", "--suppress-outputs").done).toMatchObject({ code: 0 });
});

test("a provider whose engine was killed stops by itself; pulumi cancel, which the message names, frees the stack", async () => {
    const { child, done } = site.stack.startUp();
    await proxy.paused;
    const providers = descendants(child.pid ?? 0, PROVIDER);
    expect(providers.length).toBeGreaterThan(0);
    child.kill("SIGKILL");
    await Promise.all(providers.map(gone));
    await done;

    const locked = await site.stack.upOnly();
    expect(locked.code).not.toBe(0);
    expect(locked.text).toContain("pulumi cancel");
    expect(await site.stack.cancel()).toMatchObject({ code: 0 });
    await completes();
});

test("an interrupted provider says what is safe, and the next up completes", async () => {
    const { child, done } = site.stack.startUp();
    await proxy.paused;
    for (const provider of descendants(child.pid ?? 0, PROVIDER)) process.kill(provider, "SIGINT");
    const up = await done;
    expect(up.code).not.toBe(0);
    expect(up.text).toContain("interrupted by SIGINT");
    await completes();
});
