import { clusterLine, namedError, withClusterName } from "../../../dynamic-providers/cluster/cluster-name";
import { PassthroughError } from "../../../lib/errors/errors";
import { ClusterError } from "../../../lib/kubernetes/cluster-error";

const WEST = { cluster: "west" };
const ONE = { cluster: "" };
const unreachable = new ClusterError("no response within 30 s", {
    ...{ server: "https://api.lab.test:6443", operation: "GET nodes", status: 503 },
    code: "CLUSTER_UNREACHABLE",
    fix: "check the network",
});

test("an error of one of several clusters names the cluster, and stays the error that it is", async () => {
    const failing = withClusterName(WEST, () => Promise.reject(unreachable));
    await expect(failing).rejects.toMatchObject({ code: "CLUSTER_UNREACHABLE", status: 503, thing: "cluster west" });
    await expect(failing).rejects.toThrow(
        "CLUSTER_UNREACHABLE (503) at https://api.lab.test:6443: GET nodes: cluster west: no response within 30 s; check the network",
    );
});

test("the thing in the cluster stays named", () => {
    const exists = new PassthroughError("it exists already", { code: "TRUST_EXISTS", thing: "ConfigMap registry-cas" });
    expect(namedError(WEST, exists)).toMatchObject({ thing: "cluster west: ConfigMap registry-cas" });
});

test("the only cluster of a site has no name; what is no error of this program stays as it is", () => {
    expect(namedError(ONE, unreachable)).toBe(unreachable);
    const defect = new TypeError("x is undefined");
    expect(namedError(WEST, defect)).toBe(defect);
});

test("fixes and lines name the keys of the cluster that they are about", () => {
    const fix = 'set cluster.version: "4.16.20", or cluster.apply.leaveOut: [catalogSources]';
    const problem = { code: "CLUSTER_KIND_MISSING" as const, problem: "missing", fix };
    const sum = new PassthroughError("2 problems", {
        code: "CLUSTER_KIND_MISSING",
        problems: [{ name: "CatalogSource a", problem }],
    });
    const named = 'set site.clusters.west.version: "4.16.20", or site.clusters.west.apply.leaveOut: [catalogSources]';
    expect(namedError(WEST, sum)).toMatchObject({ problems: [{ problem: { fix: named } }] });
    expect(String(namedError(WEST, sum))).toContain(named);
    expect(clusterLine(WEST, fix)).toBe(`cluster west: ${named}`);
    expect(clusterLine(ONE, fix)).toBe(`cluster: ${fix}`);
    // Other texts with the word are no keys.
    expect(clusterLine(WEST, "Image cluster.spec, my-cluster.version")).toBe(
        "cluster west: Image cluster.spec, my-cluster.version",
    );
});
