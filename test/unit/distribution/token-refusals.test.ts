import { parseManifest } from "../../../lib/oci/manifest";
import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { ScriptedServer } from "../../support/http-server";

/** How many fresh tokens are tried for one request that is rejected. */
const FRESH_TOKENS = 4;
const DIGEST = `sha256:${"5".repeat(64)}`;
const servers: ScriptedServer[] = [];
const clients: RegistryClient[] = [];

afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    for (const server of servers.splice(0)) await server.stop();
});

function makeClient(server: ScriptedServer): RegistryClient {
    const client = new RegistryClient({
        endpoint: { host: server.host, plainHttp: true },
        credentials: { username: "pusher", password: "canary-77aa" },
        retry: { seconds: 5, firstDelay: 1, longestDelay: 2 },
    });
    clients.push(client);
    return client;
}

/** A registry that takes the tokens `isTaken` likes: by their number, and the repository they are used for. */
async function choosyRegistry(isTaken: (token: number, path: string) => boolean, challenge = "") {
    let granted = 0;
    const server: ScriptedServer = await ScriptedServer.start(({ url, authorization }) => {
        if (url.startsWith("/token")) return { status: 200, body: JSON.stringify({ token: `t${++granted}` }) };
        const token = Number(/^Bearer t(\d+)$/.exec(authorization ?? "")?.[1] ?? 0);
        if (token > 0 && isTaken(token, url)) return { status: 200, headers: { "docker-content-digest": DIGEST } };
        return { status: 401, headers: { "www-authenticate": `Bearer realm="${server.origin}/token"${challenge}` } };
    });
    servers.push(server);
    return { server, granted: () => granted };
}

test("an account that was let in gets more than one fresh token", async () => {
    const { server, granted } = await choosyRegistry((token) => token === 1 || token > 4);
    const client = makeClient(server);
    await client.manifestHead("a/b", "1");
    // The first token is good once: what follows meets three that are not.
    expect(await client.manifestHead("other/app", "1")).toBe(DIGEST);
    expect(granted()).toBe(5);
});

test("an account that is let in nowhere any more is refused at once, after one request has tried", async () => {
    let uses = 0;
    const { server, granted } = await choosyRegistry((token) => token === 1 && uses++ === 0);
    const client = makeClient(server);
    await client.manifestHead("a/b", "1");
    const refusal = { code: "UNAUTHORIZED", status: 401 };
    await expect(client.manifestHead("a/c", "1")).rejects.toMatchObject(refusal);
    const inVain = granted();
    expect(inVain).toBe(1 + 1 + FRESH_TOKENS);
    await expect(client.manifestHead("a/d", "1")).rejects.toMatchObject(refusal);
    await expect(client.manifestHead("a/b", "1")).rejects.toMatchObject(refusal);
    expect(granted()).toBe(inVain + 2 + 1);
});

test("repositories that the account may not read keep nobody waiting for long, while it reads others", async () => {
    const { server, granted } = await choosyRegistry((_, url) => url.includes("/mine/"));
    const client = makeClient(server);
    for (let i = 0; i < 3; i++) {
        await client.manifestHead("mine/app", "1");
        await expect(client.manifestHead(`theirs/${i}`, "1")).rejects.toMatchObject({ status: 401 });
    }
    expect(granted()).toBe(1 + (1 + FRESH_TOKENS) + 2 + 2);
});

test("a token that is good, but not for this, is not replaced over and over", async () => {
    const { server, granted } = await choosyRegistry((_, url) => url.includes("/mine/"), ',error="insufficient_scope"');
    const client = makeClient(server);
    await client.manifestHead("mine/app", "1");
    await expect(client.manifestHead("theirs/app", "1")).rejects.toMatchObject({ status: 401 });
    expect(granted()).toBe(3);
});

test("a kind of request that is never let in is not tried over and over because another kind is", async () => {
    let granted = 0;
    const server: ScriptedServer = await ScriptedServer.start(({ url, method, authorization }) => {
        if (url.startsWith("/token")) return { status: 200, body: JSON.stringify({ token: `t${++granted}` }) };
        if (authorization !== undefined && method === "POST") return { status: 202, headers: { location: "/v2/x" } };
        return { status: 401, headers: { "www-authenticate": `Bearer realm="${server.origin}/token"` } };
    });
    servers.push(server);
    const client = makeClient(server);
    const manifest = parseManifest(Buffer.from('{"schemaVersion":2}'));
    const puts = () => server.seen.filter(({ method }) => method === "PUT").length;
    for (const expected of [1 + FRESH_TOKENS, 1 + FRESH_TOKENS + 2]) {
        await client.uploads.start("a/b", DIGEST);
        await expect(client.manifestPut("a/b", "1", manifest)).rejects.toMatchObject({ status: 401 });
        expect(puts()).toBe(expected);
    }
});

describe("GET /v2/", () => {
    test("instances that do not share their token key are met with further tokens, and the account is not blamed", async () => {
        const { server } = await choosyRegistry((token) => token === 3);
        expect(await makeClient(server).ping()).toBe(200);
    });

    test("tokens that are all rejected are the registry's fault, since the token service gave them for the account", async () => {
        const { server } = await choosyRegistry(() => false);
        const failure = makeClient(server).ping();
        await expect(failure).rejects.toMatchObject({
            code: "TOKENS_REJECTED",
            status: 401,
            problem: `the token service at ${server.origin}/token gives tokens for pusher, and the registry rejects them`,
        });
        await failure.catch((error: unknown) => {
            expect(error).toHaveProperty("fix", expect.stringContaining("the account is right"));
        });
        expect(server.seen.filter(({ url }) => url.startsWith("/token"))).toHaveLength(3);
    });
});
