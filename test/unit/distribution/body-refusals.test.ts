import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { ScriptedServer, type Seen } from "../../support/http-server";

/** How many fresh tokens are tried for one request that is rejected. */
const FRESH_TOKENS = 4;
const DIGEST = `sha256:${"5".repeat(64)}`;
const LARGE = 1024 * 1024 + 1;
const SMALL = 10;
const servers: ScriptedServer[] = [];
const clients: RegistryClient[] = [];

afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    for (const server of servers.splice(0)) await server.stop();
});

/** Lets every upload begin, and takes the bytes that `isTaken` likes: by the number of the PUT. */
async function registry(isTaken: (put: number, request: Seen) => boolean, challenge?: string) {
    let granted = 0;
    let puts = 0;
    const server: ScriptedServer = await ScriptedServer.start((request) => {
        const { method, url, authorization } = request;
        if (url.startsWith("/token")) return { status: 200, body: JSON.stringify({ token: `t${++granted}` }) };
        const refused = { "www-authenticate": challenge ?? `Bearer realm="${server.origin}/token"` };
        if (authorization === undefined) return { status: 401, headers: refused };
        if (method !== "PUT") return { status: 202, headers: { location: `${url}7` } };
        return isTaken(++puts, request) ? { status: 201 } : { status: 401, headers: refused };
    });
    servers.push(server);
    const client = new RegistryClient({
        endpoint: { host: server.host, plainHttp: true },
        credentials: { username: "pusher", password: "canary-77aa" },
        retry: { seconds: 5, firstDelay: 1, longestDelay: 2 },
    });
    clients.push(client);
    return { client, bytesPut: () => server.seen.reduce((sum, { body }) => sum + body.length, 0), puts: () => puts };
}

/** @param arrival what is waited for before the bytes are sent */
async function push(client: RegistryClient, repository: string, size: number, arrival?: () => Promise<void>) {
    const begun = await client.uploads.start(repository, DIGEST);
    if (begun.mounted) throw new Error("nothing was to be mounted");
    await client.uploads.put(repository, DIGEST, begun.location, size, async function* () {
        await arrival?.();
        yield Buffer.alloc(size);
    });
}

const REFUSED = { status: 401, fix: expect.stringContaining("passes PUT and the Authorization header on") as string };
const NOT_SENT = { ...REFUSED, code: "UPLOADS_REFUSED", message: expect.stringContaining("not sent") as string };

test.each([
    ["tokens", undefined],
    ["a password", 'Basic realm="r"'],
])("a registry with %s that refuses all bytes gets a large blob twice, and no other", async (_, challenge) => {
    const { client, bytesPut } = await registry(() => false, challenge);
    await expect(push(client, "a/b", LARGE)).rejects.toMatchObject({ ...REFUSED, code: "UNAUTHORIZED" });
    for (const repository of ["a/b", "a/c"]) {
        await expect(push(client, repository, LARGE)).rejects.toMatchObject(NOT_SENT);
        await expect(push(client, repository, SMALL)).rejects.toMatchObject(NOT_SENT);
    }
    expect(bytesPut()).toBe(2 * LARGE);
});

test("of large blobs that are refused at the same time one tries a new token, for all", async () => {
    const { client, puts } = await registry(() => false);
    let open = 0;
    let go!: () => void;
    const all = new Promise<void>((resolve) => (go = resolve));
    const together = () => (++open === 4 ? go() : undefined, all);
    const pushed = Array.from({ length: 4 }, (_, at) => push(client, `a/${at}`, LARGE, together));
    const codes = (await Promise.allSettled(pushed)).map((outcome) => "reason" in outcome && outcome.reason.code);
    expect(codes.sort()).toEqual(["UNAUTHORIZED", ...Array<string>(3).fill("UPLOADS_REFUSED")]);
    expect(puts()).toBe(4 + 1);
});

test("a small blob rides several refusals out, as other requests do", async () => {
    const { client, puts } = await registry((put) => put > FRESH_TOKENS);
    await push(client, "a/b", SMALL);
    expect(puts()).toBe(FRESH_TOKENS + 1);
});

test("a token that ends is renewed for a large blob, while others are sent", async () => {
    const { client, puts } = await registry((put) => put !== 2);
    await push(client, "a/b", LARGE);
    await push(client, "a/b", LARGE);
    expect(puts()).toBe(3);
});

test("once bytes were accepted, a rejected blob fails alone: others are sent, also to its repository", async () => {
    let rejected = "";
    const { client, puts } = await registry((_, { url }) => !url.includes(`/${rejected}/`) || rejected === "");
    await push(client, "a/b", LARGE);
    rejected = "a/b";
    await expect(push(client, "a/b", LARGE)).rejects.toMatchObject({ ...REFUSED, code: "UNAUTHORIZED" });
    expect(puts()).toBe(1 + 2);
    await push(client, "open/app", LARGE);
    rejected = "";
    await push(client, "a/b", SMALL);
    expect(puts()).toBe(3 + 2);
});

test("the first bytes that are let in anywhere open the registry for all", async () => {
    let isOpen = false;
    const { client } = await registry(() => isOpen);
    let arrive!: () => void;
    const arrival = new Promise<void>((resolve) => (arrive = resolve));
    let begin!: () => void;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const held = push(client, "a/c", LARGE, () => (begin(), arrival));
    await begun;
    await expect(push(client, "a/b", LARGE)).rejects.toMatchObject({ ...REFUSED, code: "UNAUTHORIZED" });
    await expect(push(client, "a/b", SMALL)).rejects.toMatchObject(NOT_SENT);
    isOpen = true;
    arrive();
    await held;
    await push(client, "a/b", SMALL);
});

test("who has no account is refused once, and sends no other blob", async () => {
    const server = await ScriptedServer.start(({ method }) =>
        method === "PUT" ? { status: 401 } : { status: 202, headers: { location: "/v2/upload" } },
    );
    servers.push(server);
    const client = new RegistryClient({ endpoint: { host: server.host, plainHttp: true } });
    clients.push(client);
    await expect(push(client, "a/b", LARGE)).rejects.toMatchObject({ ...REFUSED, code: "UNAUTHORIZED" });
    await expect(push(client, "a/c", SMALL)).rejects.toMatchObject(NOT_SENT);
    expect(server.seen.filter(({ method }) => method === "PUT")).toHaveLength(1);
});

test("a large blob that was refused is sent with a token of its own, not with one that others fetched meanwhile", async () => {
    const { client, puts } = await registry((_, { authorization, body }) =>
        body.length === SMALL ? authorization === "Bearer t2" : authorization === "Bearer t3",
    );
    let arrive!: () => void;
    const arrival = new Promise<void>((resolve) => (arrive = resolve));
    const held = push(client, "a/b", LARGE, () => arrival);
    await push(client, "a/b", SMALL);
    arrive();
    await held;
    expect(puts()).toBe(4);
});
