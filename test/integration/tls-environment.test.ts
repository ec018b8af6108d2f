import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { computeDigest } from "../../lib/oci/digest";
import { type ServerCertificate, type TestAuthority, testAuthority } from "../support/certificates";
import { CommandSite } from "../support/command-site";
import { type Reply, ScriptedServer } from "../support/http-server";
import { passthrough } from "../support/passthrough-cli";
import { clusterEntry, kubeconfigText } from "../support/kubeconfig";
import { RecordingServer } from "../support/recording-server";
import { ACCOUNT } from "../support/site";
import { UNVERIFIED, unverified } from "../support/unverified-process";

/*
 * The connecting process has NODE_TLS_REJECT_UNAUTHORIZED=0 in its environment. A server with a certificate of an unknown
 * CA must not receive a byte of a request.
 */

const DIGEST = computeDigest(Buffer.from("a blob"));
const CREDENTIALS = { username: "pusher", password: "canary-20c7" };

let authority: TestAuthority;
let certificate: ServerCertificate;
let stranger: RecordingServer;
let registry: ScriptedServer | undefined;

beforeAll(async () => {
    authority = await testAuthority();
    certificate = await authority.issue();
});

beforeEach(async () => {
    stranger = await RecordingServer.start(await (await testAuthority("Another CA")).issue({ daysLeft: 5 }));
});

afterEach(async () => {
    await stranger.stop();
    await registry?.stop();
    registry = undefined;
});

/** Runs code with a client that has an account; resolves to the code of its error. */
function client(endpoint: object, does: string): Promise<unknown> {
    const body = `
        const { RegistryClient } = lib("distribution/client/registry-client");
        const { endpoint, credentials, digest } = input;
        const client = new RegistryClient({ endpoint, credentials, retry: { seconds: 1, firstDelay: 1, longestDelay: 1 } });
        ${does}
        return "it did not fail";`;
    return unverified(body, { endpoint, credentials: CREDENTIALS, digest: DIGEST });
}

const READ = 'await client.manifestHead("a/b", "1");';
const GET_BLOB = 'for await (const _ of await client.blobGet("a/b", digest));';
const PUT_BLOB = `
    const { location } = await client.uploads.start("a/b", digest);
    const body = async function* () { yield Buffer.from("a blob"); };
    await client.uploads.put("a/b", digest, location, 6, body);`;

test("the variable works: a connection that does not set rejectUnauthorized accepts any certificate", async () => {
    const body = `
        const socket = require("node:tls").connect({ port: input, host: "127.0.0.1", servername: "localhost" });
        await require("node:events").once(socket, "secureConnect");
        return "trusted";`;
    expect(await unverified(body, stranger.port)).toBe("trusted");
});

test.each([
    ["with the registry's CA", () => ({ ca: authority.ca })],
    ["with public CAs alone", () => ({})],
])("a registry of another CA gets no request: %s", async (_, trust) => {
    expect(await client({ host: stranger.host, ...trust() }, READ)).toBe("TLS");
    expect(stranger.received).toBe("");
});

test("the API of a cluster, or its proxy, with a certificate of another CA gets no request", async () => {
    const body = `
        const { connectCluster } = lib("kubernetes/connect");
        const limits = { retry: { seconds: 0, firstDelay: 1, longestDelay: 1 } };
        const client = await connectCluster({ kubeconfig: input, limits });
        await client.list({ apiVersion: "v1", resource: "nodes" });
        return "it did not fail";`;
    const origin = `https://${stranger.host}`;
    const user = { token: CREDENTIALS.password };
    expect(await unverified(body, kubeconfigText(clusterEntry({ origin }, authority.ca), user))).toBe("CLUSTER_TLS");
    expect(await unverified(body, kubeconfigText({ server: origin }, user))).toBe("CLUSTER_TLS");
    const through = { ...clusterEntry({ origin: "https://api.lab.test:6443" }, authority.ca), "proxy-url": origin };
    expect(await unverified(body, kubeconfigText(through, user))).toBe("CLUSTER_UNREACHABLE");
    expect(stranger.received).toBe("");
});

const challenge = (): Reply => ({
    status: 401,
    headers: { "www-authenticate": `Bearer realm="https://${stranger.host}/token",service="registry"` },
});

const elsewhere = (status: number, path: string) => (): Reply => ({
    status,
    headers: { location: `https://${stranger.host}/${path}` },
});

test.each<[what: string, reply: () => Reply, does: string, asked: string[], code: string]>([
    ["token endpoint", challenge, READ, ["HEAD"], "TLS"],
    ["redirect", elsewhere(307, "blob"), GET_BLOB, ["GET"], "TLS"],
    ["upload place", elsewhere(202, "up"), PUT_BLOB, ["POST"], "UPLOAD_URL_UNREACHABLE"],
])("another CA gets no request: %s", async (_, reply, does, asked, code) => {
    registry = await ScriptedServer.start(reply, certificate);
    expect(await client({ host: registry.host, ca: authority.ca }, does)).toBe(code);
    expect(registry.seen.map(({ method }) => method)).toEqual(asked);
    expect(stranger.received).toBe("");
});

test("a token endpoint of another CA gets no request from a registry on plain HTTP either", async () => {
    registry = await ScriptedServer.start(challenge);
    expect(await client({ host: registry.host, plainHttp: true }, READ)).toBe("TLS");
    expect(registry.seen).toHaveLength(1);
    expect(stranger.received).toBe("");
});

test("no expiry notice is derived from a certificate of another CA", async () => {
    const body = 'return lib("registries/certificate-expiry").certificateNotes(input);';
    const trusted = await RecordingServer.start(await authority.issue({ daysLeft: 5 }));
    try {
        expect(await unverified(body, { host: trusted.host, ca: authority.ca })).toHaveLength(1);
        expect(await unverified(body, { host: stranger.host, ca: authority.ca })).toEqual([]);
        expect(await unverified(body, { host: stranger.host })).toEqual([]);
    } finally {
        await trusted.stop();
    }
});

const ALL_COMMANDS = [["lock"], ["plan"], ["plan", "--offline"], ["import"], ["verify"], ["render"], ["selftest"]];

test("every passthrough command stops, and names the variable and the fix", async () => {
    const site = await CommandSite.create("with-mapping");
    const account = {
        REGISTRY_PASSTHROUGH_USERNAME: ACCOUNT.username,
        REGISTRY_PASSTHROUGH_PASSWORD: ACCOUNT.password,
    };
    try {
        for (const command of ALL_COMMANDS) {
            const run = await passthrough(command, { cwd: site.folder, env: { ...account, ...UNVERIFIED } });
            expect([command, run.code, run.out, run.error]).toEqual([
                command,
                78,
                "",
                "passthrough: TLS: NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment switches TLS verification off; " +
                    "unset it, and give the registry's CA as a PEM file in site.registry.ca\n",
            ]);
        }
        const help = await passthrough(["verify", "--help"], { cwd: site.folder, env: UNVERIFIED });
        expect(help).toMatchObject({ code: 0, error: "" });
        expect(site.registry.accesses()).toEqual([]);
        const env = { ...account, NODE_TLS_REJECT_UNAUTHORIZED: "false" };
        expect(await passthrough(["import"], { cwd: site.folder, env })).toMatchObject({ code: 0 });
    } finally {
        await site.remove();
    }
});

test("plan, import and verify refuse a registry whose certificate has no subjectAltName", async () => {
    const tls = await authority.issue({ names: [], commonName: "localhost" });
    const site = await CommandSite.createWith({ tls }, "with-mapping");
    writeFileSync(join(site.folder, "ca.crt"), authority.ca);
    try {
        for (const command of ["plan", "import", "verify"]) {
            const run = await site.run(command);
            expect([command, run.code]).toEqual([command, 78]);
            expect(run.error).toContain("issue the certificate again with subjectAltName: DNS:localhost");
        }
        expect(site.registry.accesses()).toEqual([]);
    } finally {
        await site.remove();
    }
});
