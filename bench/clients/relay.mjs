import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, createServer as createTlsServer, request as sendRequest } from "node:https";
import { connect, createServer } from "node:net";
import { performance } from "node:perf_hooks";

/*
 * A line with a registry at its end, until its stdin ends; prints its port. Delay and rate apply to the bytes as they are,
 * so TLS is between client and registry. A registry that takes few requests at a time is played by a server with TLS
 * on both sides, since it has to read requests.
 */

const [port = "", certificate = "", key = "", ca = "", line = "{}"] = process.argv.slice(2);
/** @type {import("../line.mjs").LineProfile} */
const { roundTrip = 0, rate = Infinity, takes = Infinity, refusal } = JSON.parse(line);

/** Bytes that one connection may have on the line, as a TCP window. */
const WINDOW = 4 * 1024 * 1024;
/** Milliseconds of bytes that wait at the narrow end before senders notice. */
const QUEUE = 100;

const behind = Number.isFinite(takes) ? await limited() : Number(port);
const directions = { there: { freeAt: 0 }, back: { freeAt: 0 } };
const front = createServer({ allowHalfOpen: true }, (client) => {
    const registry = connect({ port: behind, host: "127.0.0.1", allowHalfOpen: true });
    for (const socket of [client, registry]) socket.setNoDelay(true);
    // What TCP's own handshake takes.
    carry(client, registry, directions.there, performance.now() + roundTrip);
    carry(registry, client, directions.back, 0);
    client.on("error", () => registry.destroy());
    registry.on("error", () => client.destroy());
});
front.listen(0, "127.0.0.1");
await once(front, "listening");
process.stdout.write(`${/** @type {import("node:net").AddressInfo} */ (front.address()).port}\n`);
process.stdin.resume();
await once(process.stdin, "end");
process.exit(0);

/**
 * One direction of a connection: each piece leaves when the line is free, and arrives half a round trip later.
 *
 * @param {import("node:net").Socket} from
 * @param {import("node:net").Socket} to
 * @param {{freeAt: number}} direction shared by all connections
 * @param {number} notBefore
 */
function carry(from, to, direction, notBefore) {
    /** @type {{due: number, piece: Buffer | undefined}[]} */
    const onWay = [];
    let bytes = 0;
    const arrive = () => {
        for (let next = onWay[0]; next !== undefined && next.due <= performance.now() + 0.5; next = onWay[0]) {
            onWay.shift();
            bytes -= next.piece?.length ?? 0;
            if (next.piece === undefined) to.end();
            else if (to.writable) to.write(next.piece);
        }
        if (onWay[0] !== undefined) setTimeout(arrive, Math.max(1, onWay[0].due - performance.now()));
    };
    const leave = (/** @type {Buffer | undefined} */ piece) => {
        const now = performance.now();
        direction.freeAt = Math.max(direction.freeAt, now) + (piece?.length ?? 0) / rate;
        onWay.push({ due: Math.max(direction.freeAt, notBefore) + roundTrip / 2, piece });
        bytes += piece?.length ?? 0;
        if (onWay.length === 1) arrive();
        const queued = direction.freeAt - now;
        if (queued < QUEUE && bytes < WINDOW) return;
        from.pause();
        setTimeout(() => from.resume(), Math.max(1, queued - QUEUE));
    };
    from.on("data", leave);
    from.on("end", () => leave(undefined));
}

/** A server that refuses what is one request too many, and passes on the others. @returns {Promise<number>} its port */
async function limited() {
    const agent = new Agent({ keepAlive: true, ca: readFileSync(ca), servername: "localhost" });
    let running = 0;
    const server = createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (asked, answer) => {
        if (running >= takes) {
            asked.resume();
            answer.writeHead(refusal?.status ?? 429, { "content-type": "application/json" }).end(refusal?.body ?? "");
            return;
        }
        running += 1;
        answer.on("close", () => (running -= 1));
        const { method, url, headers } = asked;
        const passed = sendRequest({ agent, host: "127.0.0.1", port, method, path: url, headers }, (response) => {
            answer.writeHead(response.statusCode ?? 502, response.headers);
            response.pipe(answer);
        });
        passed.on("error", () => answer.destroy());
        asked.pipe(passed);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return /** @type {import("node:net").AddressInfo} */ (server.address()).port;
}
