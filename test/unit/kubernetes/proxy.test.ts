import { connectCluster } from "../../../lib/kubernetes/connect";
import { type ServerCertificate, type TestAuthority, testAuthority } from "../../support/certificates";
import { ConnectProxy } from "../../support/connect-proxy";
import { ScriptedServer } from "../../support/http-server";
import { clusterEntry, kubeconfigText } from "../../support/kubeconfig";
import { SocksProxy } from "../../support/socks-proxy";

const MAPS = { apiVersion: "v1", resource: "configmaps", namespace: "n" };
const MAP = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "ca" } };
/** A name that only the proxies know. */
const API = "api.lab.test:6443";
const ONCE = { retry: { seconds: 0, firstDelay: 1, longestDelay: 1 } };

let authority: TestAuthority;
let certificate: ServerCertificate;
let server: ScriptedServer;
let port = 0;
const open: { stop: () => Promise<void> }[] = [];

beforeAll(async () => {
    authority = await testAuthority();
    certificate = await authority.issue({ names: ["api.lab.test", "localhost"] });
    server = await ScriptedServer.start(() => ({ status: 200, body: JSON.stringify(MAP) }), certificate);
    port = Number(new URL(server.origin).port);
});
afterAll(() => server.stop());
afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.stop()));
});

async function getThrough(proxyUrl: string): Promise<unknown> {
    const cluster = { ...clusterEntry({ origin: `https://${API}` }, authority.ca), "proxy-url": proxyUrl };
    const client = await connectCluster({ kubeconfig: kubeconfigText(cluster, { token: "t" }), limits: ONCE });
    try {
        return await client.get(MAPS, "ca");
    } finally {
        await client.close();
    }
}

test.each([false, true])("HTTP CONNECT with an account, TLS to the proxy: %s", async (tls) => {
    const proxy = await ConnectProxy.start({ [API]: port }, tls ? certificate : undefined);
    open.push(proxy);
    await expect(getThrough(proxy.url.replace("://", "://user:p%40ss@"))).resolves.toEqual(MAP);
    const authorization = `Basic ${Buffer.from("user:p@ss").toString("base64")}`;
    expect(proxy.connects).toEqual([{ target: API, authorization }]);
});

test("a proxy that refuses, one that knows no such host, and none", async () => {
    const proxy = await ConnectProxy.start({});
    open.push(proxy);
    await expect(getThrough(proxy.url)).rejects.toMatchObject({
        code: "CLUSTER_UNREACHABLE",
        problem: expect.stringMatching(
            /^the proxy http:\/\/localhost:\d+ cannot be used: it responded 502 to CONNECT$/,
        ),
    });
    await expect(getThrough(server.origin.replace("https:", "http:"))).rejects.toMatchObject({
        code: "CLUSTER_UNREACHABLE",
    });
    await expect(getThrough("http://user:canary@localhost:1")).rejects.toMatchObject({
        problem: expect.stringMatching(/^the proxy http:\/\/localhost:1 cannot be used: .*ECONNREFUSED/),
    });
});

test.each([undefined, "user:p@ss"])("SOCKS5, account: %s", async (account) => {
    const proxy = await SocksProxy.start({ [API]: port }, account);
    open.push(proxy);
    const login = account === undefined ? "" : "user:p%40ss@";
    await expect(getThrough(`socks5://${login}${proxy.host}`)).resolves.toEqual(MAP);
    expect(proxy.targets).toEqual([API]);
});

test.each([
    ["an unknown host", "", undefined, /the host is unreachable$/],
    ["no account", "", "user:pass", /it asks for an account$/],
    ["a wrong account", "user:wrong@", "user:pass", /it rejected the account$/],
])("SOCKS5 with %s", async (_, login, account, problem) => {
    const proxy = await SocksProxy.start({}, account);
    open.push(proxy);
    await expect(getThrough(`socks5://${login}${proxy.host}`)).rejects.toMatchObject({
        code: "CLUSTER_UNREACHABLE",
        problem: expect.stringMatching(problem),
    });
});

test("a SOCKS5 proxy that is none", async () => {
    const proxy = await ConnectProxy.start({});
    open.push(proxy);
    await expect(getThrough(proxy.url.replace("http:", "socks5:"))).rejects.toMatchObject({
        code: "CLUSTER_UNREACHABLE",
        problem: expect.stringMatching(/cannot be used: it does not speak SOCKS5$/),
    });
});
