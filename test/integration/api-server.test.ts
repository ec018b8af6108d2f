import { parse } from "yaml";
import { type ApiServer, startApiServer } from "../support/api-server";
import { ApiClient, type ApiObject } from "../support/cluster/api-client";
import { PULL_SECRET, createCluster, firstRenderedConfig } from "../support/openshift-cluster";

const PULL_SECRET_NAME = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "pull-secret", namespace: "openshift-config" },
};
const VERSION = { apiVersion: "config.openshift.io/v1", kind: "ClusterVersion", metadata: { name: "version" } };

describe("the API server of the tests", () => {
    let server: ApiServer;
    const clients: ApiClient[] = [];

    beforeAll(async () => {
        server = await startApiServer({ crds: "4.16" });
        await createCluster(server.admin, { version: "4.16.20", nodes: { master: 1, worker: 2, infra: 1 } });
    });
    afterAll(async () => {
        for (const client of clients) client.close();
        await server.stop();
    });

    function clientOf(kubeconfig: string): ApiClient {
        const config = parse(kubeconfig) as { users: { user: { token: string } }[] };
        const token = config.users[0]?.user.token ?? "";
        const client = new ApiClient({ url: server.url, ca: server.ca, token });
        clients.push(client);
        return client;
    }

    it("has the objects of a cluster that is at rest", async () => {
        const secret = await server.admin.get(PULL_SECRET_NAME);
        expect(Buffer.from(secret?.data?.[".dockerconfigjson"] ?? "", "base64").toString("utf8")).toBe(PULL_SECRET);
        expect((await server.admin.get(VERSION))?.status).toMatchObject({
            availableUpdates: null,
            history: [{ state: "Completed", version: "4.16.20" }],
        });
        const pools = await server.admin.list({
            apiVersion: "machineconfiguration.openshift.io/v1",
            kind: "MachineConfigPool",
        });
        expect(pools.map(({ metadata, status }) => [metadata.name, status?.machineCount])).toEqual([
            ["infra", 1],
            ["master", 1],
            ["worker", 2],
        ]);
        const nodes = await server.admin.list({ apiVersion: "v1", kind: "Node" });
        expect(nodes.map(currentConfig)).toEqual(["infra", "master", "worker", "worker"].map(firstRenderedConfig));
    });

    it("gives a service account the rights that it is created with, and no others", async () => {
        const rules = [
            { namespace: "openshift-config", apiGroups: [""], resources: ["secrets"], verbs: ["get"] },
            { apiGroups: ["config.openshift.io"], resources: ["clusterversions"], verbs: ["get"] },
        ];
        const client = clientOf(await server.kubeconfigFor("reader", rules));
        expect(await client.get(PULL_SECRET_NAME)).toBeDefined();
        expect(await client.get(VERSION)).toBeDefined();
        await expect(client.remove(PULL_SECRET_NAME)).rejects.toMatchObject({ status: 403, reason: "Forbidden" });
        await expect(client.list({ apiVersion: "v1", kind: "Secret" })).rejects.toMatchObject({ status: 403 });
        const own = server.requests().filter(({ user }) => user === "system:serviceaccount:default:reader");
        expect(own).toContainEqual(expect.objectContaining({ verb: "delete", status: 403 }));
    });

    it("refuses a token that it did not issue", async () => {
        const stranger = new ApiClient({ url: server.url, ca: server.ca, token: "unknown" });
        clients.push(stranger);
        expect((await stranger.request("GET", "/version")).status).toBe(401);
    });

    it("keeps its content and its address when it is killed and started again", async () => {
        const before = await server.admin.get(VERSION);
        await server.kill();
        await expect(server.admin.get(VERSION)).rejects.toThrow(/ECONNREFUSED|socket hang up|ECONNRESET/);
        await server.restart();
        expect(await server.admin.get(VERSION)).toEqual(before);
    });
});

function currentConfig({ metadata }: ApiObject): string | undefined {
    return metadata.annotations?.["machineconfiguration.openshift.io/currentConfig"];
}
