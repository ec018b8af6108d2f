import { testAuthority } from "../support/certificates";
import { CommandSite } from "../support/command-site";
import { ConnectProxy } from "../support/connect-proxy";

/* The command line at a registry whose name only a proxy knows. */

jest.setTimeout(120_000);

const NAME = "registry.corp.internal:8443";
const BASE = { mirrorBase: `${NAME}/mirror` };
const PASSWORD = "canary-proxy-77c1";
let site: CommandSite;
let proxy: ConnectProxy;

beforeAll(async () => {
    const authority = await testAuthority();
    const tls = await authority.issue({ names: ["registry.corp.internal"] });
    site = await CommandSite.createWith({ tls, authority }, "with-mapping");
    proxy = await ConnectProxy.start({ [NAME]: site.registry.port });
});

afterAll(async () => {
    await proxy.stop();
    await site.remove();
});

beforeEach(() => {
    proxy.connects.length = 0;
    proxy.refuse = () => undefined;
});

test("a proxy of the environment is not used without the key; doctor and the error say so", async () => {
    site.configure(BASE);
    const run = await site.runWith({ HTTPS_PROXY: proxy.url }, "doctor");
    const note = `HTTPS_PROXY is set in the environment and not used for ${NAME}: site.registry.proxy: environment would use it`;
    expect(run.code).toBe(75);
    expect(run.error).toContain(`note: ${note}`);
    expect(run.out).toContain(note);
    const exempt = await site.runWith({ HTTPS_PROXY: proxy.url, NO_PROXY: ".corp.internal" }, "doctor");
    expect(exempt.error + exempt.out).not.toContain("HTTPS_PROXY");
    expect(proxy.connects).toEqual([]);
});

test("with the key every request goes through it: of the environment, or of its own", async () => {
    site.configure({ ...BASE, proxy: "environment" });
    const { port } = new URL(proxy.url);
    expect(await site.runWith({ https_proxy: `u:${PASSWORD}@localhost:${port}` }, "doctor")).toMatchObject({ code: 0 });
    expect(proxy.targets).toEqual([NAME]);
    expect(new Set(proxy.connects.map(({ authorization }) => authorization))).toEqual(
        new Set([`Basic ${Buffer.from(`u:${PASSWORD}`).toString("base64")}`]),
    );
    site.configure({ ...BASE, proxy: proxy.url });
    expect(await site.run("import")).toMatchObject({ code: 0 });
    expect(await site.run("verify")).toMatchObject({ code: 0 });
});

test("an account of the proxy comes from the environment, and is not printed", async () => {
    site.configure({ ...BASE, proxy: proxy.url });
    const account = {
        REGISTRY_PASSTHROUGH_PROXY_USERNAME: "mirror",
        REGISTRY_PASSTHROUGH_PROXY_PASSWORD: PASSWORD,
        REGISTRY_PASSTHROUGH_DEBUG: "http",
    };
    const run = await site.runWith(account, "plan");
    expect(run.code).toBe(0);
    expect(run.error).toContain(`CONNECT ${NAME} through the proxy ${proxy.url}`);
    proxy.refuse = () => `HTTP/1.1 407 Proxy Authentication Required\r\nx-echo: ${PASSWORD}\r\n\r\n`;
    const refused = await site.runWith(account, "doctor");
    expect(refused.out).toContain(`the proxy ${proxy.url} rejected the account mirror to connect to ${NAME}`);
    for (const secret of [PASSWORD, Buffer.from(`mirror:${PASSWORD}`).toString("base64")])
        expect(site.said).not.toContain(secret);
});
