import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { computeDigest } from "../../../lib/oci/digest";
import { RegistryError } from "../../../lib/errors/errors";
import { parseManifest } from "../../../lib/oci/manifest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../../lib/oci/media-types";
import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { RegistrySession } from "../../../lib/distribution/client/registry-session";
import { type ServerCertificate, type TestAuthority, testAuthority } from "../../support/certificates";
import { type Reply, ScriptedServer, type Seen } from "../../support/http-server";

const CREDENTIALS = { username: "pusher", password: "canary-77aa" };
const BASIC = `Basic ${Buffer.from("pusher:canary-77aa").toString("base64")}`;
const RETRY = { seconds: 5, firstDelay: 1, longestDelay: 2 };
const MANIFEST = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE_OCI_MANIFEST, layers: [] }));
const DIGEST = computeDigest(MANIFEST);
const FOUND: Reply = { status: 200, headers: { "docker-content-digest": DIGEST } };
const servers: ScriptedServer[] = [];
const clients: RegistryClient[] = [];
let authority: TestAuthority;
let certificate: ServerCertificate;

beforeAll(async () => {
    authority = await testAuthority();
    certificate = await authority.issue();
});

afterEach(async () => {
    jest.restoreAllMocks();
    for (const client of clients.splice(0)) await client.close();
    for (const server of servers.splice(0)) await server.stop();
});

async function serve(answer: (request: Seen, count: number) => Reply, tls?: ServerCertificate) {
    const server = await ScriptedServer.start(answer, tls);
    servers.push(server);
    return server;
}

/** Trusts the test's CA; speaks plain HTTP to a plain server. */
function makeClient(server: ScriptedServer, seconds = RETRY.seconds): RegistryClient {
    const isPlain = server.origin.startsWith("http:");
    const endpoint = { host: server.host, ...(isPlain ? { plainHttp: true } : { ca: authority.ca }) };
    const client = new RegistryClient({ endpoint, credentials: CREDENTIALS, retry: { ...RETRY, seconds } });
    clients.push(client);
    return client;
}

async function rejection(work: Promise<unknown>): Promise<RegistryError> {
    const failure: unknown = await work.then(() => "it did not fail").catch((error: unknown) => error);
    if (!(failure instanceof RegistryError)) throw new Error(`no RegistryError: ${String(failure)}`);
    expect(failure.message).not.toContain(CREDENTIALS.password);
    expect(failure.message).not.toContain(BASIC);
    return failure;
}

const challenged = (challenge: string): Reply => ({ status: 401, headers: { "www-authenticate": challenge } });

async function* body() {
    yield MANIFEST;
}

test.each([
    ["has expired", { daysLeft: -1 }, "renew the registry's certificate"],
    ["is made for another name", { names: ["registry.example"] }, "use a host name the certificate is made for"],
])("a certificate that %s is refused once, with the cure", async (_, options, fix) => {
    const server = await serve(() => ({ status: 200 }), await authority.issue(options));
    const failure = await rejection(makeClient(server).manifestHead("a/b", "1"));
    expect(failure).toMatchObject({ code: "TLS", operation: "HEAD a/b/manifests/1" });
    expect(failure.message).toContain(
        `TLS at ${server.host}: HEAD a/b/manifests/1: the TLS certificate cannot be trusted`,
    );
    expect(failure.fix).toContain(fix);
});

test("a certificate of a CA that nobody named is refused, with the cure", async () => {
    const stranger = await testAuthority("Another CA");
    const server = await serve(() => ({ status: 200 }), await stranger.issue());
    const failure = await rejection(makeClient(server).manifestHead("a/b", "1"));
    expect(failure).toMatchObject({ code: "TLS" });
    expect(failure.fix).toContain("site.registry.ca");
});

test("a port that does not speak TLS is told as such, not as a bad certificate", async () => {
    const server = await serve(() => ({ status: 200 }));
    const client = new RegistryClient({ endpoint: { host: server.host }, retry: RETRY });
    clients.push(client);
    const failure = await rejection(client.manifestHead("a/b", "1"));
    expect(failure).toMatchObject({ code: "TLS" });
    expect(failure.message).toContain(`TLS at ${server.host}: HEAD a/b/manifests/1: the response is not TLS`);
});

test("a port that speaks another protocol is told as such", async () => {
    const server = createServer((socket) => socket.end("SSH-2.0-OpenSSH_9.6\r\n")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const host = `localhost:${(server.address() as AddressInfo).port}`;
    const client = new RegistryClient({ endpoint: { host, plainHttp: true }, retry: RETRY });
    clients.push(client);
    const failure = await rejection(client.manifestHead("a/b", "1")).finally(() => server.close());
    expect(failure).toMatchObject({ code: "UNEXPECTED_RESPONSE" });
    expect(failure.message).toContain(`at ${host}: HEAD a/b/manifests/1: the response is not HTTP`);
});

test("no read leaves TLS: a redirect to plain HTTP is not followed", async () => {
    const store = await serve(() => ({ status: 200, body: "bytes" }));
    const server = await serve(() => ({ status: 307, headers: { location: `${store.origin}/blob` } }), certificate);
    const failure = await rejection(makeClient(server).blobGet("a/b", DIGEST));
    expect(failure).toMatchObject({ code: "TLS" });
    expect(failure.message).toContain(`the registry names a redirect without TLS: ${store.origin}`);
    expect(store.seen).toEqual([]);
});

test("redirects without end are an error", async () => {
    const server = await serve(() => ({ status: 302, headers: { location: "/again" } }));
    expect(await rejection(makeClient(server).blobGet("a/b", DIGEST))).toMatchObject({ code: "UNEXPECTED_RESPONSE" });
    expect(server.seen).toHaveLength(6);
});

test("no bytes leave TLS: an upload place with plain HTTP is refused, with what is wrong in front of the registry", async () => {
    const plain = await serve(() => ({ status: 201 }));
    const server = await serve(
        () => ({ status: 202, headers: { location: `${plain.origin}/uploads/7` } }),
        certificate,
    );
    const failure = await rejection(makeClient(server).uploads.start("a/b", DIGEST));
    expect(failure).toMatchObject({ code: "TLS", operation: "POST a/b/blobs/uploads/" });
    expect(failure.fix).toContain("X-Forwarded-Proto");
    expect(plain.seen).toEqual([]);
});

test("a token endpoint without TLS gets no password", async () => {
    const tokens = await serve(() => ({ status: 200, body: '{"token":"t"}' }));
    const server = await serve(() => challenged(`Bearer realm="${tokens.origin}/token"`), certificate);
    const failure = await rejection(makeClient(server).manifestHead("a/b", "1"));
    expect(failure).toMatchObject({ code: "TLS" });
    expect(failure.message).toContain(tokens.origin);
    expect(tokens.seen).toEqual([]);
});

test.each([
    ["a token endpoint", { status: 401, headers: { "www-authenticate": 'Bearer realm="http://auth.example/token"' } }],
    ["a redirect", { status: 307, headers: { location: "http://store.example/blob" } }],
])("also without TLS, which is for loopback, %s beyond it is not gone to", async (what, reply) => {
    const server = await serve(() => reply);
    const failure = await rejection(makeClient(server).blobGet("a/b", DIGEST));
    expect(failure).toMatchObject({ code: "TLS" });
    expect(failure.message).toContain(`the registry names ${what} without TLS: http://`);
});

test("whoever a read is redirected to cannot send it back with the account", async () => {
    const store = await serve(() => ({ status: 307, headers: { location: `${server.origin}/api/secrets` } }));
    const server: ScriptedServer = await serve(({ url, authorization }) => {
        if (authorization === undefined) return challenged("Basic");
        return url.includes("/blobs/") ? { status: 307, headers: { location: `${store.origin}/blob` } } : FOUND;
    });
    const client = makeClient(server);
    await client.manifestHead("a/b", "1");
    expect(await rejection(client.blobGet("a/b", DIGEST))).toMatchObject({ status: 401 });
    const back = server.seen.filter(({ url }) => url === "/api/secrets");
    expect(back.map(({ authorization }) => authorization)).toEqual([undefined]);
});

test("a stranger's words are one line, without a terminal's commands and without headers of ours", async () => {
    const message = `no \u001b[2J\r\nline: Basic ${BASIC.slice(6)}, Bearer abcdefgh.ijkl, eyJhbGciOi.eyJzdWIi.c2ln ${"xxx ".repeat(250)}`;
    const body = JSON.stringify({ errors: [{ code: "DENIED\u001b[2J", message }] });
    const server = await serve(() => ({ status: 403, body }));
    const failure = await rejection(makeClient(server).blobGet("a/b", DIGEST));
    expect(failure).toMatchObject({ code: "DENIED" });
    expect(failure.message).toContain(
        "the registry denied this: no [2J line: Basic [secret], Bearer [secret], [secret] xxx",
    );
    expect(failure.message).toMatch(/^[\x20-\x7e…]{500,800}$/);
});

test("where a read is redirected to cannot ask for the account", async () => {
    const store: ScriptedServer = await serve(() => challenged(`Bearer realm="${store.origin}/token"`));
    const server = await serve(({ url, authorization }) => {
        if (authorization === undefined) return challenged("Basic");
        return url.includes("/blobs/") ? { status: 307, headers: { location: `${store.origin}/blob` } } : FOUND;
    });
    const client = makeClient(server);
    await client.manifestHead("a/b", "1");
    expect(await rejection(client.blobGet("a/b", DIGEST))).toMatchObject({ status: 401 });
    expect(store.seen.map(({ url, authorization }) => [url, authorization])).toEqual([["/blob", undefined]]);
});

test("an upload place of another origin gets the bytes and no credentials, whatever it asks for", async () => {
    const store: ScriptedServer = await serve(() => challenged(`Bearer realm="${store.origin}/token"`));
    const server = await serve(({ authorization }) =>
        authorization === undefined
            ? challenged("Basic")
            : { status: 202, headers: { location: `${store.origin}/uploads/7?signed=1` } },
    );
    const client = makeClient(server);
    const begun = await client.uploads.start("a/b", DIGEST);
    if (begun.mounted) throw new Error("nothing was to be mounted");
    await rejection(client.uploads.put("a/b", DIGEST, begun.location, MANIFEST.length, body));
    expect(store.seen[0]?.body).toEqual(MANIFEST);
    expect(store.seen.filter(({ url, authorization }) => authorization || url.startsWith("/token"))).toEqual([]);
});

test("a token is renewed before it ends", async () => {
    let granted = 0;
    const server: ScriptedServer = await serve(({ url, authorization }) => {
        if (url.startsWith("/token")) return { status: 200, body: JSON.stringify({ token: `t${++granted}` }) };
        if (authorization === undefined) return challenged(`Bearer realm="${server.origin}/token"`);
        return FOUND;
    });
    const client = makeClient(server);
    const began = Date.now();
    const clock = jest.spyOn(Date, "now");
    for (const seconds of [0, 50, 58, 70]) {
        clock.mockReturnValue(began + seconds * 1000);
        await client.manifestHead("a/b", "1");
    }
    const used = server.seen.filter(({ url }) => url.startsWith("/v2")).map(({ authorization }) => authorization);
    expect(used).toEqual([undefined, "Bearer t1", "Bearer t1", "Bearer t2", "Bearer t2"]);
});

test.each([
    ["refuses the account", { status: 401, body: '{"errors":[{"code":"UNAUTHORIZED"}]}' }, "UNAUTHORIZED"],
    ["grants what no header can carry", { status: 200, body: '{"token":"a\\r\\nb"}' }, "UNEXPECTED_RESPONSE"],
    ["answers with a page", { status: 200, body: "<html>Sign in</html>" }, "UNEXPECTED_RESPONSE"],
    ["is down", { status: 503, body: "<html>" }, "SERVER_ERROR"],
])("a token endpoint that %s is named in the error", async (_, reply: Reply, code) => {
    const server: ScriptedServer = await serve(({ url }) =>
        url.startsWith("/token") ? reply : challenged(`Bearer realm="${server.origin}/token",service="s"`),
    );
    const failure = await rejection(makeClient(server, 0).manifestHead("a/b", "1"));
    expect(failure).toMatchObject({ code, status: reply.status });
    expect(failure.message).toContain(`GET ${server.origin}/token (token for HEAD a/b/manifests/1)`);
});

test.each([
    ["a realm that is no URL", 401, { "www-authenticate": 'Bearer realm="http://"' }],
    ["a redirect to nowhere", 307, { location: "http://" }],
])("%s is the registry's error", async (_, status, headers) => {
    const server = await serve(() => ({ status, headers }));
    expect(await rejection(makeClient(server).blobGet("a/b", DIGEST))).toMatchObject({ code: "UNEXPECTED_RESPONSE" });
});

test.each([
    ["a page of a proxy", "<html><h1>Bad Gateway</h1></html>"],
    ["JSON that ends too early", '{"errors":[{"code":"UNK'],
    ["an error list without an error", '{"errors":[]}'],
    ["nothing", ""],
])("an error whose body is %s is told by its status", async (_, text) => {
    const server = await serve(() => ({ status: 502, body: text }));
    const failure = await rejection(makeClient(server, 0).blobGet("a/b", DIGEST));
    expect(failure.message).toBe(
        `SERVER_ERROR (502) at ${server.host}: GET a/b/blobs/${DIGEST}: the registry, or a proxy in front of it, failed`,
    );
});

test("a manifest that is cut off by an orderly end is fetched again", async () => {
    const cut: Reply = {
        status: 200,
        headers: { "content-length": String(MANIFEST.length), connection: "close" },
        body: MANIFEST.subarray(0, 10),
    };
    const server = await serve((_, count) => (count === 1 ? cut : { status: 200, body: MANIFEST }));
    expect((await makeClient(server).manifestGet("a/b", "1"))?.digest).toBe(DIGEST);
    expect(server.seen).toHaveLength(2);
});

test("a manifest longer than any may be is not read to its end", async () => {
    const server = await serve(() => ({ status: 200, body: Buffer.alloc(4 * 1024 * 1024 + 1, " ") }));
    await expect(makeClient(server).manifestGet("a/b", "1")).rejects.toThrow(
        "the response is longer than a manifest may be",
    );
});

test("a body is sent from its start on every try; another digest than was put is refused", async () => {
    const server = await serve((_, count) => ({
        status: count === 1 ? 503 : 201,
        headers: { "docker-content-digest": count === 3 ? computeDigest("other") : DIGEST },
    }));
    const client = makeClient(server);
    const manifest = parseManifest(MANIFEST);
    await client.manifestPut("a/b", "1", manifest);
    expect(server.seen.map((request) => request.body)).toEqual([MANIFEST, MANIFEST]);
    expect(await rejection(client.manifestPut("a/b", "1", manifest))).toMatchObject({ code: "DIGEST_MISMATCH" });
});

test("a registry that is not there is NETWORK, with what to check", async () => {
    const server = await ScriptedServer.start(() => ({ status: 200 }));
    const client = makeClient(server, 0);
    const { host } = server;
    await server.stop();
    const failure = await rejection(client.manifestHead("a/b", "1"));
    expect(failure).toMatchObject({ code: "NETWORK", operation: "HEAD a/b/manifests/1" });
    expect(failure.message).toContain(`NETWORK at ${host}: HEAD a/b/manifests/1: no connection (ECONNREFUSED)`);
});

test("a request that waits for the first one to be answered ends by its own signal, and leaves the other alone", async () => {
    let answer!: (reply: Reply) => void;
    const server = await ScriptedServer.start(() => new Promise<Reply>((resolve) => (answer = resolve)));
    servers.push(server);
    const session = new RegistrySession({ host: server.host, plainHttp: true }, CREDENTIALS, 2, RETRY);
    const request = { method: "GET" as const, url: "/v2/", operation: "GET /v2/", scopes: [] };
    const first = session.send(request);
    const over = new AbortController();
    const second = session.send({ ...request, signal: over.signal });
    over.abort(new Error("no time left"));
    await expect(second).rejects.toThrow("no time left");
    while (server.seen.length === 0) await new Promise(setImmediate);
    answer({ status: 200 });
    const response = await first;
    expect(response.status).toBe(200);
    await response.discard();
    expect(server.seen).toHaveLength(1);
    await session.close();
});
