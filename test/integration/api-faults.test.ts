import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { parse } from "yaml";
import { ApiFaults } from "../support/api-faults";
import { type ApiServer, startApiServer } from "../support/api-server";
import { ApiClient } from "../support/cluster/api-client";

const OBJECT = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "wanted", namespace: "default" } };

describe("the proxy that injects faults", () => {
    let server: ApiServer;
    let faults: ApiFaults;
    let token: string;
    let client: ApiClient;

    beforeAll(async () => {
        server = await startApiServer();
        faults = await ApiFaults.start(server);
        const kubeconfig = parse(faults.through(server.kubeconfig)) as {
            clusters: { cluster: { server: string } }[];
            users: { user: { token: string } }[];
        };
        expect(kubeconfig.clusters[0]?.cluster.server).toBe(faults.url);
        token = kubeconfig.users[0]?.user.token ?? "";
        client = new ApiClient({ url: faults.url, ca: server.ca, token });
    });
    afterEach(async () => {
        faults.clear();
        await server.admin.remove(OBJECT);
    });
    afterAll(async () => {
        client.close();
        await faults.stop();
        await server.stop();
    });

    it.each([
        [409, "Conflict"],
        [422, "Invalid"],
        [429, "TooManyRequests"],
    ])("responds with %d to as many requests as wanted, which the API server does not see", async (status, reason) => {
        faults.inject({ status, reason, retryAfter: 1 }, { method: "POST", path: /\/configmaps/, times: 2 });
        await expect(client.create(OBJECT)).rejects.toMatchObject({ status, reason });
        await expect(client.create(OBJECT)).rejects.toMatchObject({ status, reason });
        expect(await client.get(OBJECT)).toBeUndefined();
        await client.create(OBJECT);
    });

    it("says when to try again", async () => {
        faults.inject({ status: 429, reason: "TooManyRequests", retryAfter: 2 }, { path: /\/version/ });
        const [response] = (await once(open("/version"), "response")) as [IncomingMessage];
        expect(response.headers["retry-after"]).toBe("2");
        response.resume();
    });

    it("ends the connection before the API server has seen the request, or after it has done it", async () => {
        await client.get(OBJECT);
        faults.inject("connection reset", { method: "POST", path: /\/configmaps/ });
        await expect(client.create(OBJECT)).rejects.toThrow(/socket hang up|ECONNRESET/);
        expect(await server.admin.get(OBJECT)).toBeUndefined();
        faults.inject("lost response", { method: "POST", path: /\/configmaps/ });
        await expect(client.create(OBJECT)).rejects.toThrow(/socket hang up|ECONNRESET/);
        expect(await server.admin.get(OBJECT)).toBeDefined();
    });

    it("keeps a request without a response until the client gives up", async () => {
        faults.inject("no response", { path: /\/version$/ });
        const before = faults.requests.length;
        const outgoing = open("/version");
        while (faults.requests.length === before) await new Promise(setImmediate);
        const end = once(outgoing, "error");
        outgoing.destroy(new Error("given up"));
        expect(String(await end)).toContain("given up");
        expect((await client.request("GET", "/version")).status).toBe(200);
    });

    it("cuts a watch after its first event, and other responses in the middle", async () => {
        faults.inject("cut response", { path: /watch=true/ });
        const outgoing = open("/api/v1/configmaps?watch=true&fieldSelector=metadata.name%3Dwanted");
        const answer = once(outgoing, "response");
        const [response] = (await answer) as [IncomingMessage];
        const error = once(response, "error");
        const event = once(response, "data");
        await server.admin.create(OBJECT);
        const [first] = (await event) as [Buffer];
        expect(JSON.parse(first.toString("utf8"))).toMatchObject({ type: "ADDED" });
        expect(String(await error)).toMatch(/aborted|ECONNRESET/);
        faults.inject("cut response", { path: /\/version/ });
        await expect(client.request("GET", "/version")).rejects.toThrow(/aborted|ECONNRESET/);
    });

    function open(path: string): ReturnType<typeof request> {
        const outgoing = request(new URL(path, faults.url), {
            ca: server.ca,
            headers: { authorization: `Bearer ${token}` },
        });
        outgoing.end();
        return outgoing;
    }
});
