import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, type Server, createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TlsOptions, createServer as createTlsServer } from "node:tls";
import { type IssueOptions, type TestAuthority, testAuthority } from "../support/certificates";
import { clusterEntry, kubeconfigText } from "../support/kubeconfig";
import { passthrough } from "../support/passthrough-cli";
import { RecordingServer } from "../support/recording-server";
import { inEnvironment } from "../support/unverified-process";

/*
 * What the environment may do to a connection (docs/security.md, "The environment"): nothing. The connecting process is one
 * of its own, with the variable set.
 */

let folder: string;
let authority: TestAuthority;
let server: RecordingServer;

beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "environment "));
    authority = await testAuthority();
    writeFileSync(join(folder, "ca.pem"), authority.ca);
    const lax = "openssl_conf = a\nnodejs_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n";
    writeFileSync(join(folder, "openssl.cnf"), `${lax}MinProtocol = TLSv1\nCipherString = DEFAULT@SECLEVEL=0\n`);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => server.stop());

async function start(certificate: IssueOptions = {}, options: TlsOptions = {}): Promise<void> {
    server = await RecordingServer.start(await authority.issue(certificate), options);
}

/** `GET /v2/` as every module does it; gives "connected" or the error's code. */
function ours(env: NodeJS.ProcessEnv, trust: { ca?: string } = { ca: authority.ca }): Promise<unknown> {
    const body = `
        const { RegistryClient } = lib("distribution/client/registry-client");
        const client = new RegistryClient({ endpoint: input, retry: { seconds: 1, firstDelay: 1, longestDelay: 1 } });
        await client.ping();
        return "connected";`;
    return inEnvironment(env, body, { host: server.host, ...trust });
}

/** A connection that only verifies the certificate, as other programs make it. */
function others(env: NodeJS.ProcessEnv, trust: { ca?: string } = { ca: authority.ca }): Promise<unknown> {
    const body = `
        const socket = require("node:tls").connect({ host: "127.0.0.1", servername: "localhost", ...input });
        await require("node:events").once(socket, "secureConnect");
        return "connected";`;
    return inEnvironment(env, body, { port: server.port, ...trust });
}

const LAX = { NODE_OPTIONS: "--tls-min-v1.0 --tls-cipher-list=DEFAULT@SECLEVEL=0" };
const openssl = (): NodeJS.ProcessEnv => ({
    NODE_OPTIONS: `${LAX.NODE_OPTIONS} --openssl-shared-config`,
    OPENSSL_CONF: join(folder, "openssl.cnf"),
});

test.each<[what: string, certificate: IssueOptions, options: TlsOptions]>([
    ["TLS 1.1", {}, { minVersion: "TLSv1", maxVersion: "TLSv1.1" }],
    ["a certificate with a SHA-1 signature", { hash: "SHA-1" }, {}],
    ["an RSA key of 1024 bits", { rsaBits: 1024 }, {}],
    ["a cipher without forward secrecy", { rsaBits: 2048 }, { ciphers: "AES128-GCM-SHA256", maxVersion: "TLSv1.2" }],
])("%s is refused, whatever NODE_OPTIONS and OPENSSL_CONF allow", async (_, certificate, options) => {
    await start(certificate, options);
    // Else this test would prove nothing.
    expect(await others(LAX)).toBe("connected");
    expect(await ours(LAX)).toBe("TLS");
    expect(await ours(openssl())).toBe("TLS");
    expect(server.received).toBe("");
});

test("only site.registry.ca adds a CA", async () => {
    await start();
    const ca = join(folder, "ca.pem");
    expect(await others({ NODE_EXTRA_CA_CERTS: ca }, {})).toBe("connected");
    const trusting: NodeJS.ProcessEnv[] = [
        { NODE_EXTRA_CA_CERTS: ca },
        { NODE_OPTIONS: "--use-openssl-ca", SSL_CERT_FILE: ca, SSL_CERT_DIR: folder },
    ];
    for (const env of trusting) expect(await ours(env, {})).toBe("TLS");
    expect(server.received).toBe("");
    for (const env of trusting) expect(await ours(env)).toBe("connected");
});

test("proxy variables send no connection to a proxy", async () => {
    await start();
    let connections = 0;
    const proxy: Server = createServer((socket) => {
        connections += 1;
        socket.destroy();
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const names = ["http_proxy", "https_proxy", "all_proxy"].flatMap((name) => [name, name.toUpperCase()]);
    const env = { ...Object.fromEntries(names.map((name) => [name, url])), NODE_USE_ENV_PROXY: "1" };
    try {
        expect(await ours(env)).toBe("connected");
        expect(connections).toBe(0);
    } finally {
        proxy.close();
    }
});

test("SSLKEYLOGFILE and --insecure-http-parser have no effect", async () => {
    await start();
    const keys = join(folder, "keys.log");
    expect(await ours({ SSLKEYLOGFILE: keys, NODE_OPTIONS: "--insecure-http-parser" })).toBe("connected");
    expect(existsSync(keys) ? readFileSync(keys, "utf8") : "").toBe("");
});

test("--insecure-http-parser lets no ambiguous response of a cluster's API through", async () => {
    await start();
    const body = JSON.stringify({ apiVersion: "v1", kind: "Node", metadata: { name: "n" } });
    const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const { certificate, key } = await authority.issue();
    let headers = "transfer-encoding: chunked";
    const api = createTlsServer({ cert: certificate, key }, (socket) => {
        socket.on("error", () => undefined);
        socket.once("data", () => socket.end(`HTTP/1.1 200 OK\r\n${headers}\r\nconnection: close\r\n\r\n${chunk}`));
    }).listen(0, "127.0.0.1");
    await once(api, "listening");
    const origin = `https://localhost:${(api.address() as AddressInfo).port}`;
    const script = `
        const { connectCluster } = lib("kubernetes/connect");
        const limits = { retry: { seconds: 0, firstDelay: 1, longestDelay: 1 } };
        const client = await connectCluster({ kubeconfig: input, limits });
        return (await client.get({ apiVersion: "v1", resource: "nodes" }, "n")).metadata.name;`;
    const kubeconfig = kubeconfigText(clusterEntry({ origin }, authority.ca), { token: "t" });
    const read = () => inEnvironment({ NODE_OPTIONS: "--insecure-http-parser" }, script, kubeconfig);
    try {
        // Else this test would prove nothing.
        expect(await read()).toBe("n");
        headers = `content-length: 5\r\n${headers}`;
        expect(await read()).toBe("CLUSTER_UNREACHABLE");
    } finally {
        api.close();
    }
});

test.each([
    ["TLS: --tls-keylog writes the keys", { NODE_OPTIONS: "--tls-keylog=/dev/null" }],
    ["TLS: --tls-keylog writes the keys", { NODE_OPTIONS: "--tls_keylog=/dev/null" }],
    ["ENVIRONMENT_UNSAFE: NODE_DEBUG prints signed URLs", { NODE_DEBUG: "undici" }],
    ["ENVIRONMENT_UNSAFE: --report-on-fatalerror writes", { NODE_OPTIONS: "--report-on-fatalerror" }],
    ["ENVIRONMENT_UNSAFE: --heapsnapshot-signal writes", { NODE_OPTIONS: "--heapsnapshot-signal=SIGUSR2" }],
    ["ENVIRONMENT_UNSAFE: PULUMI_DEBUG_GRPC records", { PULUMI_DEBUG_GRPC: "/dev/null" }],
])("a command stops with %s: %o", async (message, env) => {
    await start();
    const run = await passthrough(["plan"], { cwd: folder, env });
    expect(run).toMatchObject({ code: 78, out: "" });
    expect(run.error).toContain(`passthrough: ${message}`);
});
