import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { OWNER_ANNOTATION } from "../../lib/openshift";
import { TestCluster, createClusterSite, stopSite, writeKubeconfig } from "../support/cluster-site";
import { FIXTURES, type TestSite } from "../support/site";

jest.setTimeout(900_000);

const VERSION = "4.20.4";
const MACHINES = "machineconfiguration.openshift.io/v1";
const SET = { apiVersion: MACHINES, kind: "PinnedImageSet" };
const NODE = { apiVersion: MACHINES, kind: "MachineConfigNode" };
const NO_SPACE = "failed to pull image: no space left on device";

let [cluster, site]: [TestCluster | undefined, TestSite | undefined] = [undefined, undefined];
afterEach(() => stopSite(cluster, site));

/** By node, how many sets are complete. */
async function held({ server }: TestCluster): Promise<Record<string, number>> {
    const nodes = await server.admin.list(NODE);
    return Object.fromEntries(
        nodes.map(({ metadata, status }) => {
            const sets = (status?.pinnedImageSets ?? []) as { currentGeneration?: number }[];
            return [metadata.name, sets.filter(({ currentGeneration }) => currentGeneration !== undefined).length];
        }),
    );
}

const FILLED = { "master-0": 1, "master-1": 1, "master-2": 1, "worker-0": 1, "worker-1": 1 };

test("nodes get rules, then images; never comes when they have both; the sets go with the key", async () => {
    [site, cluster] = await Promise.all([
        createClusterSite(join(FIXTURES, "with-mapping")),
        TestCluster.start("4.20", VERSION),
    ]);
    const { stack } = site;
    const kubeconfigFile = writeKubeconfig(site, await cluster.limitedKubeconfig());
    const coverage = { accept: ["quay.io/openshift-release-dev/**"] };
    const keys = { version: VERSION, contactSource: "never", coverage, apply: { kubeconfigFile } };
    stack.configure(site.document({ cluster: { ...keys, pin: true } }));
    const policies = async (): Promise<string[]> => {
        const { digest = {}, tag = {} } = (await cluster?.policies()) ?? {};
        return [...new Set([...Object.values(digest), ...Object.values(tag)])];
    };

    const preview = await stack.preview();
    expect(preview).toMatchObject({ code: 0 });
    expect(preview.text).toMatch(
        /pins \d+ images on every node of master, worker: each downloads at most [\d.]+ [kM]?B; on disk, unpacked, they take more/,
    );
    const first = await stack.up("--skip-preview");
    expect(first).toMatchObject({ code: 0 });
    expect(first.text).toMatch(/run `npm run up` again now that every node has the images: it forbids the upstream of/);
    expect(first.text).not.toContain("now that every node has the rules");
    expect(await policies()).toEqual(["AllowContactingSource"]);
    expect(await held(cluster)).toEqual(FILLED);
    const sets = await cluster.server.admin.list(SET);
    expect(sets.map(({ metadata }) => metadata.name)).toEqual([
        "passthrough-test-master-1",
        "passthrough-test-worker-1",
    ]);
    for (const { metadata } of sets)
        expect(metadata.annotations).toMatchObject({ [OWNER_ANNOTATION]: "registry-passthrough/test" });
    const writes = cluster.written();
    const at = (name: string) => writes.findIndex((write) => write.includes(name));
    expect(at("pinnedimagesets")).toBeGreaterThan(at("imagetagmirrorsets"));
    expect(at("pinnedimagesets")).toBeGreaterThan(at("imagedigestmirrorsets"));

    // A node that lost its images fails the run with what it says, and nothing is forbidden meanwhile.
    cluster.pins.script = { failingNodes: { "worker-0": NO_SPACE } };
    cluster.pins.restart("worker-0");
    while ((await held(cluster))["worker-0"] !== 0) await pause(100);
    const full = await stack.up("--skip-preview");
    expect(full.code).not.toBe(0);
    expect(full.text).toMatch(
        /cluster-pinned-images[^]*error: ROLLOUT_FAILED[^]*worker-0 cannot pin the images: .*no space/,
    );
    expect(full.text).toContain("waits until every node has the pinned images");
    expect(await policies()).toEqual(["AllowContactingSource"]);

    cluster.pins.script = {};
    await cluster.settled();
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await policies()).toEqual(["NeverContactSource"]);
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });

    stack.configure(site.document({ cluster: keys }));
    const removal = await stack.preview();
    expect(removal.text).toContain(
        "PinnedImageSet passthrough-test-master-1, passthrough-test-worker-1 will be removed",
    );
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await cluster.server.admin.list(SET)).toEqual([]);
    expect(await policies()).toEqual(["NeverContactSource"]);
});
