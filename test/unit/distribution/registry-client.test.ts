import { computeDigest } from "../../../lib/oci/digest";
import { parseManifest } from "../../../lib/oci/manifest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../../lib/oci/media-types";
import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { testAuthority } from "../../support/certificates";
import { type Reply, ScriptedServer, type Seen } from "../../support/http-server";

const CREDENTIALS = { username: "pusher", password: "canary-77aa" };
const BASIC = `Basic ${Buffer.from("pusher:canary-77aa").toString("base64")}`;
const RETRY = { seconds: 5, firstDelay: 1, longestDelay: 2 };
const MANIFEST = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE_OCI_MANIFEST, layers: [] }));
const DIGEST = computeDigest(MANIFEST);
const servers: ScriptedServer[] = [];
const clients: RegistryClient[] = [];

afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    for (const server of servers.splice(0)) await server.stop();
});

async function serve(answer: (request: Seen, count: number) => Reply): Promise<ScriptedServer> {
    const server = await ScriptedServer.start(answer);
    servers.push(server);
    return server;
}

function makeClient(server: ScriptedServer, retry = RETRY, signal?: AbortSignal): RegistryClient {
    const endpoint = { host: server.host, plainHttp: true };
    const client = new RegistryClient({ endpoint, credentials: CREDENTIALS, retry, ...(signal ? { signal } : {}) });
    clients.push(client);
    return client;
}

const head = (digest = DIGEST): Reply => ({ status: 200, headers: { "docker-content-digest": digest } });
const error = (status: number, code: string, message = "no"): Reply => ({
    status,
    body: JSON.stringify({ errors: [{ code, message }] }),
});

test("Basic is sent only once it is asked for, and then from the start", async () => {
    const server = await serve(({ authorization }) =>
        authorization === BASIC ? head() : { status: 401, headers: { "www-authenticate": 'basic realm="a, b"' } },
    );
    const client = makeClient(server);
    expect(await client.manifestHead("a/b", "1")).toBe(DIGEST);
    expect(await client.manifestHead("a/b", "1")).toBe(DIGEST);
    expect(server.seen.map(({ authorization }) => authorization)).toEqual([undefined, BASIC, BASIC]);
});

/** A registry with tokens: each token works `uses` times. */
async function tokenRegistry(uses: number, token: (count: number) => object) {
    let granted = 0;
    let left = 0;
    const server: ScriptedServer = await serve(({ url, authorization }) => {
        if (url.startsWith("/token")) {
            granted++;
            left = uses;
            return { status: 200, body: JSON.stringify(token(granted)) };
        }
        if (authorization === `Bearer t${granted}` && left-- > 0) return head();
        const challenge = `Bearer realm="${server.origin}/token",service="the registry",scope="ignored"`;
        return { status: 401, headers: { "www-authenticate": challenge } };
    });
    return server;
}

test("a token is fetched for the repository and the action, with the account, and used until it ends", async () => {
    const server = await tokenRegistry(99, (count) => ({ token: `t${count}`, access_token: "", expires_in: 300 }));
    const client = makeClient(server);
    await client.manifestHead("a/b", "1");
    await client.manifestHead("a/b", "2");
    const asked = server.seen.filter(({ url }) => url.startsWith("/token"));
    expect(asked).toHaveLength(1);
    expect(asked[0]?.authorization).toBe(BASIC);
    expect(new URL(asked[0]?.url ?? "", server.origin).searchParams.getAll("scope")).toEqual(["repository:a/b:pull"]);
});

test("a token that ended early is renewed on the 401; one that is refused again is an error", async () => {
    const server = await tokenRegistry(1, (count) => ({ access_token: `t${count}` }));
    const client = makeClient(server);
    expect(await client.manifestHead("a/b", "1")).toBe(DIGEST);
    expect(await client.manifestHead("a/b", "1")).toBe(DIGEST);
    const never = await tokenRegistry(0, (count) => ({ token: `t${count}` }));
    await expect(makeClient(never).manifestHead("a/b", "1")).rejects.toMatchObject({
        code: "UNAUTHORIZED",
        status: 401,
    });
});

test("a mount asks for the right to read where it mounts from", async () => {
    const server: ScriptedServer = await serve(({ url, authorization }) => {
        if (url.startsWith("/token")) return { status: 200, body: '{"token":"t"}' };
        if (authorization === undefined) {
            return { status: 401, headers: { "www-authenticate": `Bearer realm="${server.origin}/token"` } };
        }
        return { status: 201 };
    });
    expect(await makeClient(server).uploads.start("to/app", DIGEST, "from/app")).toEqual({ mounted: true });
    const token = server.seen.find(({ url }) => url.startsWith("/token"));
    expect(new URL(token?.url ?? "", server.origin).searchParams.getAll("scope")).toEqual([
        "repository:to/app:pull,push",
        "repository:from/app:pull",
    ]);
});

test("credentials do not follow a redirect to another origin", async () => {
    const store = await serve(() => ({ status: 200, body: "bytes" }));
    const server = await serve(({ authorization }) =>
        authorization === undefined
            ? { status: 401, headers: { "www-authenticate": "Basic" } }
            : { status: 307, headers: { location: `${store.origin}/blob?signed=1` } },
    );
    const stream = await makeClient(server).blobGet("a/b", DIGEST);
    const chunks: Buffer[] = [];
    for await (const chunk of stream ?? []) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe("bytes");
    expect(store.seen.map(({ authorization }) => authorization)).toEqual([undefined]);
});

test.each([
    ["busy, with seconds", { ...error(429, "TOOMANYREQUESTS"), headers: { "retry-after": "0" } }],
    [
        "busy, with a date",
        { ...error(429, "TOOMANYREQUESTS"), headers: { "retry-after": "Mon, 01 Jan 2024 00:00:00 GMT" } },
    ],
    ["down for a moment", { status: 503, body: "<html>Service Unavailable</html>" }],
    ["cut off before an answer", { status: 200, cutAfter: 0 }],
    ["cut off in the middle of one", { status: 200, body: MANIFEST, cutAfter: 10 }],
])("a registry that is %s is asked again", async (_, fault: Reply) => {
    const server = await serve((_request, count) => (count <= 2 ? fault : { status: 200, body: MANIFEST }));
    expect((await makeClient(server).manifestGet("a/b", DIGEST))?.digest).toBe(DIGEST);
    expect(server.seen).toHaveLength(3);
});

test.each([
    [403, "DENIED", "give the account the right it lacks, or more quota"],
    [413, "CONTENT_TOO_LARGE", "raise the largest body"],
    [400, "MANIFEST_INVALID", ""],
])("%d is final: said once, with code and cure", async (status, code, fix) => {
    const server = await serve(() => (status === 413 ? { status, body: "<html>" } : error(status, code)));
    const manifest = parseManifest(MANIFEST);
    const failure: Error = await makeClient(server)
        .manifestPut("a/b", "1", manifest)
        .then(() => new Error("it did not fail"))
        .catch((caught: Error) => caught);
    expect(failure).toMatchObject({ code, status });
    expect(failure.message).toContain("PUT a/b/manifests/1");
    expect(failure.message).toContain(fix);
    expect(failure.message).not.toContain(CREDENTIALS.password);
    expect(server.seen).toHaveLength(1);
});

test("bytes that are not what their digest says are refused; without a digest header they are hashed", async () => {
    const other = Buffer.from(MANIFEST.toString().replace("[]", "[ ]"));
    const server = await serve(({ method, url }) => ({
        status: 200,
        body: url.endsWith("tagged") && method === "GET" ? MANIFEST : other,
    }));
    const client = makeClient(server);
    await expect(client.manifestGet("a/b", DIGEST)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    expect(await client.manifestHead("a/b", "tagged")).toBe(DIGEST);
});

test("an upload goes where the registry says, with the digest beside what the place already carries", async () => {
    const server = await serve(({ method }) =>
        method === "POST"
            ? { status: 202, headers: { location: "/elsewhere/uploads/7?_state=x%2By" } }
            : { status: 201 },
    );
    const client = makeClient(server);
    const begun = await client.uploads.start("a/b", DIGEST);
    if (begun.mounted) throw new Error("nothing was to be mounted");
    async function* body() {
        yield MANIFEST;
    }
    await client.uploads.put("a/b", DIGEST, begun.location, MANIFEST.length, body);
    const put = server.seen.find(({ method }) => method === "PUT");
    const url = new URL(put?.url ?? "", server.origin);
    expect([url.pathname, url.searchParams.get("_state"), url.searchParams.get("digest")]).toEqual([
        "/elsewhere/uploads/7",
        "x+y",
        DIGEST,
    ]);
    expect(put?.body).toEqual(MANIFEST);
});

test("an abort ends what is under way with its reason", async () => {
    const abort = new AbortController();
    const server = await serve(() => {
        abort.abort(new Error("enough"));
        return { status: 503 };
    });
    await expect(makeClient(server, RETRY, abort.signal).manifestHead("a/b", "1")).rejects.toThrow("enough");
});

test("plain HTTP is refused off loopback; a certificate is trusted only through its CA", async () => {
    expect(() => new RegistryClient({ endpoint: { host: "registry.example", plainHttp: true } })).toThrow(/loopback/);
    const authority = await testAuthority();
    const server = await ScriptedServer.start(() => head(), await authority.issue());
    servers.push(server);
    const trusting = new RegistryClient({ endpoint: { host: server.host, ca: authority.ca }, retry: RETRY });
    const stranger = new RegistryClient({ endpoint: { host: server.host }, retry: RETRY });
    clients.push(trusting, stranger);
    expect(await trusting.manifestHead("a/b", "1")).toBe(DIGEST);
    await expect(stranger.manifestHead("a/b", "1")).rejects.toMatchObject({ code: "TLS" });
});

test("requests that wait for one token share it, also when many are refused with the one before", async () => {
    let granted = 0;
    const server: ScriptedServer = await serve(({ url, authorization }) => {
        if (url.startsWith("/token")) return { status: 200, body: JSON.stringify({ token: `t${++granted}` }) };
        if (authorization === `Bearer t${granted}` && granted > 1) return head();
        return { status: 401, headers: { "www-authenticate": `Bearer realm="${server.origin}/token"` } };
    });
    const client = makeClient(server);
    await expect(client.manifestHead("a/b", "0")).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    const tags = Array.from({ length: 8 }, (_, i) => String(i));
    await Promise.all(tags.map((tag) => client.manifestHead("a/b", tag)));
    expect(granted).toBe(2);
});

test("a locked database passes, whatever its status", async () => {
    const server = await serve((_request, count) =>
        count === 1
            ? { status: 400, body: '{"error": "(sqlite3.OperationalError) database is locked"}' }
            : { status: 201 },
    );
    const client = makeClient(server);
    const waits: unknown[] = [];
    const stop = client.onWait((wait) => waits.push(wait));
    await client.manifestPut("a/b", "1", parseManifest(MANIFEST));
    stop();
    expect(server.seen).toHaveLength(2);
    expect(waits).toEqual([
        {
            problem: {
                code: "DATABASE_LOCKED",
                status: 400,
                place: { registry: server.host },
                operation: "PUT a/b/manifests/1",
                problem: "the registry's database is locked",
            },
            seconds: expect.any(Number) as number,
            requests: 1,
        },
    ]);
});

test("tags are read page by page, by what the registry names as the next one", async () => {
    const server: ScriptedServer = await serve(({ url }) => {
        const last = new URL(url, server.origin).searchParams.get("last");
        const link = { link: `<${server.origin}/v2/a/b/tags/list?last=2&n=2>; rel="next"` };
        return last === null
            ? { status: 200, headers: link, body: '{"name":"a/b","tags":["1","2"]}' }
            : { status: 200, body: '{"name":"a/b","tags":["3"]}' };
    });
    expect(await makeClient(server).tagList("a/b")).toEqual(["1", "2", "3"]);
    expect(server.seen.map(({ url }) => url)).toEqual(["/v2/a/b/tags/list?n=1000", "/v2/a/b/tags/list?last=2&n=2"]);
    const link = { link: '</v2/a/b/tags/list?last=1>; rel="next"' };
    const endless = await serve(() => ({ status: 200, headers: link, body: '{"name":"a/b","tags":["1"]}' }));
    await expect(makeClient(endless).tagList("a/b")).rejects.toMatchObject({ code: "UNEXPECTED_RESPONSE" });
    expect(endless.seen).toHaveLength(2);
    const long = JSON.stringify({ name: "a/b", tags: Array.from({ length: 200_000 }, (_, at) => `t${at}`) });
    const unpaged = await serve(() => ({ status: 200, body: long }));
    expect(await makeClient(unpaged).tagList("a/b")).toHaveLength(200_000);
    const distinct = Array.from({ length: 2_000_001 }, (_, index) => index.toString(36));
    const huge = await serve(() => ({ status: 200, body: JSON.stringify({ tags: distinct }) }));
    await expect(makeClient(huge).tagList("a/b")).rejects.toMatchObject({
        problem: "it has more than 2000000 tags, which is more than this program reads",
        thing: "repository a/b",
        fix: expect.stringMatching(/^delete tags of it/) as string,
    });
    const gone = await serve(() => error(404, "NAME_UNKNOWN"));
    expect(await makeClient(gone).tagList("a/b")).toBeUndefined();
    const empty = await serve(() => ({ status: 200, body: '{"name":"a/b","tags":null}' }));
    expect(await makeClient(empty).tagList("a/b")).toEqual([]);
});

test("a deletion asks for the right to delete; where that scope is not known, the one to push does", async () => {
    const server: ScriptedServer = await serve(({ method, url, authorization }) => {
        if (url.startsWith("/token")) {
            if (url.includes("delete")) return error(400, "INVALID_REQUEST", "Unable to decode repository and actions");
            return { status: 200, body: '{"token":"t"}' };
        }
        if (authorization !== undefined) return { status: method === "DELETE" ? 202 : 200 };
        return { status: 401, headers: { "www-authenticate": `Bearer realm="${server.origin}/token"` } };
    });
    await makeClient(server).manifestDelete("a/b", DIGEST);
    const scopes = server.seen
        .filter(({ url }) => url.startsWith("/token"))
        .map(({ url }) => new URL(url, server.origin).searchParams.get("scope"));
    expect(scopes).toEqual(["repository:a/b:pull,push,delete", "repository:a/b:pull,push"]);
    expect(server.seen.at(-1)).toMatchObject({ method: "DELETE", authorization: "Bearer t" });
});

test("what refers to a manifest is read where there is such an API, and nothing is made up elsewhere", async () => {
    const index = { schemaVersion: 2, manifests: [{ mediaType: MEDIA_TYPE_OCI_MANIFEST, digest: DIGEST, size: 3 }] };
    const server = await serve(() => ({ status: 200, body: JSON.stringify(index) }));
    expect(await makeClient(server).referrers("a/b", DIGEST)).toEqual([DIGEST]);
    const without = await serve(() => ({
        status: 404,
        headers: { "docker-distribution-api-version": "registry/2.0", "content-type": "text/plain; charset=utf-8" },
        body: "404 page not found",
    }));
    expect(await makeClient(without).referrers("a/b", DIGEST)).toBeUndefined();
    const stranger = await serve(() => ({
        status: 404,
        headers: { "content-type": "text/html" },
        body: "<html>404 Not Found</html>",
    }));
    await expect(makeClient(stranger).referrers("a/b", DIGEST)).rejects.toMatchObject({ code: "UNEXPECTED_RESPONSE" });
    const down = await serve(() => error(403, "DENIED"));
    await expect(makeClient(down).referrers("a/b", DIGEST)).rejects.toMatchObject({ code: "DENIED" });
});
