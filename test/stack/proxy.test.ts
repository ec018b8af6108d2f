import { join } from "node:path";
import { CommandLines } from "../support/canary";
import { ConnectProxy } from "../support/connect-proxy";
import { RegistryProcess } from "../support/registry-process";
import { ACCOUNT, FIXTURES, TestSite } from "../support/site";

/* A whole stack at a registry whose name only a proxy knows. */

jest.setTimeout(300_000);

const NAME = "registry.corp.internal:8443";
const PASSWORD = "canary-proxy-5d20";
let site: TestSite;
let registry: RegistryProcess;
let proxy: ConnectProxy;
let processes: CommandLines;

beforeAll(async () => {
    processes = new CommandLines();
    site = await TestSite.create(join(FIXTURES, "with-mapping"));
    const tls = await site.authority.issue({ names: ["registry.corp.internal"] });
    registry = await RegistryProcess.start({ tls, account: ACCOUNT });
    proxy = await ConnectProxy.start({ [NAME]: registry.port });
});

afterAll(async () => {
    processes.stop();
    await proxy.stop();
    await registry.stop();
    await site.remove();
});

const configure = (changes: object) =>
    site.stack.configure(site.document({ registry: { mirrorBase: `${NAME}/mirror`, ...changes } }));

test("without the key, preview says that the environment's proxy is not used; an account in the URL is refused", async () => {
    site.stack.setVariable("HTTPS_PROXY", proxy.url);
    configure({});
    expect((await site.stack.preview()).text).toContain(
        `HTTPS_PROXY is set in the environment and not used for ${NAME}`,
    );
    site.stack.setVariable("HTTPS_PROXY", undefined);
    configure({ proxy: "http://mirror:canary-in-url@proxy.example" });
    const refused = await site.stack.preview();
    expect(refused.text).toContain("site.registry.proxy: it must not hold an account");
    expect(refused.text).not.toContain("canary-in-url");
    expect(proxy.connects).toEqual([]);
});

test("up, verify and destroy go through the proxy, with its account", async () => {
    configure({ proxy: proxy.url });
    await site.stack.setConfig("proxyUsername", "mirror", false);
    expect((await site.stack.preview()).text).toContain("proxyPassword: it is not set");
    await site.stack.setConfig("proxyPassword", PASSWORD, true);
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    expect(await site.stack.passthrough("verify")).toMatchObject({ code: 0 });
    const state = await site.stack.state();
    expect(state).toContain(proxy.url);
    expect(await site.stack.destroy()).toMatchObject({ code: 0 });
    expect(proxy.targets).toEqual([NAME]);
    const secret = Buffer.from(`mirror:${PASSWORD}`).toString("base64");
    expect(new Set(proxy.connects.map(({ authorization }) => authorization))).toEqual(new Set([`Basic ${secret}`]));
    for (const text of [state, site.stack.printed, [...processes.seen].join("\n")]) {
        expect(text).not.toContain(PASSWORD);
        expect(text).not.toContain(secret);
    }
});
