import type { ClusterClient } from "../../../lib/kubernetes/cluster-client";
import { testAuthority } from "../../support/certificates";
import { type Answering, type Reply, ScriptedServer } from "../../support/http-server";
import { clusterEntry } from "../../support/kubeconfig";
import { FAST, MAP, MAPS, ONCE, ScriptedApi, failure, jsonReply } from "../../support/scripted-api";

let api: ScriptedApi;
beforeAll(async () => {
    api = await ScriptedApi.create();
});
afterEach(() => api.end());

const getMap = (client: ClusterClient) => client.get(MAPS, "ca");

describe("repetition", () => {
    const busyOnce =
        (first: Reply, then: Reply): Answering =>
        (_, count) =>
            count === 1 ? first : then;

    test.each<[string, Reply]>([
        ["429", failure(429, "TooManyRequests")],
        ["500", failure(500, "InternalError")],
        ["a load balancer without a backend", { status: 502, body: "bad gateway" }],
        ["a lost connection", { status: 200, cutAfter: 0 }],
    ])("reading and conditional patches repeat after %s", async (_, first) => {
        const server = await api.serve(busyOnce(first, jsonReply(MAP)));
        await expect((await api.connect(server)).get(MAPS, "ca")).resolves.toEqual(MAP);
        const second = await api.serve(busyOnce(first, jsonReply(MAP)));
        const patched = (await api.connect(second)).patch(MAPS, "ca", { metadata: { resourceVersion: "7" } });
        await expect(patched).resolves.toEqual(MAP);
        expect([server.seen.length, second.seen.length]).toEqual([2, 2]);
    });

    test("a create is sent again only if the API did not process it", async () => {
        const refused = await api.serve(busyOnce(failure(429, "TooManyRequests"), jsonReply(MAP, 201)));
        await expect((await api.connect(refused)).create(MAPS, MAP)).resolves.toEqual(MAP);
        for (const [first, code] of [
            [failure(500, "InternalError"), "CLUSTER_SERVER_ERROR"],
            [{ status: 200, cutAfter: 0 }, "CLUSTER_UNREACHABLE"],
        ] as const) {
            const server = await api.serve(busyOnce(first, jsonReply(MAP, 201)));
            await expect((await api.connect(server)).create(MAPS, MAP)).rejects.toMatchObject({ code });
            expect(server.seen).toHaveLength(1);
        }
    });

    test("a Retry-After past the time that is left ends it", async () => {
        const busy = { ...failure(429, "TooManyRequests"), headers: { "retry-after": "600" } };
        const error = await api.errorOf(() => busy, getMap, FAST);
        expect(error).toMatchObject({ code: "CLUSTER_SERVER_ERROR", retryAfter: 600 });
    });

    test("what does not pass by itself is asked once", async () => {
        const server = await api.serve(() => failure(403, "Forbidden"));
        await expect((await api.connect(server)).get(MAPS, "ca")).rejects.toMatchObject({ code: "CLUSTER_FORBIDDEN" });
        expect(server.seen).toHaveLength(1);
    });
});

describe("limits", () => {
    test("a response that does not come, and one that does not end", async () => {
        const silent = await api.errorOf(() => new Promise<Reply>(() => undefined), getMap, {
            ...ONCE,
            requestTimeout: 50,
        });
        expect(silent.message).toContain("no response within 0.05 s");
        const headers = { "transfer-encoding": "chunked" };
        const long = await api.errorOf(() => ({ status: 200, headers, body: "x".repeat(5000) }), getMap, {
            ...ONCE,
            responseBytes: 1000,
        });
        expect(long).toMatchObject({ code: "CLUSTER_RESPONSE_UNKNOWN" });
        expect(long.problem).toContain("larger than 1000 bytes");
    });

    test("the signal ends requests and waits with its reason; a closed client sends nothing", async () => {
        const reason = new Error("the engine stops");
        const stop = new AbortController();
        const server = await api.serve(() => (stop.abort(reason), new Promise<Reply>(() => undefined)));
        await expect((await api.connect(server, FAST, stop.signal)).get(MAPS, "ca")).rejects.toBe(reason);
        const client = await api.connect(server);
        await client.close();
        await expect(client.get(MAPS, "ca")).rejects.toThrow("the client of the cluster is closed");
        expect(server.seen).toHaveLength(1);
    });
});

describe("TLS", () => {
    test("another CA, another name and no TLS are refused before anything is sent", async () => {
        const server = await api.serve(() => jsonReply(MAP));
        const strange = await testAuthority("Another CA");
        const named = await api.authority.issue({ names: ["api.lab.test"] });
        const wrongName = await api.serve(() => jsonReply(MAP), named);
        const plain = await api.servePlain(() => jsonReply(MAP));
        const get = async (cluster: Record<string, unknown>) => (await api.connectTo(cluster, ONCE)).get(MAPS, "ca");
        const { ca } = api.authority;
        const found = await Promise.allSettled([
            get(clusterEntry(server, strange.ca)),
            get({ server: server.origin }),
            get(clusterEntry(wrongName, ca)),
            get(clusterEntry({ origin: plain.origin.replace("http:", "https:") }, ca)),
        ]);
        expect(found).toEqual(
            Array(4).fill({ status: "rejected", reason: expect.objectContaining({ code: "CLUSTER_TLS" }) as unknown }),
        );
        expect([server, wrongName, plain].flatMap(({ seen }) => seen)).toEqual([]);
        const renamed = { ...clusterEntry(wrongName, ca), "tls-server-name": "api.lab.test" };
        await expect(get(renamed)).resolves.toEqual(MAP);
    });

    test("no server", async () => {
        const server = await ScriptedServer.start(() => jsonReply(MAP), api.certificate);
        const client = await api.connect(server, ONCE);
        await server.stop();
        await expect(client.get(MAPS, "ca")).rejects.toMatchObject({
            code: "CLUSTER_UNREACHABLE",
            problem: "no connection: ECONNREFUSED",
        });
    });
});
