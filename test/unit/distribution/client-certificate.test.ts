import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { refusalByAlert } from "../../../lib/distribution/http/client-certificate-errors";
import type { ClientCertificate } from "../../../lib/http/secure-context";
import { computeDigest } from "../../../lib/oci/digest";
import { Transport } from "../../../lib/distribution/http/transport";
import { type TestAuthority, testAuthority } from "../../support/certificates";
import { ScriptedServer } from "../../support/http-server";
import { RegistryProcess } from "../../support/registry-process";

let authority: TestAuthority;
let clients: TestAuthority;

beforeAll(async () => {
    authority = await testAuthority();
    clients = await testAuthority("Client CA");
});

const client = (issuer: TestAuthority): Promise<ClientCertificate> => issuer.issue({ names: [], commonName: "mirror" });
const ONCE = { seconds: 0, firstDelay: 1, longestDelay: 1 };

describe("a real registry that asks for client certificates", () => {
    let registry: RegistryProcess;
    beforeAll(async () => {
        registry = await RegistryProcess.start({ tls: await authority.issue(), clientCa: clients.ca });
    });
    afterAll(() => registry.stop());

    async function ping(clientCertificate?: ClientCertificate): Promise<number> {
        const endpoint = {
            host: registry.host,
            ca: authority.ca,
            ...(clientCertificate === undefined ? {} : { clientCertificate }),
        };
        const registryClient = new RegistryClient({ endpoint, retry: ONCE });
        try {
            return await registryClient.ping();
        } finally {
            await registryClient.close();
        }
    }

    test("is reached with a certificate of the CA that it trusts", async () => {
        expect(await ping(await client(clients))).toBe(200);
    });

    test("without one, the error names the host and the keys", async () => {
        await expect(ping()).rejects.toMatchObject({
            code: "CLIENT_CERTIFICATE_REQUIRED",
            registry: registry.host,
            problem: `${registry.host} asks for a client certificate, and none was sent`,
            fix: expect.stringContaining(
                "site.registry.clientCertificate and its private key, the secret clientKey",
            ) as string,
        });
    });

    test("with one of another CA, or an expired one, the error says that it was rejected", async () => {
        const expired = await clients.issue({ names: [], commonName: "mirror", daysLeft: -1 });
        for (const certificate of [await client(authority), expired]) {
            const failure: unknown = await ping(certificate).catch((error: unknown) => error);
            expect(failure).toMatchObject({
                code: "CLIENT_CERTIFICATE_REJECTED",
                problem: `${registry.host} rejected the client certificate`,
            });
            expect(JSON.stringify(failure)).not.toContain(certificate.key.split("\n")[1]);
        }
    });
});

test("the certificate is shown to the registry's host on any port, and to no other host", async () => {
    const tls = await authority.issue();
    const names: (string | undefined)[] = [];
    const server = createServer(
        { cert: tls.certificate, key: tls.key, ca: clients.ca, requestCert: true },
        (request, response) => {
            const peer = (request.socket as TLSSocket).getPeerCertificate() as { subject?: { CN?: string } };
            names.push(peer.subject?.CN);
            response.end();
        },
    ).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const endpoint = { host: "localhost:1", ca: authority.ca, clientCertificate: await client(clients) };
    const transport = new Transport(endpoint, 1);
    const ask = async (host: string) => {
        const url = new URL(`https://${host}:${port}/v2/`);
        await (await transport.send({ method: "GET", url, operation: "GET /v2/" })).discard();
    };
    try {
        await ask("localhost");
        await expect(ask("127.0.0.1")).rejects.toMatchObject({ registry: `127.0.0.1:${port}` });
        expect(names).toEqual(["mirror"]);
    } finally {
        await transport.close();
        server.close();
    }
});

test.each([
    ["No required SSL certificate was sent", "CLIENT_CERTIFICATE_REQUIRED"],
    ["The SSL certificate error", "CLIENT_CERTIFICATE_REJECTED"],
])("nginx's page %p is an error about the client certificate", async (title, code) => {
    const body = `<html>\r\n<head><title>400 ${title}</title></head>\r\n<body><center>${title}</center></body></html>`;
    const page = { status: 400, headers: { "content-type": "text/html" }, body };
    const server = await ScriptedServer.start(() => page, await authority.issue());
    const registryClient = new RegistryClient({ endpoint: { host: server.host, ca: authority.ca }, retry: ONCE });
    try {
        await expect(registryClient.ping()).rejects.toMatchObject({ code, status: 400 });
        await expect(registryClient.uploads.start("mirror/app", computeDigest("bytes"))).rejects.toMatchObject({
            code,
        });
    } finally {
        await registryClient.close();
        await server.stop();
    }
});

test.each([
    // OpenSSL 3.0 and 3.5 name them differently.
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "required", "required"],
    ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", "required", "rejected"],
    ["ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE", "required", "rejected"],
    ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "required", "rejected"],
    ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED", "required", "rejected"],
    ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", undefined, undefined],
    ["ECONNRESET", undefined, undefined],
])("the alert %s without a certificate: %s, with one: %s", (code, without, withOne) => {
    expect([refusalByAlert(code, false), refusalByAlert(code, true)]).toEqual([without, withOne]);
});
