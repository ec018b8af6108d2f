import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import type { ClusterClient, KubernetesObject, NewObject } from "../../lib/kubernetes/cluster-client";
import { connectCluster } from "../../lib/kubernetes/connect";
import type { ClientLimits } from "../../lib/kubernetes/limits";
import { readNodeAddresses } from "../../lib/openshift";
import { type ApiServer, startApiServer } from "../support/api-server";

const NAMESPACE = "openshift-config";
const MAPS = { apiVersion: "v1", resource: "configmaps", namespace: NAMESPACE };
const NAMESPACES = { apiVersion: "v1", resource: "namespaces" };
const RULES = { apiVersion: "config.openshift.io/v1", resource: "imagedigestmirrorsets" };
const OLD_RULES = { apiVersion: "operator.openshift.io/v1alpha1", resource: "imagecontentsourcepolicies" };
const PLUGIN_VERSION = "client.authentication.k8s.io/v1";

type ConfigMap = KubernetesObject & { readonly data?: Readonly<Record<string, string>> };

const folder = mkdtempSync(join(tmpdir(), "login-"));
let server: ApiServer;
let admin: ClusterClient;
const clients: ClusterClient[] = [];

async function connect(kubeconfig: string, limits: Partial<ClientLimits> = {}): Promise<ClusterClient> {
    const client = await connectCluster({ kubeconfig, limits });
    clients.push(client);
    return client;
}

beforeAll(async () => {
    server = await startApiServer({ crds: "4.16" });
    admin = await connect(server.kubeconfig);
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } };
    if ((await admin.get(NAMESPACES, NAMESPACE)) === undefined) await admin.create(NAMESPACES, namespace);
});
afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await server.stop();
    rmSync(folder, { recursive: true });
});

const configMap = (name: string, data: Readonly<Record<string, string>> = {}): NewObject & Pick<ConfigMap, "data"> => ({
    ...{ apiVersion: "v1", kind: "ConfigMap" },
    metadata: { name, namespace: NAMESPACE },
    data,
});
const versionOf = ({ metadata }: KubernetesObject) => metadata.resourceVersion ?? "";

test("an object is created, read, patched and removed, each only as it was read", async () => {
    await expect(admin.get(MAPS, "ca")).resolves.toBeUndefined();
    const created = await admin.create<ConfigMap>(MAPS, configMap("ca", { a: "1", b: "2" }));
    await expect(admin.create(MAPS, configMap("ca"))).rejects.toMatchObject({ code: "CLUSTER_OBJECT_EXISTS" });
    const metadata = { resourceVersion: versionOf(created) };
    const patch = { metadata, data: { a: null, c: "3" } };
    const patched = await admin.patch<ConfigMap>(MAPS, "ca", patch);
    expect(patched.data).toEqual({ b: "2", c: "3" });
    expect(patched.metadata.managedFields?.map(({ manager }) => manager)).toContain("registry-passthrough");
    await expect(admin.patch(MAPS, "ca", patch)).rejects.toMatchObject({ code: "CLUSTER_CONFLICT" });
    await expect(admin.remove(MAPS, "ca", versionOf(created))).rejects.toMatchObject({ code: "CLUSTER_CONFLICT" });
    await admin.remove(MAPS, "ca", versionOf(patched));
    await expect(admin.get(MAPS, "ca")).resolves.toBeUndefined();
    await admin.remove(MAPS, "ca", versionOf(patched));
    await expect(admin.patch(MAPS, "ca", patch)).rejects.toMatchObject({ code: "CLUSTER_CONFLICT" });
});

test("the addresses of all nodes are read, of both families, without those that no packet comes from, and who has none", async () => {
    const nodes = { apiVersion: "v1", resource: "nodes" };
    const addresses = [
        { type: "Hostname", address: "worker-0" },
        { type: "InternalIP", address: "10.8.0.10" },
        { type: "InternalIP", address: "fd00:8::10" },
        { type: "InternalIP", address: "127.0.0.1" },
    ];
    const status = [{ addresses }, { addresses: [{ type: "ExternalIP", address: "192.0.2.9" }] }, {}];
    for (const [index, one] of status.entries()) {
        const node = { apiVersion: "v1", kind: "Node", metadata: { name: `worker-${index}` }, status: one };
        await admin.create(nodes, node);
    }
    await expect(readNodeAddresses(admin)).resolves.toEqual({
        addresses: ["10.8.0.10", "192.0.2.9", "fd00:8::10"],
        without: ["worker-2"],
    });
});

test("lists have all pages, and every item its kind", async () => {
    const names = ["page-a", "page-b", "page-c", "page-d", "page-e"];
    for (const name of names) await admin.create(MAPS, configMap(name));
    const paged = await connect(server.kubeconfig, { pageSize: 2 });
    const found = await paged.list<ConfigMap>(MAPS);
    expect(found?.map(({ metadata }) => metadata.name).filter((name) => name.startsWith("page-"))).toEqual(names);
    expect(new Set(found?.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`))).toEqual(new Set(["v1 ConfigMap"]));
    await expect(admin.list(RULES)).resolves.toEqual([]);
});

test("a kind, a version and a group that are not served are known to be missing", async () => {
    const paths = [
        { apiVersion: "config.openshift.io/v1", resource: "strangers" },
        { apiVersion: "config.openshift.io/v99", resource: "images" },
        { apiVersion: "nothing.example/v1", resource: "images" },
        { apiVersion: "v1", resource: "strangers", namespace: NAMESPACE },
    ];
    for (const path of paths) {
        await expect(admin.list(path)).resolves.toBeUndefined();
        await expect(admin.get(path, "a")).rejects.toMatchObject({ code: "CLUSTER_KIND_MISSING" });
        await expect(admin.remove(path, "a", "1")).resolves.toBeUndefined();
    }
    await expect(admin.list(OLD_RULES)).resolves.toEqual([]);
});

test("what the API does not accept names every cause, and unknown fields are not dropped silently", async () => {
    const rules = (spec: object) =>
        ({
            apiVersion: RULES.apiVersion,
            kind: "ImageDigestMirrorSet",
            metadata: { name: "rules" },
            spec,
        }) as NewObject;
    const wrong = rules({ imageDigestMirrors: [{ source: "/", mirrorSourcePolicy: "Maybe" }] });
    const invalid = await admin
        .create(RULES, wrong)
        .catch((error: unknown) => error as { code: string; problem: string });
    expect(invalid).toMatchObject({ code: "CLUSTER_INVALID" });
    expect(invalid).toHaveProperty(
        "problem",
        expect.stringMatching(/imageDigestMirrors\[0\]\.source.*mirrorSourcePolicy|mirrorSourcePolicy.*\.source/),
    );
    const unknown = admin.create(RULES, rules({ imageDigestMirrors: [], imageTagMirrors: [] }));
    await expect(unknown).rejects.toMatchObject({
        code: "CLUSTER_INVALID",
        problem: expect.stringContaining("imageTagMirrors") as unknown,
    });
    const nowhere = admin.create(
        { ...MAPS, namespace: "nowhere" },
        { ...configMap("a"), metadata: { name: "a", namespace: "nowhere" } },
    );
    await expect(nowhere).rejects.toMatchObject({
        code: "CLUSTER_INVALID",
        problem: expect.stringContaining("nowhere") as unknown,
    });
});

test("a service account has the rights that it was given; what it lacks is named", async () => {
    const rules = [{ apiGroups: ["config.openshift.io"], resources: ["imagedigestmirrorsets"], verbs: ["list"] }];
    const client = await connect(await server.kubeconfigFor("reader", rules));
    await expect(client.list(RULES)).resolves.toEqual([]);
    await expect(client.get(MAPS, "a")).rejects.toMatchObject({
        code: "CLUSTER_FORBIDDEN",
        problem: expect.stringMatching(/cannot get resource "configmaps"/) as unknown,
    });
    const strange = { apiVersion: "nothing.example/v1", resource: "images" };
    await expect(client.list(strange)).rejects.toMatchObject({ code: "CLUSTER_FORBIDDEN" });
});

describe("logins", () => {
    const withUser = (user: object): string => {
        const config = parse(server.kubeconfig) as { users: object[] };
        return stringify({ ...config, users: config.users.map((entry) => ({ ...entry, user })) });
    };

    test("a client certificate", async () => {
        const client = await connect(await server.certificateKubeconfig("ada"));
        await expect(client.get(MAPS, "a")).rejects.toMatchObject({
            code: "CLUSTER_FORBIDDEN",
            problem: expect.stringContaining('User "ada"') as unknown,
        });
    });

    test("a plugin that issues a token, and one that issues a certificate", async () => {
        const plugin = (status: object) => {
            const file = join(folder, "credential.json");
            writeFileSync(file, JSON.stringify({ apiVersion: PLUGIN_VERSION, kind: "ExecCredential", status }));
            return withUser({ exec: { apiVersion: PLUGIN_VERSION, command: "cat", args: [file] } });
        };
        const [token] = (parse(server.kubeconfig) as { users: { user: { token: string } }[] }).users;
        await expect((await connect(plugin({ token: token?.user.token }))).list(RULES)).resolves.toEqual([]);
        const { certificate, key } = await server.authority.issue({
            names: [],
            commonName: "grace",
            usages: ["1.3.6.1.5.5.7.3.2"],
        });
        const client = await connect(plugin({ clientCertificateData: certificate, clientKeyData: key }));
        await expect(client.list(RULES)).rejects.toMatchObject({
            problem: expect.stringContaining('User "grace"') as unknown,
        });
    });

    test("a wrong token is rejected; no login at all is one too, not a missing right", async () => {
        for (const user of [{ token: "wrong" }, {}]) {
            const client = await connect(withUser(user));
            await expect(client.list(RULES)).rejects.toMatchObject({ code: "CLUSTER_LOGIN_REJECTED" });
        }
    });
});

test("requests wait for an API server that restarts", async () => {
    await admin.create(MAPS, configMap("restart"));
    await server.kill();
    const found = admin.get(MAPS, "restart");
    await server.restart();
    await expect(found).resolves.toMatchObject({ metadata: { name: "restart" } });
});
