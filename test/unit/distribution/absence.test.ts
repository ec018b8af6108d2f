import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { computeDigest } from "../../../lib/oci/digest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../../lib/oci/media-types";
import { type Reply, ScriptedServer, type Seen } from "../../support/http-server";

const RETRY = { seconds: 0, firstDelay: 1, longestDelay: 2 };
const MANIFEST = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE_OCI_MANIFEST, layers: [] }));
const DIGEST = computeDigest(MANIFEST);
const servers: ScriptedServer[] = [];
const clients: RegistryClient[] = [];

afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    for (const server of servers.splice(0)) await server.stop();
});

async function serve(answer: (request: Seen) => Reply): Promise<ScriptedServer> {
    const server = await ScriptedServer.start(answer);
    servers.push(server);
    return server;
}

function makeClient(server: ScriptedServer): RegistryClient {
    const client = new RegistryClient({ endpoint: { host: server.host, plainHttp: true }, retry: RETRY });
    clients.push(client);
    return client;
}

const error = (status: number, code: string): Reply => ({ status, body: JSON.stringify({ errors: [{ code }] }) });

test("only a 404 means that something is not there", async () => {
    const server = await serve(({ url }) =>
        url.includes("gone") ? error(404, "NAME_UNKNOWN") : error(500, "UNKNOWN"),
    );
    const client = makeClient(server);
    expect(await client.manifestHead("a/gone", "1")).toBeUndefined();
    expect(await client.blobHead("a/gone", DIGEST)).toBeUndefined();
    await expect(client.manifestHead("a/b", "1")).rejects.toMatchObject({ status: 500 });
    await expect(client.blobHead("a/b", DIGEST)).rejects.toMatchObject({ status: 500 });
});

const PAGE = { status: 404, headers: { "content-type": "text/html" }, body: "<html>404 Not Found</html>" };
const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };
const json404 = (body: string): Reply => ({ status: 404, headers: JSON_TYPE, body });
/** What Kong responds with where none of its routes matches. */
const NO_ROUTE = json404('{"message":"no Route matched with those values"}');
const VERSION = { "docker-distribution-api-version": "registry/2.0" };

test.each<[string, Reply, Reply, "absent" | "unknown"]>([
    ["a page", PAGE, PAGE, "unknown"],
    ["a page under the registry's header", { ...PAGE, headers: { ...PAGE.headers, ...VERSION } }, PAGE, "unknown"],
    ["nothing at all", { status: 404 }, { status: 404 }, "unknown"],
    ["nothing, though GET has it", { status: 404 }, { status: 200, body: MANIFEST }, "unknown"],
    ["nothing, while GET is refused", { status: 404 }, error(403, "DENIED"), "unknown"],
    ["nothing under the registry's header, and GET has a page", { status: 404, headers: VERSION }, PAGE, "unknown"],
    ["a gateway's JSON", NO_ROUTE, NO_ROUTE, "unknown"],
    [
        "a gateway's JSON under the registry's header",
        { ...NO_ROUTE, headers: { ...JSON_TYPE, ...VERSION } },
        NO_ROUTE,
        "unknown",
    ],
    [
        "JSON, and GET has an empty list of errors",
        { status: 404, headers: JSON_TYPE },
        json404('{"errors":[]}'),
        "unknown",
    ],
    ["JSON, and GET has an empty body", { status: 404, headers: JSON_TYPE }, json404(""), "unknown"],
    ["JSON, and GET has no error", { status: 404, headers: JSON_TYPE }, json404('{"errors":[{}]}'), "unknown"],
    [
        "JSON, and GET has a code of no registry",
        { status: 404, headers: JSON_TYPE },
        error(404, "ROUTE_NOT_FOUND"),
        "unknown",
    ],
    [
        "JSON, and GET has the registry's error",
        { status: 404, headers: JSON_TYPE },
        error(404, "MANIFEST_UNKNOWN"),
        "absent",
    ],
    ["JSON, and GET has Harbor's error", { status: 404, headers: JSON_TYPE }, error(404, "NOT_FOUND"), "absent"],
    ["JSON, and GET has Quay's error", { status: 404, headers: JSON_TYPE }, error(404, "TAG_EXPIRED"), "absent"],
    ["nothing, and GET has the registry's error", { status: 404 }, error(404, "BLOB_UNKNOWN"), "absent"],
    [
        "nothing, and GET has Artifactory's",
        { status: 404 },
        { status: 404, body: '{"errors":[{"status":404}]}' },
        "absent",
    ],
])("a 404 that is %s", async (_, toHead, toGet, verdict) => {
    const server = await serve(({ method }) => (method === "HEAD" ? toHead : toGet));
    const client = makeClient(server);
    for (const ask of [() => client.manifestHead("a/b", "1"), () => client.blobHead("a/b", DIGEST)]) {
        if (verdict === "absent") expect(await ask()).toBeUndefined();
        else await expect(ask()).rejects.toThrow(/UNEXPECTED_RESPONSE \(404\)|DENIED \(403\)|refused/);
    }
});

test("what somebody else puts there between HEAD and GET is there", async () => {
    const asked: string[] = [];
    const server = await serve(({ method }) => {
        asked.push(method);
        if (asked.length === 1) return { status: 404 };
        return { status: 200, headers: { "docker-content-digest": DIGEST, "content-length": "2" }, body: "{}" };
    });
    expect(await makeClient(server).manifestHead("a/b", DIGEST)).toBe(DIGEST);
    expect(asked).toEqual(["HEAD", "GET", "HEAD"]);
});

test("where absence may be assumed, a 404 to HEAD is not asked about again; what says more than that is an error", async () => {
    const asked: string[] = [];
    const server = await serve(({ method, url }) => {
        asked.push(`${method} ${url}`);
        return { status: url.includes("busy") ? 500 : 404 };
    });
    const client = makeClient(server);
    expect(await client.blobHead("a/b", DIGEST, "assumed")).toBeUndefined();
    expect(await client.manifestHead("a/b", DIGEST, "assumed")).toBeUndefined();
    expect(asked).toEqual([`HEAD /v2/a/b/blobs/${DIGEST}`, `HEAD /v2/a/b/manifests/${DIGEST}`]);
    await expect(client.blobHead("a/busy", DIGEST, "assumed")).rejects.toMatchObject({ status: 500 });
});

test("a tag that is expected to be absent is asked for with GET alone, whose 404 says who answers", async () => {
    const asked: string[] = [];
    const server = await serve(({ method, url }) => {
        asked.push(method);
        if (url.endsWith("/there")) return { status: 200, headers: { "docker-content-digest": DIGEST }, body: "{}" };
        return url.endsWith("/gateway") ? PAGE : error(404, "MANIFEST_UNKNOWN");
    });
    const client = makeClient(server);
    expect(await client.manifestHead("a/b", "1", "expected")).toBeUndefined();
    expect(await client.manifestHead("a/b", "there", "expected")).toBe(DIGEST);
    await expect(client.manifestHead("a/b", "gateway", "expected")).rejects.toThrow(/UNEXPECTED_RESPONSE/);
    expect(asked).toEqual(["GET", "GET", "GET"]);
});

test.each([PAGE, NO_ROUTE, json404('{"errors":[]}'), json404(""), { ...PAGE, headers: VERSION, body: "" }])(
    "a 404 of something in front of the registry is not an absence, whatever is asked: %j",
    async (reply) => {
        const client = makeClient(await serve(() => reply));
        const asked = [
            client.manifestGet("a/b", "1"),
            client.blobGet("a/b", DIGEST),
            client.tagList("a/b"),
            client.manifestDelete("a/b", DIGEST),
            client.blobDelete("a/b", DIGEST),
            client.referrers("a/b", DIGEST),
        ];
        for (const result of await Promise.allSettled(asked)) {
            expect(result).toMatchObject({ status: "rejected", reason: { code: "UNEXPECTED_RESPONSE", status: 404 } });
        }
    },
);

test("what is there costs one request", async () => {
    const server = await serve(({ url }) => ({
        status: 200,
        headers: url.includes("manifests") ? { "docker-content-digest": DIGEST } : {},
        body: url.includes("manifests") ? MANIFEST : "blob",
    }));
    const client = makeClient(server);
    expect(await client.manifestHead("a/b", "1")).toBe(DIGEST);
    expect(await client.blobHead("a/b", DIGEST)).toBe(4);
    expect(server.seen.map(({ method }) => method)).toEqual(["HEAD", "HEAD"]);
});
