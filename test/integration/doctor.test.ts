import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type DoctorResult, runDoctor } from "../../lib/passthrough";
import { testAuthority } from "../support/certificates";
import { CommandSite } from "../support/command-site";
import { type Asked, type Fault, htmlError, isBlobPut, isUploadPost, registryError } from "../support/faults/fault";
import { FaultProxy, type FaultScript } from "../support/faults/fault-proxy";
import { ACCOUNT, FaultSite, secretsIn } from "../support/faults/fault-site";

jest.setTimeout(120_000);

const SIZE = 3_000_000;
const REPOSITORY = "mirror/registry-passthrough/doctor";
let site: FaultSite;

beforeAll(async () => {
    site = await FaultSite.start();
});
afterAll(() => site.stop());
beforeEach(() => site.clear());

const ONCE = { seconds: 0, firstDelay: 1, longestDelay: 1 };

/** The results of a run against the site with this fault in front of it. */
async function examine(script: FaultScript = () => undefined, signal?: AbortSignal) {
    site.proxy.script = script;
    const options = { retry: ONCE, ...(signal === undefined ? {} : { signal }) };
    const clients = [
        site.client({ ...options, credentials: undefined }),
        site.client(options),
        site.client({ retry: ONCE }),
    ] as const;
    const [anonymous, client, removing] = clients;
    const results: DoctorResult[] = [];
    const isFine = await runDoctor({
        ...{ anonymous, client, removing, username: ACCOUNT.username, repository: REPOSITORY, size: SIZE },
        onResult: (result) => results.push(result),
    }).finally(() => Promise.all(clients.map((one) => one.close())));
    expect(secretsIn(JSON.stringify(results))).toEqual([]);
    return { isFine, results, lines: results.map(({ check, outcome }) => `${check}: ${outcome}`) };
}

const failureIn = (results: readonly DoctorResult[]) => results.find(({ outcome }) => outcome === "failed");
const ALL_FINE = [
    "greeting: ok",
    "account: ok",
    "upload URL: ok",
    "small upload: ok",
    "large upload: ok",
    "removal: ok",
];

test("a registry behind a correct proxy passes every check, and nothing is left in it", async () => {
    const { isFine, lines, results } = await examine();
    expect({ isFine, lines }).toEqual({ isFine: true, lines: ALL_FINE });
    expect(results.map(({ detail }) => detail)).toEqual([
        `GET https://${site.proxy.host}/v2/: 401`,
        `${ACCOUNT.username}: the registry accepted its password 2 times`,
        `https://${site.proxy.host}/v2/${REPOSITORY}/blobs/uploads/…, absolute`,
        `1 B sent to ${REPOSITORY} and read back, 3 times`,
        `3.00 MB sent to ${REPOSITORY} and read back`,
        `the test blobs in ${REPOSITORY} are deleted`,
    ]);
    expect([...site.storage.held()]).toEqual([]);
    // Every upload that was begun has ended.
    const ends = site.proxy.passed.filter(({ method, url }) => url.includes("/uploads/") && method !== "POST");
    expect(ends.map(({ method, status }) => `${method} ${status}`)).toEqual([
        "DELETE 204",
        ...Array<string>(4).fill("PUT 201"),
    ]);
    expect(site.proxy.passed.filter(isUploadPost)).toHaveLength(5);
});

const inLocation = (change: (location: string) => string): Fault => ({
    kind: "rewrite-head",
    headers: { location: change },
});
const isBlobRead = (method: string) => (asked: Asked) =>
    asked.method === method && asked.url.includes("/blobs/sha256:");
const when = (isMet: (asked: Asked) => boolean, fault: Fault) => (asked: Asked) => (isMet(asked) ? fault : undefined);
const page = (status: number, title: string): Fault => ({ ...htmlError(status, title), unread: true });

test.each<[string, FaultScript, string, string, string]>([
    ["a login page", () => htmlError(200, "Sign in"), "greeting", "NOT_A_REGISTRY", "without a login page"],
    [
        "a token service at an inner host name",
        when(({ url }) => url === "/v2/", {
            ...registryError(401, "UNAUTHORIZED", "authentication required"),
            headers: { "www-authenticate": 'Bearer realm="https://registry.invalid:5000/token",service="registry"' },
        }),
        ...(["account", "TOKEN_URL_UNREACHABLE", "proxy_set_header Host $http_host"] as const),
    ],
    [
        "an upload URL without its port",
        when(
            isUploadPost,
            inLocation((location) => location.replace(/:\d+\//, "/")),
        ),
        ...(["upload URL", "UPLOAD_URL_UNREACHABLE", "proxy_set_header Host $http_host"] as const),
    ],
    [
        "an upload URL with an inner host name",
        when(
            isUploadPost,
            inLocation((location) => location.replace(/\/\/[^/]+\//, "//registry.invalid:5000/")),
        ),
        ...(["upload URL", "UPLOAD_URL_UNREACHABLE", "REGISTRY_HTTP_HOST"] as const),
    ],
    [
        "an upload URL without TLS",
        when(
            isUploadPost,
            inLocation((location) => location.replace("https:", "http:")),
        ),
        ...(["upload URL", "TLS", "X-Forwarded-Proto: https"] as const),
    ],
    [
        "an upload that another instance has begun, once in a while",
        (asked, nth) =>
            isBlobPut(asked) && nth > 10 ? registryError(400, "BLOB_UPLOAD_INVALID", "blob upload invalid") : undefined,
        ...(["small upload", "BLOB_UPLOAD_INVALID", "http.secret"] as const),
    ],
    [
        "a proxy that does not pass PUT on",
        when(isBlobPut, page(405, "Not Allowed")),
        ...(["small upload", "NOT_A_REGISTRY", "pass every method"] as const),
    ],
    [
        "a wrong length",
        when(isBlobRead("HEAD"), { kind: "answer", status: 200, headers: { "content-length": "7" } }),
        ...(["small upload", "SIZE_MISMATCH", "look for a cache"] as const),
    ],
    [
        "compressed blobs",
        when(isBlobRead("GET"), {
            kind: "answer",
            status: 200,
            headers: { "content-encoding": "gzip" },
            body: gzipSync("x").toString("latin1"),
        }),
        ...(["small upload", "BLOB_COMPRESSED", "gzip off"] as const),
    ],
    [
        "wrong bytes",
        when(isBlobRead("GET"), { kind: "answer", status: 200, body: "?" }),
        ...(["small upload", "DIGEST_MISMATCH", "look for a cache"] as const),
    ],
])("%s fails the check that meets it, with the fix", async (_, script, check, code, fix) => {
    const { isFine, results } = await examine(script);
    const failure = failureIn(results);
    expect({ isFine, check: failure?.check, code: failure?.error?.code }).toEqual({ isFine: false, check, code });
    expect(failure?.detail).toContain(fix);
    expect([...site.storage.held()]).toEqual([]);
});

test.each<[string, FaultScript, string, string | undefined]>([
    [
        "no length in HEAD",
        when(isBlobRead("HEAD"), { kind: "rewrite-head", headers: { "content-length": undefined } }),
        "no Content-Length",
        "BLOB_SIZE_MISSING",
    ],
    [
        "a body limit",
        when(
            ({ headers }) => Number(headers["content-length"] ?? 0) > 1_000_000,
            page(413, "Request Entity Too Large"),
        ),
        ...(["sent in chunks of at most 750 kB", "CONTENT_TOO_LARGE"] as const),
    ],
    [
        "a PUT with bytes that is rejected",
        when(
            (asked) => isBlobPut(asked) && Number(asked.headers["content-length"] ?? 0) > 0,
            registryError(400, "DIGEST_INVALID", "provided digest did not match uploaded content"),
        ),
        ...(["sent with PATCH", undefined] as const),
    ],
])("%s is a note: the import deals with it", async (_, script, text, code) => {
    const { isFine, results } = await examine(script);
    expect(failureIn(results)).toBeUndefined();
    expect(isFine).toBe(true);
    const note = results.find(({ outcome }) => outcome === "note");
    expect(note?.detail).toContain(text);
    expect(note?.error?.code).toBe(code);
});

test("test blobs stay where the registry does not delete blobs, and that is said", async () => {
    const { isFine, results } = await examine(
        when(
            ({ method, url }) => method === "DELETE" && url.includes("/blobs/sha256:"),
            registryError(405, "UNSUPPORTED", "no"),
        ),
    );
    expect(isFine).toBe(true);
    expect(results.at(-1)).toEqual({
        ...{ check: "removal", outcome: "ok" },
        detail: `the registry does not let the account delete blobs (405 UNSUPPORTED): 3.00 MB in ${REPOSITORY} stay until its garbage collection; the next run sends the same bytes`,
    });
});

test("an interrupted run removes what it has sent", async () => {
    const ending = new AbortController();
    const { isFine, results } = await examine((asked) => {
        if (isBlobRead("GET")(asked)) ending.abort(new Error("interrupted"));
        return undefined;
    }, ending.signal);
    expect(isFine).toBe(false);
    expect(results.at(-1)).toMatchObject({ check: "removal", outcome: "ok" });
    expect([...site.storage.held()]).toEqual([]);
});

describe("the command", () => {
    let commands: CommandSite;
    let proxy: FaultProxy;

    beforeAll(async () => {
        commands = await CommandSite.create();
        const authority = await testAuthority();
        writeFileSync(join(commands.folder, "proxy.crt"), authority.ca);
        const registryCa = readFileSync(join(commands.folder, "ca.crt"), "utf8");
        proxy = await FaultProxy.start(commands.registry.port, await authority.issue(), registryCa);
        commands.configure({ mirrorBase: `${proxy.host}/mirror`, ca: "proxy.crt" });
    });
    afterAll(async () => {
        await proxy.stop();
        await commands.remove();
    });
    beforeEach(() => proxy.clear());

    test("it prints a line per result and exits with 0; --size is the size of the large upload", async () => {
        const { code, out, error } = await commands.run("doctor", "--size", "2.5MB");
        expect({ code, error }).toEqual({
            code: 0,
            error: `checking ${proxy.host} as pusher, from the environment (REGISTRY_PASSTHROUGH_USERNAME)\n`,
        });
        expect(out.split("\n").map((line) => line.slice(0, 21).trimEnd())).toEqual([
            ...[
                "greeting       ok",
                "account        ok",
                "upload URL     ok",
                "small upload   ok",
                "large upload   ok",
                "removal        ok",
                "",
            ],
        ]);
        expect(out).toContain("2.50 MB sent to mirror/registry-passthrough/doctor");
    });

    test("--json prints the same as objects, and a finding is exit code 1", async () => {
        proxy.script = when(
            isUploadPost,
            inLocation((location) => location.replace(/:\d+\//, "/")),
        );
        const { code, out } = await commands.run("doctor", "--json", "--repository", "own/place");
        const results = out
            .trim()
            .split("\n")
            .map((line) => JSON.parse(line) as DoctorResult);
        expect(code).toBe(1);
        expect(results.map(({ check, outcome }) => `${check}: ${outcome}`)).toEqual([
            "greeting: ok",
            "account: ok",
            "upload URL: failed",
        ]);
        expect(results[2]?.error).toMatchObject({
            code: "UPLOAD_URL_UNREACHABLE",
            operation: "DELETE mirror/own/place/blobs/uploads",
        });
    });

    test("a wrong account is named", async () => {
        const { code, out } = await commands.runAs({ username: "pusher", password: "wrong-password" }, "doctor");
        expect(code).toBe(78);
        expect(out).toContain("account        FAILED UNAUTHORIZED (401) at");
        expect(out).not.toContain("upload URL");
    });

    test("a size that is none is wrong usage", async () => {
        const { code, error } = await commands.run("doctor", "--size", "12");
        expect(code).toBe(2);
        expect(error).toContain("It must be a size with its unit");
    });
});
