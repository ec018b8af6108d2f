import { findForeignObjects } from "../../../dynamic-providers/cluster-access/owners";
import { MemoryCluster } from "../../support/memory-cluster";

test("however many objects a site has, a few are asked for at a time", async () => {
    const objects = Array.from({ length: 100 }, (_, at) => ({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: `signature-${at}`, namespace: "openshift-config-managed" },
    }));
    let [current, most] = [0, 0];
    class CountingCluster extends MemoryCluster {
        override async get(...args: Parameters<MemoryCluster["get"]>): Promise<undefined> {
            most = Math.max(most, ++current);
            await new Promise(setImmediate);
            current -= 1;
            this.calls.push(`get ${args[1]}`);
            return undefined;
        }
    }
    const cluster = new CountingCluster();
    const found = await findForeignObjects(cluster, { objects, owner: "project/stack/", adopt: false });
    expect(found).toEqual({ refusals: [], owners: [] });
    expect(new Set(cluster.calls).size).toBe(objects.length);
    // Node.js warns of more than ten that wait for one AbortSignal.
    expect(most).toBeLessThanOrEqual(10);
    expect(most).toBeGreaterThan(1);
});
