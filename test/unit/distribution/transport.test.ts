import { once } from "node:events";
import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { DEFAULT_TIMEOUTS, storeTimeout } from "../../../lib/distribution/http/timeouts";
import { Transport } from "../../../lib/distribution/http/transport";
import { testAuthority } from "../../support/certificates";
import { type Reply, ScriptedServer } from "../../support/http-server";

test("a connection is kept after a HEAD, as after every other request, and says once how far the registry is", async () => {
    const authority = await testAuthority();
    const server = await ScriptedServer.start(() => ({ status: 200 }), await authority.issue());
    const roundTrips: number[] = [];
    const transport = new Transport({ host: server.host, ca: authority.ca }, 1, (one) => roundTrips.push(one));
    const began = performance.now();
    try {
        for (const method of ["HEAD", "HEAD", "PUT", "HEAD", "GET"] as const) {
            const body = method === "PUT" ? { body: Buffer.from("bytes") } : {};
            const url = new URL("/v2/", server.origin);
            const answer = await transport.send({ method, url, operation: method, ...body });
            await answer.discard();
        }
        expect(server.seen.map(({ method }) => method)).toEqual(["HEAD", "HEAD", "PUT", "HEAD", "GET"]);
        expect(server.connections).toBe(1);
        expect(roundTrips).toEqual([expect.any(Number)]);
        const [roundTrip = 0] = roundTrips;
        expect(roundTrip).toBeGreaterThan(0);
        // TCP and TLS each have one.
        expect(2 * roundTrip).toBeLessThanOrEqual(performance.now() - began);
    } finally {
        await transport.close();
        await server.stop();
    }
});

test("a server that drains says Connection: close, and every request after it has a connection of its own", async () => {
    const server = await ScriptedServer.start(() => ({ status: 200, headers: { connection: "close" }, body: "bytes" }));
    const transport = new Transport({ host: server.host, plainHttp: true }, 1);
    const url = new URL("/v2/", server.origin);
    const send = async (method: "HEAD" | "GET" | "PUT") => {
        const body = method === "PUT" ? { body: Buffer.alloc(300_000) } : {};
        return (await transport.send({ method, url, operation: method, ...body })).text();
    };
    try {
        // They are on their way before the first one is answered.
        expect(await Promise.all((["HEAD", "GET", "PUT", "GET"] as const).map(send))).toEqual([
            "",
            ...Array<string>(3).fill("bytes"),
        ]);
        expect(await send("PUT")).toBe("bytes");
        expect([server.seen.length, server.connections]).toEqual([5, 5]);
    } finally {
        await transport.close();
        await server.stop();
    }
});

test("a server that speaks nothing but HTTP/2 is told as such, with the cure", async () => {
    const authority = await testAuthority();
    const { certificate, key } = await authority.issue();
    const server = createSecureServer({ cert: certificate, key, allowHTTP1: false }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const host = `localhost:${(server.address() as AddressInfo).port}`;
    const transport = new Transport({ host, ca: authority.ca }, 1);
    try {
        const asking = transport.send({ method: "GET", url: new URL(`https://${host}/v2/`), operation: "GET v2" });
        await expect(asking).rejects.toMatchObject({
            code: "TLS",
            message: expect.stringContaining(`TLS at ${host}: GET v2: the TLS handshake failed`) as string,
            fix: expect.stringContaining("offer HTTP/1.1") as string,
        });
    } finally {
        await transport.close();
        server.close();
    }
});

test("a port that goes without saying is no other origin", () => {
    const origins = ["registry.example:443", "Registry.Example", "registry.example:8443"].map(
        (host) => new Transport({ host }, 1).origin,
    );
    expect(origins).toEqual(["https://registry.example", "https://registry.example", "https://registry.example:8443"]);
});

test.each(["text", "discard"] as const)("an answer without end is left: %s", async (take) => {
    const server = createServer((_, response) => {
        const more = () => void response.write(Buffer.alloc(64 * 1024, "x"), more);
        response.writeHead(500);
        more();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const host = `localhost:${(server.address() as AddressInfo).port}`;
    const transport = new Transport({ host, plainHttp: true }, 1);
    try {
        const url = new URL(`http://${host}/v2/`);
        const answer = await transport.send({ method: "GET", url, operation: "GET x" });
        expect((await answer[take]())?.length).toBe(take === "text" ? 64 * 1024 : undefined);
    } finally {
        await transport.close();
        server.closeAllConnections();
        server.close();
    }
});

test("headers without end are an error of the registry", async () => {
    const server = createServer((_, response) => {
        response.writeHead(
            200,
            Object.fromEntries(Array.from({ length: 10 }, (__, i) => [`x-${i}`, "y".repeat(60_000)])),
        );
        response.end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const host = `localhost:${(server.address() as AddressInfo).port}`;
    const transport = new Transport({ host, plainHttp: true }, 1);
    try {
        const sent = transport.send({ method: "GET", url: new URL(`http://${host}/v2/`), operation: "GET x" });
        const message = "GET x: the response has more than 256 KiB of headers";
        await expect(sent).rejects.toMatchObject({
            code: "UNEXPECTED_RESPONSE",
            message: expect.stringContaining(message),
        });
    } finally {
        await transport.close();
        server.closeAllConnections();
        server.close();
    }
});

describe("a response to an upload is waited for by the bytes that the server has to store", () => {
    const MINUTES = { connect: 60_000, response: 60_000, piece: 60_000, store: 600_000, storeBase: 600_000 };

    test("a little is waited for much shorter than the longest time, and the largest blob never longer", () => {
        expect(storeTimeout(DEFAULT_TIMEOUTS, 0)).toBe(120_000);
        expect(storeTimeout(DEFAULT_TIMEOUTS, 300_000)).toBe(120_300);
        expect(storeTimeout(DEFAULT_TIMEOUTS, 200e6)).toBe(320_000);
        expect(storeTimeout(DEFAULT_TIMEOUTS, 10e9)).toBe(900_000);
    });

    test.each<[string, "PUT" | "PATCH", Buffer | undefined, number | undefined]>([
        ["a manifest", "PUT", Buffer.alloc(300), undefined],
        ["a small blob", "PUT", Buffer.alloc(3000), 3000],
        ["a small blob in pieces", "PATCH", Buffer.alloc(3000), 3000],
        ["the end of a small upload", "PUT", undefined, 3000],
    ])("%s whose connection dies after its last byte ends as a timeout", async (_, method, body, storedBytes) => {
        const server = await ScriptedServer.start(() => new Promise<Reply>(() => undefined));
        const timeouts = { ...MINUTES, storeBase: 20 };
        const transport = new Transport({ host: server.host, plainHttp: true, timeouts }, 1);
        try {
            const url = new URL("/v2/a/b", server.origin);
            const sending = transport.send({ method, url, operation: method, storedBytes, ...(body && { body }) });
            await expect(sending).rejects.toMatchObject({ code: "TIMEOUT", operation: method });
        } finally {
            await transport.close();
            await server.stop();
        }
    });
});

test.each<[string, Record<string, string>, string]>([
    ["a bare opaque token", { authorization: "Bearer opaque-1234-token" }, "opaque-1234-token"],
    ["a token in HTML", { authorization: "Bearer opaque/1234" }, "opaque&#x2F;1234"],
    ["a password", { authorization: `Basic ${Buffer.from("u:pass-1234").toString("base64")}` }, "pass-1234"],
    ["a cookie", { cookie: "session=sid-987654" }, "sid-987654"],
])("an error that repeats %s of its request is read without it", async (_, headers, repeated) => {
    const server = await ScriptedServer.start(() => ({ status: 403, body: `{"message":"not ${repeated}!"}` }));
    const transport = new Transport({ host: server.host, plainHttp: true }, 1);
    try {
        const url = new URL("/v2/", server.origin);
        const response = await transport.send({ method: "GET", url, operation: "GET", headers });
        expect(await response.text()).toBe('{"message":"not [secret]!"}');
    } finally {
        await transport.close();
        await server.stop();
    }
});

test("a server that speaks plain HTTP is named as such, with the fix", async () => {
    const server = await ScriptedServer.start(() => ({ status: 200 }));
    const transport = new Transport({ host: server.host }, 1);
    try {
        const url = new URL(`https://${server.host}/v2/`);
        const error = await transport
            .send({ method: "GET", url, operation: "GET /v2/" })
            .catch((cause: unknown) => cause);
        expect(error).toMatchObject({
            code: "TLS",
            registry: server.host,
            problem: "the response is not TLS; the port may be one for plain HTTP",
            fix: expect.stringContaining("check the port in site.registry.mirrorBase"),
        });
    } finally {
        await transport.close();
        await server.stop();
    }
});
