import { computeDigest } from "../../../lib/oci/digest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../../lib/oci/media-types";
import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { type Reply, ScriptedServer, type Seen } from "../../support/http-server";

const [SUBJECT, ONE, TWO] = ["subject", "one", "two"].map((text) => computeDigest(Buffer.from(text))) as [
    string,
    string,
    string,
];
const servers: ScriptedServer[] = [];
const clients: RegistryClient[] = [];

afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    for (const server of servers.splice(0)) await server.stop();
});

async function serve(answer: (request: Seen) => Reply): Promise<{ server: ScriptedServer; client: RegistryClient }> {
    const server = await ScriptedServer.start(answer);
    const retry = { seconds: 0, firstDelay: 1, longestDelay: 1 };
    const client = new RegistryClient({ endpoint: { host: server.host, plainHttp: true }, retry });
    servers.push(server);
    clients.push(client);
    return { server, client };
}

const query = (url: string) => new URL(url, "http://localhost").searchParams;
const list = (tags: readonly string[]): Reply => ({ status: 200, body: JSON.stringify({ name: "a/b", tags }) });
const TAGS = Array.from({ length: 2_000 }, (_, at) => `v${String(at).padStart(4, "0")}`);

test("a full page of tags without a link is followed by what comes after its last tag", async () => {
    const { server, client } = await serve(({ url }) => {
        const last = query(url).get("last") ?? "";
        return list(TAGS.filter((tag) => tag > last).slice(0, Number(query(url).get("n"))));
    });
    expect(await client.tagList("a/b")).toEqual(TAGS);
    expect(server.seen.map(({ url }) => query(url).get("last"))).toEqual([null, "v0999", "v1999"]);
});

test.each<[string, (last: string | null) => readonly string[]]>([
    ["sends all tags whatever it is asked for", () => TAGS],
    ["begins anew after the last tag, as crane's does", (last) => (last === "v1999" ? TAGS.slice(0, 1_000) : TAGS)],
])("the list ends at a registry that %s", async (_, tags) => {
    const { server, client } = await serve(({ url }) => list(tags(query(url).get("last"))));
    expect(await client.tagList("a/b")).toEqual(TAGS);
    expect(server.seen).toHaveLength(2);
});

const index = (digest: string, link?: string): Reply => ({
    status: 200,
    ...(link === undefined ? {} : { headers: { link } }),
    body: JSON.stringify({
        schemaVersion: 2,
        manifests: [{ mediaType: MEDIA_TYPE_OCI_MANIFEST, digest, size: 3 }],
    }),
});

test("referrers are read page by page", async () => {
    const { client } = await serve(({ url }) =>
        url.includes("page=2") ? index(TWO) : index(ONE, `</v2/a/b/referrers/${SUBJECT}?page=2>; rel="next"`),
    );
    expect(await client.referrers("a/b", SUBJECT)).toEqual([ONE, TWO]);
    const endless = await serve(() => index(ONE, "</v2/a/b/referrers/x?page=2>; rel=next"));
    await expect(endless.client.referrers("a/b", SUBJECT)).rejects.toMatchObject({
        message: expect.stringContaining("have no end") as string,
    });
    expect(endless.server.seen).toHaveLength(2);
});

test("a registry that says that it has no list of referrers has none; what a gateway says proves nothing", async () => {
    const unsupported = JSON.stringify({ errors: [{ code: "UNSUPPORTED", message: "the operation is unsupported" }] });
    const { client } = await serve(() => ({ status: 405, body: unsupported }));
    expect(await client.referrers("a/b", SUBJECT)).toBeUndefined();
    const gateway = await serve(() => ({ status: 405, body: "Method Not Allowed" }));
    await expect(gateway.client.referrers("a/b", SUBJECT)).rejects.toMatchObject({ status: 405 });
});

const NOT_FOUND: Reply = { status: 404, headers: { "content-type": "text/plain" }, body: "404 page not found" };

test("a 404 of the router means that there is no list of referrers if the registry answers for the manifest", async () => {
    const gitea = await serve(({ url }) =>
        url.includes("/referrers/") ? NOT_FOUND : { status: 200, headers: { "docker-content-digest": SUBJECT } },
    );
    expect(await gitea.client.referrers("a/b", SUBJECT)).toBeUndefined();
    const down = await serve(() => NOT_FOUND);
    await expect(down.client.referrers("a/b", SUBJECT)).rejects.toMatchObject({ code: "UNEXPECTED_RESPONSE" });
    let isStarting = true;
    const starting = await serve(({ url }) => {
        if (!url.includes("/referrers/")) return { status: 200, headers: { "docker-content-digest": SUBJECT } };
        const reply = isStarting ? NOT_FOUND : index(ONE);
        isStarting = false;
        return reply;
    });
    expect(await starting.client.referrers("a/b", SUBJECT)).toEqual([ONE]);
});

test("a token service that denies a token leads to the account, not to its rights in a repository", async () => {
    const denied = JSON.stringify({ errors: [{ code: "DENIED", message: "access forbidden" }] });
    const server: ScriptedServer = await ScriptedServer.start(({ url }) =>
        url.startsWith("/token")
            ? { status: 403, body: denied }
            : { status: 401, headers: { "www-authenticate": `Bearer realm="${server.origin}/token"` } },
    );
    servers.push(server);
    const client = new RegistryClient({
        endpoint: { host: server.host, plainHttp: true },
        credentials: { username: "pusher", password: "canary-77aa" },
        retry: { seconds: 0, firstDelay: 1, longestDelay: 1 },
    });
    clients.push(client);
    await expect(client.tagList("a/b")).rejects.toMatchObject({
        status: 403,
        fix: expect.stringContaining("registryPassword") as string,
    });
});
