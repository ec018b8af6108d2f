import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { type Reply, ScriptedServer } from "../../support/http-server";

const DIGEST = `sha256:${"7".repeat(64)}`;
const servers: ScriptedServer[] = [];
const clients: RegistryClient[] = [];

afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    for (const server of servers.splice(0)) await server.stop();
});

async function connect(answer: (method: string) => Reply): Promise<RegistryClient> {
    const server = await ScriptedServer.start(({ method }) => answer(method));
    servers.push(server);
    const endpoint = { host: server.host, plainHttp: true };
    const client = new RegistryClient({ endpoint, retry: { seconds: 0, firstDelay: 1, longestDelay: 1 } });
    clients.push(client);
    return client;
}

const error = (status: number, code: string): Reply => ({ status, body: JSON.stringify({ errors: [{ code }] }) });

test("a size that neither HEAD nor GET gives is an error with its reason, and takes no request's turn for good", async () => {
    const client = await connect((method) =>
        method === "HEAD" ? { status: 200, headers: { "transfer-encoding": "chunked" } } : error(403, "DENIED"),
    );
    for (let asked = 0; asked < 30; asked++) {
        await expect(client.blobHead("a/b", DIGEST)).rejects.toMatchObject({ status: 403, code: "DENIED" });
    }
});

test("whether sparse indexes are taken is not known of a registry that fails", async () => {
    const client = await connect(() => error(503, "UNAVAILABLE"));
    await expect(client.announcesSparseIndexes()).rejects.toMatchObject({ status: 503 });
});

test("a small blob whose connection dies does not hold the run for as long as a large one may take", async () => {
    const server = await ScriptedServer.start(({ method }) =>
        method === "POST"
            ? { status: 202, headers: { location: "/v2/a/b/blobs/uploads/1" } }
            : new Promise<Reply>(() => undefined),
    );
    servers.push(server);
    const timeouts = { connect: 60_000, response: 60_000, piece: 60_000, store: 600_000, storeBase: 20 };
    const endpoint = { host: server.host, plainHttp: true, timeouts };
    const client = new RegistryClient({ endpoint, retry: { seconds: 0, firstDelay: 1, longestDelay: 1 } });
    clients.push(client);
    const begun = await client.uploads.start("a/b", DIGEST);
    if (begun.mounted) throw new Error("mounted");
    const body = async function* () {
        yield await Promise.resolve(Buffer.alloc(3000));
    };
    const sending = client.uploads.put("a/b", DIGEST, begun.location, 3000, body);
    await expect(sending).rejects.toMatchObject({ code: "TIMEOUT", operation: `PUT a/b/blobs/${DIGEST}` });
});
