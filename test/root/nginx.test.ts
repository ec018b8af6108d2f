import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { computeDigest } from "../../lib/oci/digest";
import type { ClientCertificate } from "../../lib/http/secure-context";
import { type DoctorResult, runDoctor } from "../../lib/passthrough";
import { type TestAuthority, testAuthority } from "../support/certificates";
import { end, listening } from "../support/processes";
import { RegistryProcess, freePort } from "../support/registry-process";

/* Debian's own nginx in front of a real registry, with settings that are often met (needs root: nginx is in /usr/sbin). */

jest.setTimeout(120_000);

const ACCOUNT = { username: "pusher", password: "canary-nginx-4c1b" } as const;
const PASSES_ALL = "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;";
const SIZE = 3_000_000;
const folder = mkdtempSync(join(tmpdir(), "nginx "));
let registry: RegistryProcess;
let ca: string;
let nginx: ChildProcess | undefined;

beforeAll(async () => {
    const authority = await testAuthority();
    ({ ca } = authority);
    const { certificate, key } = await authority.issue();
    writeFileSync(join(folder, "server.crt"), certificate);
    writeFileSync(join(folder, "server.key"), key, { mode: 0o600 });
    mkdirSync(join(folder, "tmp"));
    registry = await RegistryProcess.start({ account: ACCOUNT });
});

afterEach(async () => {
    if (nginx !== undefined) await end(nginx, "SIGTERM");
    nginx = undefined;
});

afterAll(async () => {
    await registry.stop();
    rmSync(folder, { recursive: true, force: true });
});

/** @param server directives of its one server @returns `host:port` */
async function serve(server: string, headers = PASSES_ALL): Promise<string> {
    const port = await freePort();
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map((name) => `${name}_temp_path "${join(folder, "tmp", name)}";`)
        .join("\n");
    writeFileSync(
        join(folder, "nginx.conf"),
        `daemon off; user root; worker_processes 1; pid "${join(folder, "pid")}"; error_log "${join(folder, "error.log")}" warn;
        events { worker_connections 128; }
        http {
            access_log off; ${temporary}
            server {
                listen 127.0.0.1:${port} ssl; server_name localhost;
                ssl_certificate "${join(folder, "server.crt")}"; ssl_certificate_key "${join(folder, "server.key")}";
                ${server}
                location / { proxy_pass http://127.0.0.1:${registry.port}; ${headers} }
            }
        }`,
    );
    nginx = spawn("nginx", ["-c", join(folder, "nginx.conf")], { stdio: ["ignore", "ignore", "inherit"] });
    await listening(nginx, port);
    return `localhost:${port}`;
}

async function examine(host: string, clientCertificate?: ClientCertificate): Promise<DoctorResult[]> {
    const open = (credentials?: typeof ACCOUNT) =>
        new RegistryClient({
            endpoint: { host, ca, ...(clientCertificate === undefined ? {} : { clientCertificate }) },
            credentials,
            retry: { seconds: 0, firstDelay: 1, longestDelay: 1 },
        });
    const clients = [open(), open(ACCOUNT), open(ACCOUNT)] as const;
    const [anonymous, client, removing] = clients;
    const results: DoctorResult[] = [];
    await runDoctor({
        ...{ anonymous, client, removing, username: ACCOUNT.username, size: SIZE },
        repository: "mirror/registry-passthrough/doctor",
        onResult: (result) => results.push(result),
    }).finally(() => Promise.all(clients.map((one) => one.close())));
    return results;
}

const outcomes = (results: readonly DoctorResult[]) => results.map(({ check, outcome }) => `${check}: ${outcome}`);

test("nginx that passes Host and the scheme on, without a limit, has no findings; buffered requests are fine", async () => {
    const host = await serve("client_max_body_size 0; proxy_request_buffering on;");
    expect(outcomes(await examine(host))).toEqual([
        ...["greeting: ok", "account: ok", "upload URL: ok", "small upload: ok", "large upload: ok", "removal: ok"],
    ]);
});

test("nginx that asks for a client certificate: with one, without, and with one of another CA", async () => {
    const clients = await testAuthority("Client CA");
    writeFileSync(join(folder, "clients.crt"), clients.ca);
    const client = async (authority: TestAuthority): Promise<ClientCertificate> =>
        authority.issue({ names: [], commonName: "mirror" });
    const host = await serve(
        `client_max_body_size 0; ssl_verify_client on; ssl_client_certificate "${join(folder, "clients.crt")}";`,
    );
    expect(outcomes(await examine(host, await client(clients))).at(-1)).toBe("removal: ok");
    for (const [certificate, code] of [
        [undefined, "CLIENT_CERTIFICATE_REQUIRED"],
        [await client(await testAuthority()), "CLIENT_CERTIFICATE_REJECTED"],
    ] as const) {
        const results = await examine(host, certificate);
        expect(outcomes(results)).toEqual(["greeting: failed"]);
        expect(results[0]?.error).toMatchObject({ code, status: 400 });
    }
});

test("nginx's own limit of 1 MB is a note, and blobs go in in chunks", async () => {
    const host = await serve("");
    const results = await examine(host);
    const note = results.find(({ outcome }) => outcome === "note");
    expect(note?.error).toMatchObject({ code: "CONTENT_TOO_LARGE" });
    expect(note?.detail).toContain("client_max_body_size 0");
    expect(outcomes(results).at(-1)).toBe("removal: ok");
    const bytes = randomBytes(SIZE);
    const digest = computeDigest(bytes);
    const client = new RegistryClient({ endpoint: { host, ca }, credentials: ACCOUNT, maxBody: 1_000_000 });
    try {
        const begun = await client.uploads.start("a/b", digest);
        if (begun.mounted) throw new Error("it was mounted");
        await client.uploads.put("a/b", digest, begun.location, SIZE, async function* () {
            yield await Promise.resolve(bytes);
        });
        expect(await client.blobHead("a/b", digest)).toBe(SIZE);
    } finally {
        await client.close();
    }
});

test.each([
    [
        "$host loses the port",
        "proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto https;",
        "UPLOAD_URL_UNREACHABLE",
    ],
    [
        "an inner host name",
        "proxy_set_header Host registry.invalid:5000; proxy_set_header X-Forwarded-Proto https; proxy_redirect off;",
        "UPLOAD_URL_UNREACHABLE",
    ],
    ["no X-Forwarded-Proto", "proxy_set_header Host $http_host; proxy_redirect off;", "TLS"],
])("%s is found at the upload URL, with the setting to change", async (_, headers, code) => {
    const results = await examine(await serve("client_max_body_size 0;", headers));
    expect(results.at(-1)).toMatchObject({ check: "upload URL", outcome: "failed", error: { code } });
    expect(results.at(-1)?.detail).toMatch(
        code === "TLS" ? /X-Forwarded-Proto: https/ : /proxy_set_header Host \$http_host/,
    );
});

test("a certificate that nginx wants from the client is named", async () => {
    const host = await serve(`ssl_client_certificate "${join(folder, "server.crt")}"; ssl_verify_client on;`);
    const [result] = await examine(host);
    expect(result).toMatchObject({
        check: "greeting",
        outcome: "failed",
        error: { code: "CLIENT_CERTIFICATE_REQUIRED", status: 400 },
    });
    expect(result?.detail).toContain("site.registry.clientCertificate");
});
