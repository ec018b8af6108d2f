import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type DetailedPeerCertificate, connect } from "node:tls";
import type { RegistryError } from "../../../lib/errors/errors";
import { checkServerCertificate } from "../../../lib/distribution/http/server-certificate";
import { verifiedTls } from "../../../lib/distribution/http/tls";
import { Transport } from "../../../lib/distribution/http/transport";
import { certificateNotes } from "../../../lib/registries/certificate-expiry";
import {
    type AuthorityOptions,
    type IssueOptions,
    type ServerCertificate,
    selfSigned,
    testAuthority,
} from "../../support/certificates";
import { RecordingServer } from "../../support/recording-server";

const FIXTURES = join(__dirname, "../../fixtures/certificates");
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

const servers: RecordingServer[] = [];

afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
});

async function serve(tls: ServerCertificate): Promise<RecordingServer> {
    const server = await RecordingServer.start(tls);
    servers.push(server);
    return server;
}

/** The status that a request gets, or its error. */
async function asked(server: RecordingServer, ca: string, address = "localhost"): Promise<number | RegistryError> {
    const host = `${address}:${server.port}`;
    const transport = new Transport({ host, ca }, 1);
    try {
        const url = new URL(`https://${host}/v2/`);
        const answer = await transport.send({ method: "GET", url, operation: "GET v2" });
        await answer.discard();
        return answer.status;
    } catch (error) {
        return error as RegistryError;
    } finally {
        await transport.close();
    }
}

/** "yes" if a connection to loopback under that server name is trusted, else the error's code. */
async function trusts(server: RecordingServer, ca: string, name: string): Promise<string> {
    const socket = connect({ host: "127.0.0.1", port: server.port, servername: name, ...verifiedTls(ca) });
    try {
        await once(socket, "secureConnect");
        return "yes";
    } catch (error) {
        return String((error as NodeJS.ErrnoException).code);
    } finally {
        socket.destroy();
    }
}

type Refused = readonly [what: string, issue: IssueOptions, authority: AuthorityOptions, text: string, fix: string];

// A client written in Go 1.26 refuses each of them; Node.js by itself accepts those above the comment.
test.each<Refused>([
    ["no subjectAltName", { names: [] }, {}, "it has no subjectAltName", "subjectAltName: DNS:localhost"],
    [
        "its host in the Common Name alone",
        { names: ["127.0.0.1"], commonName: "localhost" },
        {},
        "DNS name",
        "mirrorBase",
    ],
    [
        "a negative serial number",
        { negativeSerial: true },
        { rsa: true },
        'certificate "localhost" has a neg',
        "positive",
    ],
    ["an issuer without basicConstraints", {}, { basicConstraints: false }, '"Test CA" has no basic', "CA:TRUE"],
    ["another spelling of its issuer's name", {}, { nameInCertificate: "TEST CA" }, "compare the bytes", "exactly as"],
    // Node.js by itself refuses these as well.
    ["a signature with SHA-1", { hash: "SHA-1" }, {}, "digest algorithm too weak (UNSPECIFIED)", "SHA-256"],
    ["no use for servers", { usages: [CLIENT_AUTH] }, {}, "(INVALID_PURPOSE)", "extendedKeyUsage: serverAuth"],
])("a certificate with %s is refused before a request is sent", async (_, options, issuer, text, fix) => {
    const authority = await testAuthority("Test CA", issuer);
    const server = await serve(await authority.issue(options));
    expect(await asked(server, authority.ca)).toMatchObject({
        code: "TLS",
        message: expect.stringContaining(
            `TLS at ${server.host}: GET v2: the TLS certificate cannot be trusted: `,
        ) as string,
        fix: expect.stringContaining(fix) as string,
    });
    expect(String(await asked(server, authority.ca))).toContain(text);
    expect(server.received).toBe("");
});

test("a registry that is addressed by IP needs that IP in subjectAltName", async () => {
    const authority = await testAuthority();
    const unnamed = await serve(await authority.issue({ names: [], commonName: "127.0.0.1" }));
    const named = await serve(await authority.issue({ names: ["localhost"], commonName: "127.0.0.1" }));
    const good = await serve(await authority.issue({ names: ["127.0.0.1"] }));
    expect(await asked(unnamed, authority.ca, "127.0.0.1")).toMatchObject({
        fix: "issue the certificate again with subjectAltName: IP:127.0.0.1",
    });
    expect(await asked(named, authority.ca, "127.0.0.1")).toMatchObject({ code: "TLS" });
    expect(await asked(good, authority.ca, "127.0.0.1")).toBe(200);
    expect(unnamed.received + named.received).toBe("");
});

test.each<[what: string, issue: IssueOptions, authority: AuthorityOptions]>([
    ["its host in subjectAltName", { names: ["localhost"], commonName: "anything" }, {}],
    ["an RSA issuer", {}, { rsa: true }],
    ["a use for servers", { usages: [CLIENT_AUTH, SERVER_AUTH] }, {}],
])("a certificate with %s is accepted", async (_, options, issuer) => {
    const authority = await testAuthority("Test CA", issuer);
    expect(await asked(await serve(await authority.issue(options)), authority.ca)).toBe(200);
});

test("a self-signed certificate given as its own CA is accepted for its subjectAltName, not for its Common Name", async () => {
    const [good, bad] = [await selfSigned(["localhost"], "x"), await selfSigned([], "localhost")];
    expect(await asked(await serve(good), good.certificate)).toBe(200);
    expect(await asked(await serve(bad), bad.certificate)).toMatchObject({ code: "TLS" });
});

const MISMATCH = "ERR_TLS_CERT_ALTNAME_INVALID";

test.each([
    ["*.example.test", "registry.example.test", "yes"],
    ["*.example.test", "my_registry.example.test", "yes"],
    ["Registry.Example.TEST", "registry.example.test", "yes"],
    ["*.example.test", "a.b.example.test", MISMATCH],
    ["*.example.test", "example.test", MISMATCH],
    // Node.js by itself accepts these two.
    ["reg*.example.test", "registry.example.test", MISMATCH],
    ["registry.example.test.", "registry.example.test", MISMATCH],
])("a certificate for %s, connection to %s: %s", async (entry, name, verdict) => {
    const authority = await testAuthority();
    const names = [entry, "other.example.test"];
    expect(await trusts(await serve(await authority.issue({ names })), authority.ca, name)).toBe(verdict);
});

test("a CA certificate of X.509 version 1, which has no extensions, is accepted as in Go", () => {
    const peer = (file: string) =>
        new X509Certificate(readFileSync(join(FIXTURES, file))).toLegacyObject() as DetailedPeerCertificate;
    const [ca, server] = [peer("version-1-ca.pem"), peer("version-1-ca-issued.pem")];
    ca.issuerCertificate = ca;
    server.issuerCertificate = ca;
    expect(checkServerCertificate("localhost", server)).toBeUndefined();
});

test("no expiry notice is derived from a certificate that is not trusted", async () => {
    const authority = await testAuthority();
    const notes = async (options: IssueOptions) => {
        const { host } = await serve(await authority.issue({ daysLeft: 5, ...options }));
        return certificateNotes({ host, ca: authority.ca });
    };
    expect(await notes({})).toEqual([
        expect.stringMatching(
            /^the registry's TLS certificate ends on \d{4}-\d\d-\d\d, .* \(localhost:\d+, issued by "Test CA"\); renew it/,
        ),
    ]);
    expect(await notes({ daysLeft: 31 })).toEqual([]);
    expect(await notes({ names: [], commonName: "localhost" })).toEqual([]);
});

test("a CA that the registry shows with its certificate and that ends first is announced; the root is not", async () => {
    const root = await testAuthority("Root", { daysLeft: 10 });
    const notes = async (daysLeft: number) => {
        const below = await root.intermediate("Below", daysLeft);
        const { certificate, key } = await below.issue();
        const { host } = await serve({ certificate: `${certificate}\n${below.ca}`, key });
        return certificateNotes({ host, ca: root.ca });
    };
    expect(await notes(9)).toEqual([
        expect.stringMatching(/^"Below", a CA of the registry's TLS certificate, ends on .*, issued by "Root"\)/),
    ]);
    expect(await notes(100)).toEqual([]);
});
