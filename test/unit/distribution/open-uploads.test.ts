import { setImmediate } from "node:timers/promises";
import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { computeDigest } from "../../../lib/oci/digest";
import { type Reply, ScriptedServer } from "../../support/http-server";

const PATH = "/v2/a/b/blobs/uploads/1";
const servers: ScriptedServer[] = [];
const clients: RegistryClient[] = [];

afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    for (const server of servers.splice(0)) await server.stop();
});

/** A registry with these responses, by method and in their order; the last one is given again. */
async function registry(replies: Readonly<Record<string, readonly Reply[]>>) {
    const given = new Map<string, number>();
    const server = await ScriptedServer.start(({ method }) => {
        const at = given.get(method) ?? 0;
        given.set(method, at + 1);
        const known = replies[method] ?? [];
        return known[Math.min(at, known.length - 1)] ?? { status: 405 };
    });
    servers.push(server);
    const endpoint = { host: server.host, plainHttp: true };
    const client = new RegistryClient({ endpoint, retry: { seconds: 5, firstDelay: 1, longestDelay: 2 } });
    clients.push(client);
    const location = new URL(`http://${server.host}${PATH}?_state=begun`);
    const asked = () => server.seen.map(({ method, url }) => `${method} ${url}`);
    return { uploads: client.uploads, location, asked, server };
}

const got = (range: string): Reply => ({ status: 204, headers: { location: `${PATH}?_state=${range}`, range } });

test("an upload goes on where it is when no more bytes arrive", async () => {
    const { uploads, location, asked } = await registry({ GET: [got("0-4"), got("0-8"), got("0-8")] });
    const status = await uploads.status("a/b", location);
    expect(status?.offset).toBe(9);
    expect(status?.location.search).toBe("?_state=0-8");
    // The state of before the bytes were sent would be refused.
    expect(asked()).toEqual([`GET ${PATH}`, `GET ${PATH}`, `GET ${PATH}`]);
});

test("what a proxy says while the registry is started again is not about the upload", async () => {
    const { uploads, location } = await registry({ GET: [{ status: 502 }, { status: 503 }, got("0-4")] });
    expect((await uploads.status("a/b", location))?.offset).toBe(5);
});

test.each<[string, Reply]>([
    ["is unknown", { status: 404 }],
    ["is known, without a place to go on at (Quay)", { status: 204, headers: { range: "bytes=0-5" } }],
])("there is no status of an upload that %s", async (_what, reply) => {
    const { uploads, location } = await registry({ GET: [reply] });
    expect(await uploads.status("a/b", location)).toBeUndefined();
});

test('"0-0" is nothing: registries say it of no byte and of one', async () => {
    const { uploads, location } = await registry({ GET: [got("0-0")] });
    expect((await uploads.status("a/b", location))?.offset).toBe(0);
});

test("an upload of an earlier run is given up at the place where it goes on", async () => {
    const { uploads, location, asked } = await registry({ GET: [got("0-4")], DELETE: [{ status: 204 }] });
    expect(await uploads.abandon("a/b", location)).toBe(true);
    expect(asked()).toEqual([`GET ${PATH}`, `DELETE ${PATH}?_state=0-4`]);
});

test("distribution 2.8, which says nothing without its state, is asked to end it by the state of its begin", async () => {
    const { uploads, location, asked } = await registry({ GET: [{ status: 404 }], DELETE: [{ status: 404 }] });
    expect(await uploads.abandon("a/b", location)).toBe(true);
    expect(asked()).toEqual([`GET ${PATH}`, `DELETE ${PATH}?_state=begun`]);
});

test.each([401, 403, 429, 503])("an upload whose end is answered with %d may still be there", async (status) => {
    const { uploads, location } = await registry({ GET: [got("0-4")], DELETE: [{ status }] });
    expect(await uploads.cancel("a/b", location)).toBe(false);
    expect(await uploads.abandon("a/b", location)).toBe(false);
});

test("a registry that was restarted with another key for its states is asked for the place first", async () => {
    const { uploads, location, asked } = await registry({
        GET: [got("0-4")],
        DELETE: [{ status: 404 }, { status: 204 }],
    });
    expect(await uploads.cancel("a/b", location)).toBe(true);
    expect(asked()).toEqual([`DELETE ${PATH}?_state=begun`, `GET ${PATH}`, `DELETE ${PATH}?_state=0-4`]);
});

test("no connection is in use while what the registry has of a blob is read: it would be closed as an idle one", async () => {
    const { uploads, location, server } = await registry({ PUT: [{ status: 201 }] });
    const connections: number[] = [];
    const body = async function* () {
        await setImmediate();
        connections.push(server.connections);
        yield Buffer.from("the rest");
    };
    const digest = computeDigest(Buffer.from("all of it"));
    await uploads.put("a/b", digest, location, 20, body, { offset: 12 });
    expect(connections).toEqual([0]);
    expect(server.seen.map(({ method, body: sent }) => `${method} ${sent.toString()}`)).toEqual(["PUT the rest"]);
});
