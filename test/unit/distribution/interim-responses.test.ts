import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, createServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { InterimResponseFilter } from "../../../lib/distribution/http/interim-filter";
import { Transport } from "../../../lib/distribution/http/transport";
import { type ServerCertificate, testAuthority } from "../../support/certificates";

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const PROCESSING = "HTTP/1.1 102 Processing\r\nx-step: 1\r\n\r\n";
const HINTS = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n";
/** Its body looks like an interim response: nothing in a body may be removed. */
const BODY = `${CONTINUE}${HINTS}`;
const CREATED = `HTTP/1.1 201 Created\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;

describe("the filter of one connection", () => {
    test.each([
        ["no interim response", "", CREATED],
        ["one", CONTINUE, CREATED],
        ["several", `${CONTINUE}${PROCESSING}${HINTS}${CONTINUE}`, CREATED],
        ["HTTP/1.0", "HTTP/1.0 100 Continue\r\n\r\n", CREATED],
        ["a switch of protocols, which is a final response", CONTINUE, "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
        ["what is not HTTP", "", "SSH-2.0-OpenSSH\r\n"],
        ["what ends early", CONTINUE, "HTTP/1.1 200 OK\r\ncontent-"],
    ])("%s, split at each pair of places", (_, interim, response) => {
        const bytes = Buffer.from(interim + response);
        for (let first = 0; first <= bytes.length; first++) {
            for (let second = first; second <= bytes.length; second += 3) {
                const filter = new InterimResponseFilter();
                filter.expectResponse();
                const parts = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
                const kept = parts.map((part) => filter.filter(part).toString()).join("");
                if (kept !== response) throw new Error(`split at ${first} and ${second}: ${JSON.stringify(kept)}`);
            }
        }
    });

    test("byte by byte, for several requests of a connection", () => {
        const filter = new InterimResponseFilter();
        for (const interim of [CONTINUE, "", `${HINTS}${CONTINUE}`]) {
            filter.expectResponse();
            const kept = [...Buffer.from(interim + CREATED)].map((byte) => filter.filter(Buffer.from([byte])));
            expect(Buffer.concat(kept).toString()).toBe(CREATED);
        }
    });
});

/** Writes each part when the one before has left: TLS sends a record for each. */
async function writeParts(socket: Socket, parts: readonly string[]): Promise<void> {
    for (const part of parts) await new Promise<void>((resolve) => socket.write(part, () => setImmediate(resolve)));
}

/** A server that sends the parts once it has the head of a request with a body, and once more when it has the body. */
async function rawServer(tls: ServerCertificate | undefined, parts: readonly string[]) {
    const server: Server =
        tls === undefined ? createServer() : createTlsServer({ cert: tls.certificate, key: tls.key });
    const counts = { connections: 0, requests: 0 };
    server.on(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
        counts.connections++;
        socket.setNoDelay(true);
        socket.on("error", () => socket.destroy());
        let received = "";
        let missing = 0;
        socket.on("data", (chunk: Buffer) => {
            received += chunk.toString("latin1");
            const head = /^[A-Z]+ [\s\S]*?\r\n\r\n/.exec(received)?.[0];
            if (head === undefined) return;
            missing = head.length + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0) - received.length;
            if (missing > 0) return;
            received = "";
            counts.requests++;
            void writeParts(socket, [...parts, CREATED]);
        });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return { server, counts, host: `localhost:${(server.address() as AddressInfo).port}` };
}

describe.each([["TLS", true] as const, ["plain HTTP", false] as const])("a server with %s", (_, isTls) => {
    test.each(["PUT", "POST", "PATCH", "GET", "DELETE"] as const)(
        "interim responses before the response to %s, in pieces of 1 to 9 bytes, keep the connection",
        async (method) => {
            const authority = await testAuthority();
            const text = `${CONTINUE}${PROCESSING}${HINTS}`;
            const parts = text.match(/[\s\S]{1,9}/g) ?? [];
            const { server, counts, host } = await rawServer(isTls ? await authority.issue() : undefined, parts);
            const transport = new Transport(isTls ? { host, ca: authority.ca } : { host, plainHttp: true }, 1);
            try {
                for (let turn = 0; turn < 3; turn++) {
                    const body = method === "GET" || method === "DELETE" ? {} : { body: Buffer.alloc(200_000) };
                    const url = new URL("/v2/app/blobs/uploads/1", transport.origin);
                    const response = await transport.send({ method, url, operation: method, ...body });
                    expect([response.status, await response.text()]).toEqual([201, BODY]);
                }
                expect(counts).toEqual({ connections: 1, requests: 3 });
            } finally {
                await transport.close();
                server.close();
            }
        },
    );
});

test("a server that sends interim responses only, and then ends the connection, is a lost connection", async () => {
    const server = createServer((socket) => {
        socket.on("error", () => socket.destroy());
        socket.once("data", () => socket.end(CONTINUE));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const host = `localhost:${(server.address() as AddressInfo).port}`;
    const transport = new Transport({ host, plainHttp: true }, 1);
    try {
        const url = new URL("/v2/", transport.origin);
        const sent = transport.send({ method: "PUT", url, operation: "PUT", body: Buffer.from("bytes") });
        await expect(sent).rejects.toMatchObject({ code: "NETWORK" });
    } finally {
        await transport.close();
        server.close();
    }
});
