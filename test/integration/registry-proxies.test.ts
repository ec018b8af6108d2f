import { randomBytes } from "node:crypto";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { computeDigest } from "../../lib/oci/digest";
import { type ServerCertificate, testAuthority } from "../support/certificates";
import {
    type Asked,
    type Fault,
    htmlError,
    isBlobPut,
    isManifestPut,
    isUploadPost,
    registryError,
} from "../support/faults/fault";
import { ACCOUNT, FaultSite } from "../support/faults/fault-site";
import { ScriptedServer } from "../support/http-server";
import { MemoryImageSet } from "../support/image-set";
import { problemText } from "../support/problems";

/*
 * What proxies, load balancers and registries with a narrower API do to an import. All of it was met in the field.
 */

let site: FaultSite;
let content: MemoryImageSet;
const LAYER = 300_000;

beforeAll(async () => {
    site = await FaultSite.start();
});
afterAll(() => site.stop());
beforeEach(() => {
    site.clear();
    content = new MemoryImageSet(randomBytes);
    content.image("quay.io/org/app:1", content.manifest([content.blob(randomBytes(LAYER)), content.blob()]));
});

const inLocation = (change: (location: string) => string): Fault => ({
    kind: "rewrite-head",
    headers: { location: change },
});
const bodyBytes = ({ headers }: Asked) => Number(headers["content-length"] ?? 0);
const isPatch = ({ method }: Asked) => method === "PATCH";

async function isImported(): Promise<void> {
    const { error, result } = await site.bring(content);
    expect(error).toBeUndefined();
    expect(result?.failed).toEqual([]);
    await site.isWhole(content);
}

test.each([
    ["has lost its port", (location: string) => location.replace(/:\d+\//, "/")],
    ["has an inner host name", (location: string) => location.replace(/\/\/[^/]+\//, "//registry.invalid:5000/")],
])("an upload URL that %s ends the import at the first upload, with the fix", async (_, change) => {
    site.proxy.script = (asked) => (isUploadPost(asked) ? inLocation(change) : undefined);
    const { result } = await site.bring(content);
    const text = problemText(result?.failed[0]);
    expect(text).toMatch(/^UPLOAD_URL_UNREACHABLE at localhost:\d+: /);
    expect(text).toContain(`not at https://${site.proxy.host}, where it was asked`);
    expect(text).toContain("proxy_set_header Host $http_host");
    // Not waited for: nothing changes by itself.
    expect(site.proxy.passed.filter(isUploadPost).length).toBeLessThanOrEqual(6);
    await site.converges(content);
});

test("a relative upload URL is resolved against the request, not against the root", async () => {
    site.proxy.script = (asked) =>
        isUploadPost(asked) ? inLocation((location) => /[^/]+$/.exec(location)?.[0] ?? "") : undefined;
    await isImported();
});

test.each([
    ["POST and PUT", undefined],
    ["POST, PATCH and PUT", 100_000],
])("interim responses (100, 102, 103) before each response of the registry change nothing: %s", async (_, maxBody) => {
    site.proxy.script = () => ({ kind: "interim-responses" });
    const { error, result } = await site.bring(content, { maxBody });
    expect([error, result?.failed]).toEqual([undefined, []]);
    expect(site.proxy.passed.some(isPatch)).toBe(maxBody !== undefined);
    // Each request was sent once: none of them failed and was repeated.
    const requests = site.proxy.passed.map(({ method, url }) => `${method} ${url}`);
    expect(requests.filter((request) => /^(PUT|PATCH) /.test(request))).toEqual([
        ...new Set(requests.filter((request) => /^(PUT|PATCH) /.test(request))),
    ]);
    await site.isWhole(content);
});

test("blobs are sent with PATCH where a PUT with bytes is not accepted", async () => {
    site.proxy.script = (asked) =>
        isBlobPut(asked) && bodyBytes(asked) > 0
            ? registryError(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
            : undefined;
    const { result } = await site.bring(content);
    expect(result?.failed).toEqual([]);
    expect(site.proxy.passed.filter(isPatch)).toHaveLength(3);
    await site.isWhole(content);
});

test("a registry that accepts neither way says why, in its own words", async () => {
    site.proxy.script = (asked) =>
        (isBlobPut(asked) && bodyBytes(asked) > 0) || isPatch(asked)
            ? registryError(400, "DIGEST_INVALID", "the store is of no use")
            : undefined;
    const { result } = await site.bring(content);
    expect(problemText(result?.failed[0])).toMatch(/^DIGEST_INVALID \(400\) at .*: PUT .*: the store is of no use/);
    await site.converges(content);
});

const LIMIT = 70_000;
const tooLarge = (asked: Asked): Fault | undefined =>
    bodyBytes(asked) > LIMIT ? { ...htmlError(413, "Request Entity Too Large"), unread: true } : undefined;

test("a limit for one body that is met (413) leads to chunks below it", async () => {
    site.proxy.script = tooLarge;
    await isImported();
    const chunks = site.proxy.passed.filter((asked) => isPatch(asked) && asked.status === 202).map(bodyBytes);
    expect(Math.max(...chunks)).toBeLessThanOrEqual(LIMIT);
    expect(chunks.length).toBeGreaterThanOrEqual(Math.ceil(LAYER / LIMIT));
});

test("a limit that is known is never met, and smaller blobs are sent whole", async () => {
    site.proxy.script = tooLarge;
    const { result } = await site.bring(content, { maxBody: LIMIT });
    expect(result?.failed).toEqual([]);
    const { passed } = site.proxy;
    expect(passed.filter(({ status }) => status === 413)).toEqual([]);
    expect(passed.filter(isPatch).map(bodyBytes)).toEqual([LIMIT, LIMIT, LIMIT, LIMIT, LAYER - 4 * LIMIT]);
    await site.isWhole(content);
});

test("chunks have at least the size that the registry asks for", async () => {
    site.proxy.script = (asked) =>
        isUploadPost(asked) ? { kind: "add-header", name: "OCI-Chunk-Min-Length", value: "150000" } : undefined;
    const { result } = await site.bring(content, { maxBody: LIMIT });
    expect(result?.failed).toEqual([]);
    expect(site.proxy.passed.filter(isPatch).map(bodyBytes)).toEqual([150_000, 150_000]);
    await site.isWhole(content);
});

test("the size of a blob is asked for with GET where HEAD does not give it", async () => {
    await isImported();
    site.proxy.script = ({ method, url }) =>
        method === "HEAD" && url.includes("/blobs/")
            ? { kind: "rewrite-head", headers: { "content-length": undefined } }
            : undefined;
    await site.isWhole(content);
    const asked = site.proxy.passed.filter(
        ({ method, url, headers }) => method === "GET" && url.includes("/blobs/") && headers.range === "bytes=0-0",
    );
    expect(asked.map(({ status }) => status)).toEqual([206, 206, 206]);
});

test("a page of a proxy is not taken for a response of the registry", async () => {
    site.proxy.script = (asked) => (isManifestPut(asked) ? htmlError(405, "Not Allowed") : undefined);
    const { result } = await site.bring(content);
    expect(problemText(result?.failed[0])).toMatch(
        /^NOT_A_REGISTRY \(405\) at .*: this is not a response of a registry but an HTML page, "405 Not Allowed", from https:\/\/.*\/manifests\/1; .*pass every method/,
    );
    await site.converges(content);
});

test.each(["GET /v2/", "a manifest"])("a login page with 200 is not a registry: %s", async (what) => {
    const login: Fault = { ...htmlError(200, "Sign in"), headers: { "content-type": "text/html" } };
    site.proxy.script = () => login;
    const client = site.client();
    const asked = what === "GET /v2/" ? client.ping() : client.manifestGet("a/b", "1");
    await expect(asked.finally(() => client.close())).rejects.toMatchObject({ code: "NOT_A_REGISTRY", status: 200 });
});

test("response headers may be larger than 16 KiB", async () => {
    site.proxy.script = () => ({ kind: "add-header", name: "x-policy", value: "a".repeat(40_000) });
    const client = site.client();
    expect(await client.ping().finally(() => client.close())).toBe(200);
});

describe("an upload that is sent elsewhere", () => {
    let tls: ServerCertificate;
    let ca: string;
    let store: ScriptedServer;
    const BYTES = randomBytes(5000);
    const DIGEST = computeDigest(BYTES);
    const LOCATION = `next?sig=a%2Fb+c~'d'&e=%22f%22&empty`;

    beforeAll(async () => {
        const authority = await testAuthority();
        ({ ca } = authority);
        tls = await authority.issue();
        store = await ScriptedServer.start(
            ({ method }) => ({
                status: method === "POST" ? 202 : 201,
                headers: { location: LOCATION },
            }),
            tls,
        );
    });
    afterAll(() => store.stop());

    const bytes = async function* () {
        yield await Promise.resolve(BYTES);
    };

    test("a redirect is followed, its method kept, without the account; what is relative belongs to the new place", async () => {
        const registry = await ScriptedServer.start(
            ({ authorization }) =>
                authorization === undefined
                    ? { status: 401, headers: { "www-authenticate": "Basic realm=x" } }
                    : { status: 307, headers: { location: `${store.origin}/uploads/begin` } },
            tls,
        );
        const client = new RegistryClient({ endpoint: { host: registry.host, ca }, credentials: ACCOUNT });
        const begun = await client.uploads.start("a/b", DIGEST);
        if (begun.mounted) throw new Error("it was mounted");
        await client.uploads.put("a/b", DIGEST, begun.location, BYTES.length, bytes);
        await client.close();
        await registry.stop();
        expect(store.seen.map(({ method, url, authorization }) => ({ method, url, authorization }))).toEqual([
            { method: "POST", url: "/uploads/begin", authorization: undefined },
            // The query is signed: not a byte of it may change.
            {
                method: "PUT",
                url: `/uploads/${LOCATION.replaceAll("'", "%27")}&digest=${encodeURIComponent(DIGEST)}`,
                authorization: undefined,
            },
        ]);
        expect(store.seen[1]?.body).toEqual(BYTES);
    });

    test("a redirect of bytes within the registry is followed with the account and all bytes", async () => {
        const registry = await ScriptedServer.start(({ url, authorization }) => {
            if (authorization === undefined) return { status: 401, headers: { "www-authenticate": "Basic realm=x" } };
            return url.startsWith("/elsewhere")
                ? { status: 201 }
                : { status: 308, headers: { location: "/elsewhere" } };
        }, tls);
        const client = new RegistryClient({ endpoint: { host: registry.host, ca }, credentials: ACCOUNT });
        await client.uploads.put(
            "a/b",
            DIGEST,
            new URL(`${registry.origin}/v2/a/b/blobs/uploads/1`),
            BYTES.length,
            bytes,
        );
        await client.close();
        await registry.stop();
        const last = registry.seen.at(-1);
        expect(last).toMatchObject({ method: "PUT", url: "/elsewhere" });
        expect(last?.authorization).toMatch(/^Basic /);
        expect(last?.body).toEqual(BYTES);
    });

    test("a redirect that would turn a write into a read is not followed, and named", async () => {
        const registry = await ScriptedServer.start(
            () => ({ status: 302, headers: { location: `${store.origin}/x` } }),
            tls,
        );
        const client = new RegistryClient({ endpoint: { host: registry.host, ca } });
        const begun = client.uploads.start("a/b", DIGEST).finally(() => client.close());
        await expect(begun).rejects.toMatchObject({
            code: "UNEXPECTED_RESPONSE",
            status: 302,
            problem: `the request was redirected to ${store.origin}`,
        });
        await begun.catch((error: unknown) =>
            expect(error).toHaveProperty("fix", expect.stringContaining("307 or 308")),
        );
        await registry.stop();
    });
});
