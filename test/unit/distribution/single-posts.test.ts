import { computeDigest } from "../../../lib/oci/digest";
import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { type Reply, ScriptedServer, type Seen } from "../../support/http-server";

const BYTES = Buffer.from("a config");
const DIGEST = computeDigest(BYTES);
const TRIAL = 16 * 1024;
const LARGEST = 1024 * 1024;
const STORED: Reply = { status: 201 };
const FOUND: Reply = { status: 200, headers: { "content-length": String(BYTES.length) } };
const taken = ({ method }: Seen): Reply => (method === "HEAD" ? FOUND : STORED);
const servers: ScriptedServer[] = [];
const clients: RegistryClient[] = [];

// Not after each test: what is known of a host counts for its port, which another server would get.
afterAll(async () => {
    for (const client of clients) await client.close();
    for (const server of servers) await server.stop();
});

async function serve(answer: (request: Seen, count: number) => Reply | Promise<Reply>): Promise<ScriptedServer> {
    const server = await ScriptedServer.start(answer);
    servers.push(server);
    return server;
}

function makeClient({ host }: ScriptedServer, maxBody?: number): RegistryClient {
    const retry = { seconds: 1, firstDelay: 1, longestDelay: 2 };
    const client = new RegistryClient({ endpoint: { host, plainHttp: true }, retry, maxBody });
    clients.push(client);
    return client;
}

const blob = {
    repository: "a/b",
    digest: DIGEST,
    size: BYTES.length,
    body: async function* () {
        yield await Promise.resolve(BYTES);
    },
};

test("201: small blobs are sent so from then on, by every client of the host", async () => {
    const server = await serve(taken);
    const client = makeClient(server);
    expect([TRIAL, TRIAL + 1].map((size) => client.uploads.mayPost(size))).toEqual([true, false]);
    expect(await client.uploads.post(blob)).toEqual({ isStored: true });
    const [seen] = server.seen;
    expect(seen).toMatchObject({ method: "POST", url: `/v2/a/b/blobs/uploads/?digest=${encodeURIComponent(DIGEST)}` });
    expect(seen?.headers).toMatchObject({ "content-length": "8", "content-type": "application/octet-stream" });
    expect(seen?.body).toEqual(BYTES);
    for (const one of [client, makeClient(server)]) {
        expect([LARGEST, LARGEST + 1].map((size) => one.uploads.mayPost(size))).toEqual([true, false]);
    }
    expect(makeClient(server, 4).uploads.mayPost(5)).toBe(false);
});

test("the first 201 of a host is confirmed by a question, and no other one", async () => {
    const server = await serve(taken);
    const { uploads } = makeClient(server);
    for (let at = 0; at < 2; at++) expect(await uploads.post(blob)).toEqual({ isStored: true });
    expect(server.seen.map(({ method, url }) => `${method} ${url.replace(/\?.*/, "")}`)).toEqual([
        "POST /v2/a/b/blobs/uploads/",
        `HEAD /v2/a/b/blobs/${DIGEST}`,
        "POST /v2/a/b/blobs/uploads/",
    ]);
});

test.each([
    ["of another blob", { ...STORED, headers: { "docker-content-digest": computeDigest("another") } }, FOUND],
    ["of a blob that is not there", STORED, { status: 404 }],
    ["of a blob that the account may not ask for", STORED, { status: 403 }],
    ["of a blob with another size", STORED, { status: 200, headers: { "content-length": "7" } }],
    ["by what answers anything", STORED, { status: 200, headers: { "transfer-encoding": "chunked" } }],
])("a 201 %s is no success: it is sent as usual, and no other one so", async (_, posted, asked) => {
    const server = await serve(({ method }) => (method === "HEAD" ? asked : posted));
    const { uploads } = makeClient(server);
    expect(await uploads.post(blob)).toBeUndefined();
    expect(uploads.mayPost(1)).toBe(false);
});

test("a host that is known to take them is not believed a 201 of another blob either", async () => {
    const other = { ...STORED, headers: { "docker-content-digest": computeDigest("another") } };
    const server = await serve((request, count) => (count <= 2 ? taken(request) : other));
    const { uploads } = makeClient(server);
    expect(await uploads.post(blob)).toEqual({ isStored: true });
    expect(await uploads.post(blob)).toBeUndefined();
    expect(uploads.mayPost(1)).toBe(false);
});

test("202: an upload was begun, and no other blob is sent so", async () => {
    const server = await serve(() => ({ status: 202, headers: { location: "/v2/a/b/blobs/uploads/7" } }));
    const client = makeClient(server);
    const outcome = await client.uploads.post(blob);
    expect(outcome).toEqual({ isStored: false, location: new URL("/v2/a/b/blobs/uploads/7", server.origin) });
    expect(await client.uploads.post(blob)).toBeUndefined();
    expect(server.seen).toHaveLength(1);
});

test.each([400, 401, 403, 404, 405, 411, 413, 415])(
    "%d: blobs are sent as usual, and no other one so",
    async (status) => {
        const server = await serve(() => ({ status }));
        const { uploads } = makeClient(server);
        expect(await uploads.post(blob)).toBeUndefined();
        expect(uploads.mayPost(1)).toBe(false);
    },
);

test.each([
    ["429 says nothing of it", { status: 429 }, true],
    ["a locked database says nothing of it", { status: 500, body: "database is locked" }, true],
    ["a server that fails with it is not asked again", { status: 502 }, false],
    ["a connection that is cut is not tried again", { status: 201, cutAfter: 0 }, false],
])("%s; the blob is repeated", async (_, reply, isOpen) => {
    const server = await serve(() => reply);
    const { uploads } = makeClient(server);
    await expect(uploads.post(blob)).rejects.toMatchObject({ registry: server.host });
    expect(uploads.mayPost(1)).toBe(isOpen);
});

test.each([
    ["an account without a right", { status: 403 }, true],
    ["a registry that is full for a moment", { status: 503 }, true],
    ["what does not know this way any more", { status: 405 }, false],
    ["what begins an upload now", { status: 202, headers: { location: "/u/1" } }, false],
])("once a host has taken one: %s", async (_, reply, isOpen) => {
    const server = await serve((request, count) => (count <= 2 ? taken(request) : reply));
    const { uploads } = makeClient(server);
    await uploads.post(blob);
    const outcome = await uploads.post(blob).catch((error: unknown) => error);
    if (reply.status === 503) expect(outcome).toMatchObject({ status: 503 });
    else if (reply.status === 202) expect(outcome).toMatchObject({ isStored: false });
    else expect(outcome).toBeUndefined();
    expect(uploads.mayPost(1)).toBe(isOpen);
});

test("an archive that is torn says nothing of the registry", async () => {
    const server = await serve(taken);
    const { uploads } = makeClient(server);
    const torn = new Error("the archive is torn");
    const body = () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(torn) }) });
    await expect(uploads.post({ ...blob, body })).rejects.toBe(torn);
    expect(uploads.mayPost(1)).toBe(true);
});

test("while one blob finds it out, no other waits for it", async () => {
    let answer!: (reply: Reply) => void;
    const server = await serve((request) =>
        request.method === "HEAD" ? FOUND : new Promise<Reply>((resolve) => (answer = resolve)),
    );
    const { uploads } = makeClient(server);
    const first = uploads.post(blob);
    expect(await uploads.post(blob)).toBeUndefined();
    while (server.seen.length === 0) await new Promise(setImmediate);
    answer(STORED);
    expect(await first).toEqual({ isStored: true });
});

test("a POST that is rejected does not count as bytes that are rejected: the right error comes from the upload itself", async () => {
    const server = await serve(({ headers }) =>
        headers["content-length"] === "0" ? { status: 202, headers: { location: "/u/1" } } : { status: 401 },
    );
    const client = makeClient(server);
    expect(await client.uploads.post(blob)).toBeUndefined();
    const begun = await client.uploads.start("a/b", DIGEST);
    expect(begun).toMatchObject({ mounted: false });
    const put = client.uploads.put("a/b", DIGEST, new URL("/u/1", server.origin), blob.size, blob.body);
    await expect(put).rejects.toMatchObject({ code: "UNAUTHORIZED" });
});
