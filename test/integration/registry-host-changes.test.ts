import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PartialState } from "../../dynamic-providers/lifecycle/resource-provider";
import type { RegistryHostInputs } from "../../dynamic-providers/registry-host/kind";
import { ClusterError } from "../../lib/kubernetes/cluster-error";
import { ROLLOUT_PATHS } from "../../lib/openshift/rollout/rollout-objects";
import { applyRegistryHost as apply, refreshedRegistryHost as refreshed } from "../support/host/apply-registry-host";
import { hostInputs, writeHostImage } from "../support/host/host-inputs";
import { TestHost } from "../support/host/test-host";
import { MemoryCluster } from "../support/memory-cluster";
import { operationContext } from "../support/operation-context";

jest.setTimeout(300_000);

const TABLE = "inet registry_passthrough_allowed";
const folder = mkdtempSync(join(tmpdir(), "images-"));
const archive = join(folder, "distribution.tar");

let host: TestHost;
let inputs: RegistryHostInputs;

beforeEach(async () => {
    host = await TestHost.start();
    writeHostImage(archive, "1");
    ({ inputs } = await hostInputs(host, archive));
});
afterEach(() => host.stop());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("an archive whose image the host has may go; it is missed when the host has lost the image, or another one is named", async () => {
    const lost = { code: "CONFIG_INVALID", thing: "site.registry.deploy.host.imageFile" };
    const state = await apply(undefined, inputs);
    rmSync(archive);
    const rotated = await apply(state, { ...inputs, rotate: "1" });
    expect(rotated.image).toEqual(state.image);
    await expect(apply(rotated, { ...inputs, image: { file: `${archive}.gz` } })).rejects.toMatchObject(lost);
    host.state.images = {};
    const failure: unknown = await apply(rotated, { ...inputs, rotate: "2" }).catch((error: unknown) => error);
    if (!(failure instanceof PartialState)) throw failure;
    expect(failure.reasons[0]).toMatch(
        /does not have the image \(any more\), .*ENOENT.*bring the archive to this machine again/,
    );
    expect(host.state.starts).toHaveLength(2);
});

test("nodes of a cluster are let in: one that joined is drift, and a cluster that cannot be read takes no address away", async () => {
    const cluster = new MemoryCluster();
    const lines: string[] = [];
    const context = () => operationContext(lines, { connectCluster: async () => cluster });
    const join = (name: string, ...addresses: string[]) =>
        cluster.put(ROLLOUT_PATHS.nodes, {
            metadata: { name },
            status: {
                addresses: [
                    { type: "Hostname", address: name },
                    ...addresses.map((address) => ({ type: "InternalIP", address })),
                ],
            },
        } as never);
    const letIn = () => /elements = \{ (.*) \}/.exec(host.state.tables[TABLE] ?? "")?.[1];
    const news = { ...inputs, allowedFrom: ["10.9.0.0/16"], nodesOf: [{ cluster: "", kubeconfig: "secret" }] };
    // Nothing is known of it: nobody in it would reach the registry.
    join("new");
    await expect(apply(undefined, news, context())).rejects.toThrow(/lists no node with an address/);
    expect(existsSync(inputs.directory)).toBe(false);
    join("worker-0", "10.8.0.10", "fd00:8::10");
    const state = await apply(undefined, news, context());
    expect(letIn()).toBe("10.8.0.10/32, 10.9.0.0/16");
    expect(host.state.tables[TABLE]).toContain("fd00:8::10/128");

    join("worker-1", "10.8.0.11");
    let isRead = false;
    cluster.beforeCall = () => {
        if (!isRead)
            throw new ClusterError("down", { server: cluster.server, code: "CLUSTER_UNREACHABLE", fix: "wait" });
    };
    const unread = await refreshed(state, context());
    expect(unread.differences).toEqual([]);
    expect(lines.at(-1)).toMatch(
        /cluster could not be read, whose nodes reach the registry as they did: CLUSTER_UNREACHABLE/,
    );
    const rotated = await apply(unread, { ...news, rotate: "1" }, context());
    expect(letIn()).toBe("10.8.0.10/32, 10.9.0.0/16");

    isRead = true;
    const drifted = await refreshed(rotated, context());
    expect(drifted.differences).toEqual(["nodes of cluster do not reach it yet: 10.8.0.11"]);
    const { starts } = host.state;
    const joined = await apply(drifted, { ...news, rotate: "1" }, context());
    expect(letIn()).toBe("10.8.0.10/32, 10.8.0.11/32, 10.9.0.0/16");
    expect((await refreshed(joined, context())).differences).toEqual([]);
    expect(host.state.starts).toEqual(starts);

    // A cluster that leaves the site has its mirror rules until the end of that up.
    const left = await apply(joined, { ...news, rotate: "1", nodesOf: [] }, context());
    expect(letIn()).toContain("10.8.0.11");
    const later = await refreshed(left, context());
    expect(later.differences).toEqual([
        "addresses that no node of cluster has any more reach it: 10.8.0.10, 10.8.0.11, fd00:8::10",
    ]);
    await apply(later, { ...news, rotate: "1", nodesOf: [] }, context());
    expect(letIn()).toBe("10.9.0.0/16");
});
