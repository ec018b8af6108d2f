import { writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { testAuthority } from "../support/certificates";
import { CommandSite } from "../support/command-site";
import { RegistryProcess } from "../support/registry-process";
import { ACCOUNT } from "../support/site";
import { Front, TokenMint, basicCredentials, forward, parseScope, repositoryOfPath } from "../support/token-gateway";

jest.setTimeout(120_000);

const EVERYTHING = { REGISTRY_PASSTHROUGH_DEBUG: "*" };
let site: CommandSite;
let registry: RegistryProcess | undefined;
let front: Front | undefined;

afterEach(async () => {
    await front?.stop();
    await registry?.stop();
    await site.remove();
    front = registry = undefined;
});

/** The lines of an area, without their time. */
function lines(error: string, area: string): string[] {
    const line = new RegExp(`^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z registry-passthrough:${area} (.*)$`, "gm");
    return [...error.matchAll(line)].map(([, text = ""]) => text);
}

function expectNoSecret(...more: string[]): void {
    for (const secret of [...site.secretForms(), ...more]) expect(site.said).not.toContain(secret);
}

test("with a password: every request, decision and wait is logged, and no form of the password", async () => {
    site = await CommandSite.create("with-mapping");
    const imported = await site.runWith(EVERYTHING, "import");
    expect(imported).toMatchObject({ code: 0 });
    const http = lines(imported.error, "http");
    const { host } = site.registry;
    expect(http[0]).toBe(`#1 GET https://${host}/v2/`);
    expect(http).toContainEqual(
        expect.stringMatching(/^connected to localhost:\d+ \(TLSv1\.3 to (127\.0\.0\.1|::1):\d+\)$/),
    );
    expect(http).toContainEqual(
        expect.stringMatching(
            /^#\d+ PUT https:\S+\/blobs\/uploads\/[\w-]+\?_state=\[hidden\]&digest=sha256:\w{64}: 201, \d+ ms, \d+ bytes sent, 0 bytes received$/,
        ),
    );
    const begun = http.filter((line) => /^#\d+ [A-Z]+ \S+$/.test(line));
    expect(begun.length).toBeGreaterThan(40);
    expect(http.filter((line) => /: \d{3}, \d+ ms, /.test(line))).toHaveLength(begun.length);
    const plan = lines(imported.error, "plan");
    const app0 = "quay.io/team0/app0:v1: tag mirror/quay.io/team0/app0:v1: absent";
    expect(plan).toContain(app0);
    expect(plan).toContainEqual(expect.stringMatching(/ to mirror\/\S+: upload, no repository of the mirror /));
    expect(lines(imported.error, "transfer")).toContainEqual(
        expect.stringMatching(/blobs\/sha256:\w+: upload of \d+ bytes/),
    );
    expect(lines(imported.error, "archive")[0]).toMatch(/set1 is \/.*\/set1$/);

    const again = await site.runWith(EVERYTHING, "plan");
    expect(lines(again.error, "plan")).toContain(app0.replace("absent", "present, its tag has its digest"));
    expect(await site.runWith(EVERYTHING, "verify", "--bytes")).toMatchObject({ code: 0 });
    expect(
        await site.runWith({ ...EVERYTHING, REGISTRY_PASSTHROUGH_PASSWORD: "another-canary-9b" }, "plan"),
    ).toMatchObject({ code: 78 });
    expectNoSecret("another-canary-9b", Buffer.from(`${ACCOUNT.username}:another-canary-9b`).toString("base64"));
});

const SIGNATURE = "canary-signature-51d0";
const COOKIE = "canary-cookie-77f2";

/** A registry with tokens that redirects reads of blobs to signed URLs, and whose errors repeat what they were sent. */
function gateway(mint: TokenMint, port: number, tokens: string[]) {
    let failures = 2;
    return (request: IncomingMessage, response: ServerResponse): void => {
        const url = new URL(request.url ?? "", `https://${front?.host ?? ""}`);
        const reply = (status: number, body: object, headers: Record<string, string> = {}) => {
            response.writeHead(status, { "content-type": "application/json", "set-cookie": `s=${COOKIE}`, ...headers });
            response.end(request.method === "HEAD" ? undefined : JSON.stringify(body));
            request.resume();
        };
        const authorization = request.headers.authorization ?? "";
        if (url.pathname === "/token") {
            if (basicCredentials(authorization)?.password !== ACCOUNT.password) return reply(401, {});
            const access = url.searchParams.getAll("scope").flatMap((scope) => parseScope(scope) ?? []);
            const token = mint.issue(access, 3600);
            tokens.push(token);
            return reply(200, { token, refresh_token: `refresh-${token}` });
        }
        const isSigned = url.searchParams.get("X-Signature") === SIGNATURE;
        const repository = repositoryOfPath(url.pathname) ?? "";
        const action = request.method === "GET" || request.method === "HEAD" ? "pull" : "push";
        const token = authorization.replace(/^Bearer /, "");
        if (
            !isSigned &&
            !(url.pathname === "/v2/" ? mint.read(token) !== undefined : mint.allows(token, repository, action))
        ) {
            const challenge = `Bearer realm="https://${front?.host ?? ""}/token",service="registry"`;
            return reply(401, {}, { "www-authenticate": challenge });
        }
        if (request.method === "PUT" && failures-- > 0) {
            const message = `sent with ${authorization} by ${ACCOUNT.username}:${ACCOUNT.password}`;
            return reply(503, { errors: [{ code: "UNAVAILABLE", message }] });
        }
        const isBlob = request.method === "GET" && url.pathname.includes("/blobs/sha256:");
        if (isBlob && !isSigned) return reply(307, {}, { location: `${url.href}?X-Signature=${SIGNATURE}` });
        forward(request, response, port);
    };
}

test("with bearer tokens, signed URLs, and errors that repeat both: none of them is logged", async () => {
    site = await CommandSite.create("with-mapping");
    registry = await RegistryProcess.start();
    const tokens: string[] = [];
    const authority = await testAuthority();
    front = await Front.start(await authority.issue(), gateway(new TokenMint(), registry.port, tokens));
    writeFileSync(join(site.folder, "front.crt"), authority.ca);
    site.configure({ mirrorBase: `${front.host}/mirror`, ca: "front.crt" }, { retrySeconds: 20 });
    const imported = await site.runWith(EVERYTHING, "import");
    expect(imported).toMatchObject({ code: 0 });
    const verified = await site.runWith(EVERYTHING, "verify", "--bytes");
    expect(verified).toMatchObject({ code: 0 });

    const retries = lines(imported.error, "retry");
    expect(retries).toContainEqual(
        expect.stringMatching(
            /^again in \d+ ms, failing for \d+ ms: SERVER_ERROR \(503, UNAVAILABLE\) at \S+: PUT .*\[secret\]/,
        ),
    );
    expect(retries).toContainEqual(
        expect.stringMatching(/^requests in flight: \d+ -> \d+, since SERVER_ERROR \(503, UNAVAILABLE\) at \S+: PUT /),
    );
    expect(retries).toContainEqual(expect.stringMatching(/: 401 with no account/));
    const asked = lines(verified.error, "http");
    expect(asked).toContainEqual(expect.stringContaining("/token?service=registry&scope=repository:mirror/"));
    expect(asked).toContainEqual(expect.stringMatching(/\/blobs\/sha256:\w+\?X-Signature=\[hidden\]: 200, /));
    expect(tokens.length).toBeGreaterThan(4);
    expectNoSecret(SIGNATURE, COOKIE, ...tokens);
});

test("without the variable nothing is logged; with areas only theirs, and an unknown one is named", async () => {
    site = await CommandSite.create("with-mapping");
    expect((await site.run("plan")).error).toBe("");
    const some = await site.runWith({ REGISTRY_PASSTHROUGH_DEBUG: "plan,archives" }, "plan");
    expect(some.error).toContain("warning: REGISTRY_PASSTHROUGH_DEBUG names archives; write a list of");
    expect(lines(some.error, "plan").length).toBeGreaterThan(6);
    expect(lines(some.error, "(?!plan )\\w+")).toEqual([]);
    const others = await site.runWith({ REGISTRY_PASSTHROUGH_DEBUG: "*,-http" }, "plan", "--json");
    expect(lines(others.error, "http")).toEqual([]);
    expect(lines(others.error, "plan").length).toBeGreaterThan(6);
    expect(JSON.parse(others.out)).toMatchObject({ stack: "dev" });
});
