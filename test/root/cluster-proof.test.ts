import { randomBytes } from "node:crypto";
import { RegistryClient, requestsFor } from "../../lib/distribution/client/registry-client";
import { connectCluster } from "../../lib/kubernetes/connect";
import { PROBE_NAMESPACE, contentRules, parseRegistriesConf } from "../../lib/openshift";
import { SYSTEM_CLOCK } from "../../lib/openshift/rollout/system-clock";
import { computeDigest } from "../../lib/oci/digest";
import { type ClusterProof, proveCluster } from "../../lib/passthrough";
import { type ApiServer, startApiServer } from "../support/api-server";
import { testAuthority } from "../support/certificates";
import { containerdHosts } from "../support/node/containerd-hosts";
import { NODE, RealNode } from "../support/node/real-node";
import { RegistryProcess } from "../support/registry-process";

jest.setTimeout(600_000);

const ACCOUNT = { username: "puller", password: "a password" };

let ca: string;
let registry: RegistryProcess;
let server: ApiServer;
let node: RealNode;

beforeAll(async () => {
    const authority = await testAuthority();
    ({ ca } = authority);
    registry = await RegistryProcess.start({ tls: await authority.issue(), account: ACCOUNT });
    server = await startApiServer();
    const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString("base64");
    // Chosen by the upstream's name, and sent to the mirror.
    node = await RealNode.start(server, hosts, { auths: { "quay.io": { auth } } });
});

afterAll(async () => {
    await node.stop();
    await server.stop();
    await registry.stop();
});

function rules() {
    const images = { images: { "quay.io/team/app:1.0": computeDigest("app") } };
    return contentRules({ host: registry.host, prefix: "mirror" }, images, { contactSource: "never" });
}

function hosts(certsFolder: string): Record<string, string> {
    return containerdHosts(rules(), { host: registry.host, ca }, certsFolder);
}

async function prove(): Promise<ClusterProof> {
    const signal = new AbortController().signal;
    const pushing = () =>
        new RegistryClient({
            endpoint: { host: registry.host, ca },
            credentials: ACCOUNT,
            requests: requestsFor(2),
            signal,
        });
    const [cluster, client] = [await connectCluster({ kubeconfig: server.kubeconfig, signal }), pushing()];
    try {
        return await proveCluster({
            ...{
                cluster,
                pushing: client,
                clock: SYSTEM_CLOCK,
                signal,
                namespace: PROBE_NAMESPACE,
                owner: "project/stack",
            },
            base: { host: registry.host, prefix: "mirror" },
            wanted: parseRegistriesConf(rules().registriesConf, "the rules of the test"),
            run: randomBytes(4).toString("hex"),
            onProgress: () => undefined,
            cleaning: async (use) => {
                const [own, removing] = [await connectCluster({ kubeconfig: server.kubeconfig }), pushing()];
                return use(own, removing).finally(() => Promise.all([own.close(), removing.close()]));
            },
        });
    } finally {
        await Promise.all([cluster.close(), client.close()]);
    }
}

test("a real node with the rendered hosts.toml pulls by digest and by tag from the mirror alone, and nothing is left", async () => {
    registry.forget();
    const { results, isProven, notes } = await prove();
    expect(results).toMatchObject([
        { pool: "nodes", source: "quay.io", form: "digest", outcome: "proven", node: NODE },
        { pool: "nodes", source: "quay.io", form: "tag", outcome: "proven", node: NODE },
        // containerd does not say whom it asked; the registry's log does.
        { pool: "nodes", source: "quay.io", form: "absent", outcome: "unproven", node: NODE },
    ]);
    expect(results[0]?.detail).toMatch(
        /^Successfully pulled image "quay\.io\/passthrough-probe\/only-in-mirror@sha256:/,
    );
    expect({ isProven, notes }).toEqual({ isProven: true, notes: [] });
    const repository = "/v2/mirror/quay.io/passthrough-probe/only-in-mirror/manifests/";
    const missing = registry.accesses().filter(({ path, status }) => path.startsWith(repository) && status === 404);
    expect(missing.length).toBeGreaterThan(0);
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: PROBE_NAMESPACE } };
    while ((await server.admin.get(namespace)) !== undefined) await new Promise((resolve) => setImmediate(resolve));
});
