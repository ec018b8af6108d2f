// The floor: every distinct blob with one POST and one PUT, several at once, and nothing else; no digest is computed.
import { createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext, rootCertificates } from "node:tls";
import { Agent, request } from "undici";

const [folder = "", factsFile = "", host, ca = "", concurrency] = process.argv.slice(2);
/** @type {import("../data/layout.mjs").Content} */
const { blobs } = JSON.parse(readFileSync(factsFile, "utf8"));
// Read once: each connection would parse all public CAs anew.
const connect = {
    rejectUnauthorized: true,
    secureContext: createSecureContext({ ca: [...rootCertificates, readFileSync(ca, "utf8")] }),
};
const dispatcher = new Agent({ connections: Number(concurrency), connect, headersTimeout: 900_000 });
const waiting = Object.entries(blobs).sort(([, a], [, b]) => b - a);

async function putSome() {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [digest, size] = next;
        const begun = await request(`https://${host}/v2/floor/blobs/uploads/`, { dispatcher, method: "POST" });
        await begun.body.dump();
        const answer = await request(`${begun.headers.location}&digest=${digest}`, {
            dispatcher,
            method: "PUT",
            headers: { "content-length": String(size), "content-type": "application/octet-stream" },
            body: createReadStream(join(folder, digest.slice(7)), { highWaterMark: 256 * 1024 }),
        });
        await answer.body.dump();
        if (answer.statusCode !== 201) throw new Error(`${digest}: ${answer.statusCode}`);
    }
}

await Promise.all(Array.from({ length: Number(concurrency) }, putSome));
await dispatcher.close();
