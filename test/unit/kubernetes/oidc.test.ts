import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectCluster } from "../../../lib/kubernetes/connect";
import { flattenKubeconfigFile, readKubeconfig } from "../../../lib/kubernetes/kubeconfig";
import { type ClientLimits, DEFAULT_LIMITS } from "../../../lib/kubernetes/limits";
import { type ServerCertificate, type TestAuthority, testAuthority } from "../../support/certificates";
import { type Reply, ScriptedServer, type Seen } from "../../support/http-server";
import { base64, clusterEntry, kubeconfigText } from "../../support/kubeconfig";
import { jsonReply } from "../../support/scripted-api";

const MAPS = { apiVersion: "v1", resource: "configmaps", namespace: "n" };
const MAP = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "ca" } };
const EXPIRED = idToken(86_400);
/** Its characters are those that a form encodes. */
const CLIENT_SECRET = "canary/secret+1&2";

let authority: TestAuthority;
/** The CA of the OpenID provider alone. */
let providerAuthority: TestAuthority;
let certificate: ServerCertificate;
let api: ScriptedServer;
let provider: ScriptedServer;
/** Of the API server. */
let accepted: readonly string[] = [];
/** Of the provider, in place of its usual responses. */
let discovery: (usual: Record<string, unknown>) => Reply | Promise<Reply>;
let tokens: (request: Seen) => Reply | Promise<Reply>;
let count = 0;
let folder: string;

beforeAll(async () => {
    [authority, providerAuthority] = [await testAuthority(), await testAuthority("Provider CA")];
    certificate = await authority.issue();
    api = await ScriptedServer.start(
        ({ authorization }) => (accepted.includes(authorization ?? "") ? jsonReply(MAP) : { status: 401 }),
        certificate,
    );
    provider = await ScriptedServer.start(
        (request) => {
            const issuer = `${provider.origin}/realms/a`;
            return request.url === "/realms/a/.well-known/openid-configuration"
                ? discovery({ issuer, token_endpoint: `${provider.origin}/token?tenant=a` })
                : tokens(request);
        },
        await providerAuthority.issue(),
    );
});
afterAll(async () => {
    await api.stop();
    await provider.stop();
});
beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "oidc-"));
    [api, provider].forEach(({ seen }) => (seen.length = 0));
    discovery = jsonReply;
    tokens = () => jsonReply({ error: "invalid_grant" }, 400);
    accepted = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function idToken(exp: number): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    return `${part({ alg: "none" })}.${part({ exp })}.c2lnbg`;
}
const validFor = (seconds: number) => idToken(Math.floor(Date.now() / 1000) + seconds);

/** A login of its own, with a provider. */
function oidcUser(config: object = {}): Record<string, unknown> {
    const common = {
        ...{ "id-token": EXPIRED, "refresh-token": `canary-refresh-${++count}`, "client-id": "kubectl" },
        ...{ "idp-issuer-url": `${provider.origin}/realms/a` },
        "idp-certificate-authority-data": base64(providerAuthority.ca),
    };
    return { "auth-provider": { name: "oidc", config: { ...common, ...config } } };
}

const connect = (user: Record<string, unknown>, limits: Partial<ClientLimits> = {}) =>
    connectCluster({
        kubeconfig: kubeconfigText(clusterEntry(api, authority.ca), user),
        limits: { ...limits, retry: { ...DEFAULT_LIMITS.retry, seconds: 0 } },
    });

async function getTwice(user: Record<string, unknown>, limits?: Partial<ClientLimits>) {
    const client = await connect(user, limits);
    try {
        return [await client.get(MAPS, "ca"), await client.get(MAPS, "ca")];
    } finally {
        await client.close();
    }
}

const form = ({ body }: Seen) => Object.fromEntries(new URLSearchParams(body.toString()));

describe("a valid id-token", () => {
    test.each([
        ["with an expiry", () => validFor(600)],
        ["without one", () => "opaque"],
    ])("%s is sent", async (_, token) => {
        accepted = [`Bearer ${token()}`];
        await expect(getTwice(oidcUser({ "id-token": token() }))).resolves.toEqual([MAP, MAP]);
        expect(provider.seen).toEqual([]);
    });

    test("that the server rejects is neither sent again nor renewed", async () => {
        await expect(getTwice(oidcUser({ "id-token": validFor(600) }))).rejects.toThrow(/CLUSTER_LOGIN_REJECTED/);
        expect([api.seen.length, provider.seen.length]).toEqual([1, 0]);
    });
});

describe("an expired id-token", () => {
    test("is renewed once for all clients, with the next refresh-token after that", async () => {
        const user = oidcUser();
        const [first, second] = [validFor(600), validFor(1200)];
        accepted = [`Bearer ${first}`];
        tokens = () => jsonReply({ id_token: first, refresh_token: "canary-refresh-next" });
        await expect(Promise.all([getTwice(user), getTwice(user)])).resolves.toEqual([
            [MAP, MAP],
            [MAP, MAP],
        ]);
        expect(provider.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
            "GET /realms/a/.well-known/openid-configuration",
            "POST /token?tenant=a",
        ]);
        jest.useFakeTimers({ doNotFake: ["nextTick", "setImmediate", "setTimeout", "clearTimeout"] });
        try {
            jest.setSystemTime(Date.now() + 600_000);
            accepted = [`Bearer ${second}`];
            tokens = () => jsonReply({ id_token: second });
            await expect(getTwice(user)).resolves.toEqual([MAP, MAP]);
        } finally {
            jest.useRealTimers();
        }
        expect(provider.seen).toHaveLength(4);
        expect(form(provider.seen[3] as Seen)).toMatchObject({ refresh_token: "canary-refresh-next" });
    });

    test("a missing one too", async () => {
        const token = validFor(600);
        accepted = [`Bearer ${token}`];
        tokens = () => jsonReply({ id_token: token });
        await expect(getTwice(oidcUser({ "id-token": "" }))).resolves.toEqual([MAP, MAP]);
    });

    test.each<[string, object, readonly string[] | undefined, object, boolean]>([
        ["a public client", {}, undefined, { client_id: "kubectl" }, false],
        ["a client with a secret", { "client-secret": CLIENT_SECRET }, undefined, {}, true],
        [
            "one whose provider has both methods",
            { "client-secret": CLIENT_SECRET },
            ["client_secret_post", "client_secret_basic"],
            {},
            true,
        ],
        [
            "one whose provider has client_secret_post only",
            { "client-secret": CLIENT_SECRET },
            ["client_secret_post"],
            { client_id: "kubectl", client_secret: CLIENT_SECRET },
            false,
        ],
    ])("%s authenticates as the provider supports it", async (_, config, methods, sent, hasHeader) => {
        const token = validFor(600);
        accepted = [`Bearer ${token}`];
        discovery = (usual) => jsonReply({ ...usual, token_endpoint_auth_methods_supported: methods });
        tokens = () => jsonReply({ id_token: token });
        await expect(getTwice(oidcUser({ ...config, "refresh-token": `canary&${methods?.length}` }))).resolves.toEqual([
            MAP,
            MAP,
        ]);
        const request = provider.seen[1] as Seen;
        expect(form(request)).toEqual({
            grant_type: "refresh_token",
            refresh_token: `canary&${methods?.length}`,
            ...sent,
        });
        const pair = `kubectl:${encodeURIComponent(CLIENT_SECRET)}`;
        expect(request.authorization).toBe(hasHeader ? `Basic ${base64(pair)}` : undefined);
    });
});

describe("a renewal that fails", () => {
    const error = (description: string, name = "invalid_grant") =>
        jsonReply({ error: name, error_description: description }, 400);

    test.each<[string, () => void, object, RegExp, RegExp]>([
        [
            "for a rejected refresh-token",
            () => (tokens = ({ body }) => error(`${body.toString()}\nis used`)),
            {},
            /realms\/a did not renew the id-token: 400, invalid_grant: .*\[secret\].* is used$/,
            /^log in again with kubectl/,
        ],
        [
            "for a rejected client",
            () => (tokens = ({ authorization }) => error(`${authorization}`, "invalid_client")),
            { "client-secret": CLIENT_SECRET },
            /invalid_client: Basic .*\[secret\]/,
            /^set client-id and client-secret/,
        ],
        ["for a provider that is down", () => (tokens = () => ({ status: 503 })), {}, /: 503$/, /^check the health/],
        ["without an id-token", () => (tokens = () => jsonReply({})), {}, /sent no id_token/, /scope openid/],
        [
            "with a token that has expired",
            () => (tokens = () => jsonReply({ id_token: EXPIRED })),
            {},
            /issued an id-token that has expired already/,
            /clock/,
        ],
        [
            "for the discovery document of another issuer",
            () => (discovery = (usual) => jsonReply({ ...usual, issuer: "https://other.example" })),
            {},
            /openid-configuration is for the issuer "https:\/\/other.example"/,
            /^set idp-issuer-url/,
        ],
        [
            "without TLS at the token endpoint",
            () => (discovery = (usual) => jsonReply({ ...usual, token_endpoint: "http://localhost/token" })),
            {},
            /has no token_endpoint with https/,
            /^set idp-issuer-url/,
        ],
        [
            "without a discovery document",
            () => (discovery = () => ({ status: 404, body: "{}" })),
            {},
            /responded 404 without a discovery document/,
            /^set idp-issuer-url/,
        ],
        [
            "for a discovery document that is not there for now",
            () => (discovery = () => ({ status: 503 })),
            {},
            /did not renew the id-token: it responded 503$/,
            /^check the health/,
        ],
        [
            "for a document without an end",
            () => (discovery = () => ({ status: 200, body: `{"a":"${"a".repeat(1024 * 1024)}"}` })),
            {},
            /larger than 1048576 bytes/,
            /^check idp-issuer-url in the kubeconfig, and what stands in front of localhost/,
        ],
        [
            "for a CA that is not trusted",
            () => {},
            { "idp-certificate-authority-data": "" },
            /cannot be trusted/,
            /^set idp-certificate-authority-data/,
        ],
        [
            "for a provider that cannot be reached",
            () => {},
            { "idp-issuer-url": "https://localhost:1" },
            /https:\/\/localhost:1 did not renew the id-token: no connection: ECONNREFUSED/,
            /^check that localhost:1 can be reached/,
        ],
        [
            "without TLS",
            () => {},
            { "idp-issuer-url": "http://localhost:1" },
            /idp-issuer-url is not an https URL/,
            /^write https/,
        ],
        [
            "for the lack of settings",
            () => {},
            { "refresh-token": "", "client-id": "" },
            /^the id-token expired at 1970-01-02T00:00:00.000Z, and cannot be renewed without refresh-token, client-id in/,
            /^log in again/,
        ],
    ])("%s is an error of the login", async (_, prepare, config, problem, fix) => {
        prepare();
        const failure: unknown = await getTwice(oidcUser(config)).catch((thrown: unknown) => thrown);
        expect(failure).toMatchObject({
            ...{ code: "CLUSTER_LOGIN_REJECTED", server: api.origin },
            problem: expect.stringMatching(problem),
            fix: expect.stringMatching(fix),
        });
        expect(JSON.stringify(failure)).not.toMatch(/canary|c2FuYXJ5|a3ViZWN0bDpj/);
        expect(api.seen).toEqual([]);
    });

    test("for a rejected refresh-token is not tried again", async () => {
        const user = oidcUser();
        tokens = () => error("it is used");
        await expect(getTwice(user)).rejects.toThrow(/it is used/);
        await expect(getTwice(user)).rejects.toThrow(/it is used/);
        expect(provider.seen).toHaveLength(2);
    });

    test("for an outage is tried again by the next request", async () => {
        const user = oidcUser();
        tokens = () => ({ status: 503 });
        await expect(getTwice(user)).rejects.toThrow(/503/);
        const token = validFor(600);
        accepted = [`Bearer ${token}`];
        tokens = () => jsonReply({ id_token: token });
        await expect(getTwice(user)).resolves.toEqual([MAP, MAP]);
    });

    test("since the provider does not respond ends after the time of a request, or with the client", async () => {
        let requested = () => {};
        const waiting = new Promise<void>((resolve) => (requested = resolve));
        discovery = () => {
            requested();
            return new Promise<Reply>(() => {});
        };
        await expect(getTwice(oidcUser(), { requestTimeout: 300 })).rejects.toThrow(/no response within 0.3 s/);
        const client = await connect(oidcUser());
        const pending = client.get(MAPS, "ca");
        await waiting;
        await client.close();
        await expect(pending).rejects.toThrow(/the client of the cluster is closed/);
    });
});

test("the CA file of the provider becomes a part of the text", () => {
    const file = join(folder, "config");
    const config = { "idp-certificate-authority": "idp.crt", "idp-certificate-authority-data": undefined };
    writeFileSync(file, kubeconfigText(clusterEntry(api, authority.ca), oidcUser(config)));
    expect(() => flattenKubeconfigFile(file)).toThrow(/idp-certificate-authority: the file cannot be read: ENOENT/);
    writeFileSync(join(folder, "idp.crt"), "no PEM");
    expect(() => flattenKubeconfigFile(file)).toThrow(/idp-certificate-authority: it is not a PEM file/);
    writeFileSync(join(folder, "idp.crt"), providerAuthority.ca);
    const text = flattenKubeconfigFile(file);
    expect(readKubeconfig(text).kubeconfig?.user.oidc?.ca).toBe(providerAuthority.ca);
    expect(text).not.toContain("idp.crt");
});
