import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { isExempt } from "../../../lib/distribution/http/no-proxy";
import { type ProxySettings, ignoredProxyNote, proxyFor } from "../../../lib/distribution/http/proxy-settings";
import { certificateNotes } from "../../../lib/registries/certificate-expiry";
import { type TestAuthority, testAuthority } from "../../support/certificates";
import { ConnectProxy } from "../../support/connect-proxy";
import { RegistryProcess } from "../../support/registry-process";

describe("NO_PROXY, as the container tools read it", () => {
    test.each([
        ["*", "registry.example", true],
        ["registry.example", "registry.example", true],
        ["registry.example", "Registry.Example.", true],
        ["example", "registry.example", true],
        ["registry.example", "other-registry.example", false],
        ["registry.example", "mirror.registry.example", true],
        [".example", "registry.example", true],
        ["*.example", "registry.example", true],
        [".registry.example", "registry.example", false],
        ["a.test, registry.example", "registry.example", true],
        ["a.test registry.example", "registry.example", true],
        ["registry.example:8443", "registry.example", true],
        ["registry.example:443", "registry.example", false],
        ["10.0.0.0/8", "10.20.0.5", true],
        ["10.0.0.0/8", "11.0.0.1", false],
        ["10.0.0.5", "10.0.0.5", true],
        ["10.0.0.5:8443", "10.0.0.5", true],
        ["10.0.0.5:443", "10.0.0.5", false],
        ["10.0.0.0/33", "10.0.0.1", false],
        ["10.0.0.0/8", "registry.example", false],
        ["fd00::/8", "fd00::5", true],
        ["[fd00::5]:8443", "fd00::5", true],
        ["fd00::5", "fd00::6", false],
        ["", "registry.example", false],
        ["", "localhost", true],
        ["", "127.0.0.1", true],
        ["", "::1", true],
    ])("%p exempts %s: %s", (list, host, expected) => {
        expect(isExempt(host, 8443, list)).toBe(expected);
    });
});

describe("which proxy is used", () => {
    const target = { host: "registry.example", port: 8443 };
    const env = { HTTPS_PROXY: "http://user:p%40ss@proxy.example:3128/", NO_PROXY: "internal.example" };

    test("none without the key, whatever the environment has, which is said", () => {
        expect(proxyFor(undefined, target, env)).toBeUndefined();
        expect(ignoredProxyNote("registry.example:8443", env)).toBe(
            "HTTPS_PROXY is set in the environment and not used for registry.example:8443: site.registry.proxy: environment would use it",
        );
        expect(ignoredProxyNote("internal.example:8443", env)).toBeUndefined();
        expect(ignoredProxyNote("registry.example", { HTTP_PROXY: "http://proxy.example" })).toBeUndefined();
    });

    test("that of the environment, in upper and lower case, with its account, if it is asked for", () => {
        const account = { username: "user", password: "p@ss" };
        const settings = { url: "environment" };
        const expected = { origin: "http://proxy.example:3128", credentials: account };
        expect(proxyFor(settings, target, env)).toEqual(expected);
        const lower = { https_proxy: "proxy.example:3128", no_proxy: "internal.example" };
        expect(proxyFor(settings, target, lower)).toEqual({ origin: "http://proxy.example:3128" });
        for (const known of [env, lower])
            expect(proxyFor(settings, { ...target, host: "internal.example" }, known)).toBeUndefined();
        expect(proxyFor(settings, target, {})).toBeUndefined();
        const own = { username: "own", password: "secret" };
        expect(proxyFor({ ...settings, credentials: own }, target, env)).toEqual({ ...expected, credentials: own });
    });

    test("a variable that is not an HTTP proxy is named, without its value", () => {
        for (const value of ["socks5://user:canary@proxy", "http://user:canary@:x"]) {
            const read = () => proxyFor({ url: "environment" }, target, { HTTPS_PROXY: value });
            expect(read).toThrow("HTTPS_PROXY in the environment is not the URL of an HTTP proxy");
            expect(read).not.toThrow("canary");
        }
    });

    test("the configured one goes before NO_PROXY", () => {
        const settings = { url: "https://proxy.example" };
        expect(proxyFor(settings, { host: "internal.example", port: 443 }, env)).toEqual({ origin: settings.url });
    });
});

describe("a registry whose name only the proxy knows", () => {
    const NAME = "registry.corp.internal:8443";
    let authority: TestAuthority;
    let registry: RegistryProcess;
    let proxy: ConnectProxy;

    beforeAll(async () => {
        authority = await testAuthority();
        const tls = await authority.issue({ names: ["registry.corp.internal"] });
        registry = await RegistryProcess.start({ tls });
        proxy = await ConnectProxy.start({ [NAME]: registry.port });
    });
    afterAll(async () => {
        await proxy.stop();
        await registry.stop();
    });
    beforeEach(() => {
        proxy.refuse = () => undefined;
        proxy.connects.length = 0;
    });

    async function ping(settings: Partial<ProxySettings> = {}, ca = authority.ca): Promise<number> {
        const client = new RegistryClient({
            endpoint: { host: NAME, ca, proxy: { url: proxy.url, ...settings } },
            retry: { seconds: 0, firstDelay: 1, longestDelay: 1 },
        });
        try {
            return await client.ping();
        } finally {
            await client.close();
        }
    }

    test("is reached through the tunnel, its certificate verified for its own name", async () => {
        expect(await ping()).toBe(200);
        expect(proxy.connects).toEqual([{ target: NAME, authorization: undefined }]);
        await expect(ping({}, (await testAuthority()).ca)).rejects.toMatchObject({ code: "TLS" });
    });

    test("is reached through a proxy with TLS, and with an account of the proxy", async () => {
        const secure = await ConnectProxy.start({ [NAME]: registry.port }, await authority.issue());
        try {
            expect(await ping({ url: secure.url, credentials: { username: "mirror", password: "canary" } })).toBe(200);
            const basic = Buffer.from("mirror:canary").toString("base64");
            expect(secure.connects).toEqual([{ target: NAME, authorization: `Basic ${basic}` }]);
        } finally {
            await secure.stop();
        }
    });

    test("is asked for its certificate through the proxy too", async () => {
        const endpoint = { host: NAME, ca: authority.ca, proxy: { url: proxy.url } };
        const later = new Date(Date.now() + 350 * 24 * 3600 * 1000);
        expect(await certificateNotes(endpoint, later)).toEqual([expect.stringContaining("TLS certificate ends on")]);
        expect(proxy.targets).toEqual([NAME]);
    });

    test("a proxy that asks for an account, or rejects it", async () => {
        proxy.refuse = () =>
            'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="p"\r\n\r\n';
        await expect(ping()).rejects.toMatchObject({
            code: "PROXY_REJECTED",
            status: undefined,
            problem: `the proxy ${proxy.url} asks for an account to connect to ${NAME}`,
            fix: expect.stringContaining("set proxyUsername and the secret proxyPassword") as string,
        });
        const failure: unknown = await ping({ credentials: { username: "mirror", password: "canary" } }).catch(
            (error: unknown) => error,
        );
        expect(failure).toMatchObject({
            problem: `the proxy ${proxy.url} rejected the account mirror to connect to ${NAME}`,
        });
        expect(JSON.stringify(failure)).not.toContain("canary");
    });

    test("a proxy that does not allow the port, and one with a login page, are quoted", async () => {
        proxy.refuse = () => "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
        await expect(ping()).rejects.toMatchObject({
            code: "PROXY_REJECTED",
            problem: `the proxy ${proxy.url} did not connect to ${NAME}: it responded 403`,
            fix: expect.stringContaining(`allow CONNECT to ${NAME}`) as string,
        });
        const page = `<html><head><title>Please log in</title></head>${"x".repeat(5000)}</html>`;
        proxy.refuse = () => `HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: ${page.length}\r\n\r\n${page}`;
        await expect(ping()).rejects.toMatchObject({
            problem: `the proxy ${proxy.url} did not connect to ${NAME}: it responded 302 and an HTML page, "Please log in"`,
        });
    });

    test("a proxy that does not reach the registry, or is down, is a lost connection: both are tried again", async () => {
        proxy.refuse = () => "HTTP/1.1 503 Service Unavailable\r\n\r\n";
        await expect(ping()).rejects.toMatchObject({
            code: "NETWORK",
            problem: expect.stringContaining("503") as string,
        });
        const gone = await ConnectProxy.start({});
        await gone.stop();
        const url = "http://localhost:1";
        await expect(ping({ url })).rejects.toMatchObject({
            code: "NETWORK",
            problem: `no connection to the proxy ${url}, which ${NAME} is reached through (ECONNREFUSED)`,
        });
    });

    test("what is no proxy", async () => {
        await expect(ping({ url: `https://localhost:${new URL(proxy.url).port}` })).rejects.toMatchObject({
            code: "PROXY_FAILED",
            fix: expect.stringContaining("write http:// in site.registry.proxy") as string,
        });
    });
});
