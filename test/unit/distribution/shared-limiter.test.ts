import { computeDigest } from "../../../lib/oci/digest";
import { parseManifest } from "../../../lib/oci/manifest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../../lib/oci/media-types";
import { RegistryClient, type RegistryClientOptions } from "../../../lib/distribution/client/registry-client";
import { hostLimiter } from "../../../lib/distribution/limits/host-limiter";
import { type Answering, type Reply, ScriptedServer } from "../../support/http-server";

// Every resource of a provider process opens a client of its own: together they are one guest of the registry.

const RETRY = { seconds: 5, firstDelay: 1, longestDelay: 2 };
const MANIFEST = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE_OCI_MANIFEST, layers: [] }));
const DIGEST = computeDigest(MANIFEST);
const FOUND: Reply = { status: 200, headers: { "docker-content-digest": DIGEST } };
const servers: ScriptedServer[] = [];
const clients: RegistryClient[] = [];

afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    for (const server of servers.splice(0)) await server.stop();
});

async function serve(answer: Answering): Promise<ScriptedServer> {
    const server = await ScriptedServer.start(answer);
    servers.push(server);
    return server;
}

function makeClient({ host }: ScriptedServer, options: Partial<RegistryClientOptions> = {}): RegistryClient {
    const client = new RegistryClient({ endpoint: { host, plainHttp: true }, retry: RETRY, ...options });
    clients.push(client);
    return client;
}

test("requests of all clients count as one: together never more than the cap, and as many as that", async () => {
    let inFlight = 0;
    let most = 0;
    const server: ScriptedServer = await serve(async ({ url }) => {
        if (url === "/others") return { status: 200 };
        most = Math.max(most, ++inFlight);
        // Whatever else may be on its way arrives while these go back and forth.
        for (let asked = 0; asked < 10; asked++) await (await fetch(`${server.origin}/others`)).arrayBuffer();
        inFlight--;
        return FOUND;
    });
    const guests = [1, 2].map(() => makeClient(server, { requests: 3 }));
    const questions = guests.flatMap((client) => [1, 2, 3, 4, 5, 6].map((tag) => client.manifestHead("a/b", `${tag}`)));
    expect(await Promise.all(questions)).toEqual(Array(12).fill(DIGEST));
    expect(most).toBe(3);
});

test("each connection says to the host's limiter how far it is", async () => {
    const server = await serve(() => FOUND);
    const opened = jest.spyOn(hostLimiter(server.origin), "opened");
    const client = makeClient(server);
    for (const tag of ["1", "2"]) await client.manifestHead("a/b", tag);
    expect(opened.mock.calls).toEqual(Array(server.connections).fill([expect.any(Number)]));
    expect(server.connections).toBeGreaterThan(0);
});

test("until the first request is answered, no other goes without an account to be rejected", async () => {
    const server = await serve(({ authorization }) =>
        authorization === undefined ? { status: 401, headers: { "www-authenticate": "Basic" } } : FOUND,
    );
    hostLimiter(server.origin).fix(20);
    const client = makeClient(server, { credentials: { username: "pusher", password: "canary-77aa" } });
    const heads = Array.from({ length: 20 }, (_head, tag) => client.manifestHead("a/b", `${tag}`));
    expect(await Promise.all(heads)).toEqual(Array(20).fill(DIGEST));
    expect(server.seen.filter(({ authorization }) => authorization === undefined)).toHaveLength(1);
});

test("what one client was told by Retry-After holds for all", async () => {
    const server = await serve((_request, count) =>
        count === 1 ? { status: 429, headers: { "retry-after": "60" } } : FOUND,
    );
    const told = { code: "TOOMANYREQUESTS", status: 429 };
    await expect(makeClient(server).manifestHead("a/b", "1")).rejects.toMatchObject(told);
    await expect(makeClient(server).manifestHead("a/b", "2")).rejects.toMatchObject({
        ...told,
        message: expect.stringMatching(/: HEAD a\/b\/manifests\/2: not sent: .* in the next (59|60) s/) as string,
    });
    expect(server.seen).toHaveLength(1);
});

test.each<[string, Reply]>([
    ["429", { status: 429 }],
    ["503", { status: 503, body: "<html>Service Unavailable</html>" }],
    ["a locked database", { status: 500, body: '{"error": "(sqlite3.OperationalError) database is locked"}' }],
])("%s without Retry-After: other requests wait with the one that met it, for as long", async (_, busy) => {
    const server = await serve(({ method }, count) =>
        count === 1 ? busy : method === "PUT" ? { status: 201 } : FOUND,
    );
    const one = makeClient(server, { retry: { ...RETRY, firstDelay: 300 } });
    // Says what it would have to wait for, in place of waiting.
    const other = makeClient(server, { retry: { ...RETRY, seconds: 0 } });
    let refused: unknown;
    one.onWait(() => {
        refused = other.manifestHead("a/b", "2").catch((error: unknown) => error);
    });
    await one.manifestPut("a/b", "1", parseManifest(MANIFEST));
    expect(await refused).toMatchObject({
        message: expect.stringContaining("not sent: the registry is busy") as string,
    });
    expect(server.seen.map(({ url }) => url.slice(-1))).toEqual(["1", "1"]);
    expect(await other.manifestHead("a/b", "2")).toBe(DIGEST);
});
