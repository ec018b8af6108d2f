import { ClusterError } from "../../../lib/kubernetes/cluster-error";
import type { ClusterClient, KubernetesObject, ResourcePath } from "../../../lib/kubernetes/cluster-client";
import { readClusterImages } from "../../../lib/openshift";

type Objects = Readonly<Record<string, readonly object[] | "forbidden" | "busy" | "down">>;

const CODES = {
    forbidden: "CLUSTER_FORBIDDEN",
    busy: "CLUSTER_SERVER_ERROR",
    down: "CLUSTER_UNREACHABLE",
} as const;

/** The lists of a cluster by resource; what is not in it is not served. */
class ListedCluster implements Partial<ClusterClient> {
    readonly server = "https://api.test:6443";

    constructor(private readonly objects: Objects) {}

    list<T extends KubernetesObject>({ resource }: ResourcePath): Promise<readonly T[] | undefined> {
        const found = this.objects[resource];
        if (typeof found !== "string") return Promise.resolve(found as readonly T[] | undefined);
        return Promise.reject(new ClusterError(`cannot list ${resource}`, { code: CODES[found], server: this.server }));
    }

    async get<T extends KubernetesObject>(path: ResourcePath): Promise<T | undefined> {
        const list = await this.list<T>(path);
        if (list !== undefined) return list[0];
        throw new ClusterError("no such kind", { code: "CLUSTER_KIND_MISSING", server: this.server });
    }
}

const read = (objects: Objects) => readClusterImages(new ListedCluster(objects) as unknown as ClusterClient);
const uses = async (objects: Objects): Promise<string[]> =>
    (await read(objects)).uses.map(({ image, owner }) => `${image} <- ${owner}`);

const spec = (image: string) => ({ containers: [{ name: "app", image }] });
const template = (image: string) => ({ template: { spec: spec(image) } });
const by = (kind: string, name: string) => [{ kind, name, uid: `${kind}/${name}`, controller: true }];
const meta = (kind: string, name: string, ownerReferences?: object[]) => ({
    metadata: { name, namespace: "shop", uid: `${kind}/${name}`, ...(ownerReferences && { ownerReferences }) },
});

test("pods and revisions are named by what people created", async () => {
    const objects = {
        deployments: [{ ...meta("Deployment", "web"), spec: template("a/web:2") }],
        replicasets: [
            { ...meta("ReplicaSet", "web-1", by("Deployment", "web")), spec: template("a/web:1") },
            { ...meta("ReplicaSet", "alone"), spec: template("a/alone:1") },
        ],
        cronjobs: [{ ...meta("CronJob", "nightly"), spec: { jobTemplate: { spec: template("a/job:1") } } }],
        jobs: [{ ...meta("Job", "nightly-1", by("CronJob", "nightly")), spec: template("a/job:0") }],
        pods: [
            { ...meta("Pod", "web-1-a", by("ReplicaSet", "web-1")), spec: spec("a/web:1") },
            { ...meta("Pod", "nightly-1-a", by("Job", "nightly-1")), spec: spec("a/job:0") },
            { ...meta("Pod", "canary-a", by("Rollout", "canary")), spec: spec("a/canary:1") },
            { ...meta("Pod", "etcd-master-0", by("Node", "master-0")), spec: spec("a/etcd:1") },
            { ...meta("Pod", "bare"), spec: spec("a/bare:1") },
        ],
    };
    expect((await uses(objects)).sort()).toEqual([
        "a/alone:1 <- ReplicaSet shop/alone, container app",
        "a/bare:1 <- Pod shop/bare, container app",
        "a/canary:1 <- Rollout shop/canary, container app",
        "a/etcd:1 <- Pod shop/etcd-master-0, container app",
        "a/job:0 <- CronJob shop/nightly, container app",
        "a/job:1 <- CronJob shop/nightly, container app",
        "a/web:1 <- Deployment shop/web, container app",
        "a/web:2 <- Deployment shop/web, container app",
    ]);
});

test("what has finished is left out: nothing pulls it again", async () => {
    const complete = { conditions: [{ type: "Complete", status: "True" }] };
    const objects = {
        pods: [
            { ...meta("Pod", "installer-5"), spec: spec("a/old:1"), status: { phase: "Succeeded" } },
            { ...meta("Pod", "failed"), spec: spec("a/old:2"), status: { phase: "Failed" } },
            { ...meta("Pod", "waiting"), spec: spec("a/new:1"), status: { phase: "Pending" } },
        ],
        jobs: [
            { ...meta("Job", "done"), spec: template("a/old:3"), status: complete },
            { ...meta("Job", "runs"), spec: template("a/new:2"), status: { conditions: [] } },
        ],
    };
    expect(await uses(objects)).toEqual([
        "a/new:1 <- Pod shop/waiting, container app",
        "a/new:2 <- Job shop/runs, container app",
    ]);
});

test("a circle of owners ends", async () => {
    const pods = [{ ...meta("Pod", "a", by("Pod", "a")), spec: spec("a/web:1") }];
    expect(await uses({ pods })).toEqual(["a/web:1 <- Pod shop/a, container app"]);
});

test("ImageStreams: what tags are imported from, and what they point to now", async () => {
    const from = { kind: "DockerImage", name: "quay.io/team/app:1" };
    const items = [{ dockerImageReference: "quay.io/team/app@sha256:1" }, { dockerImageReference: "quay.io/old" }];
    const imagestreams = [
        {
            ...meta("ImageStream", "app"),
            spec: { tags: [{ name: "1", from }] },
            status: {
                tags: [
                    { tag: "1", items },
                    { tag: "2", items: null },
                ],
            },
        },
    ];
    expect(await uses({ imagestreams })).toEqual([
        "quay.io/team/app:1 <- ImageStream shop/app, from DockerImage",
        "quay.io/team/app@sha256:1 <- ImageStream shop/app, tag 1",
    ]);
});

test("the release that runs, and the one that is wanted", async () => {
    const clusterversions = [
        {
            metadata: { name: "version" },
            spec: { channel: "eus-4.18", desiredUpdate: { image: "quay.io/r@sha256:2" } },
            status: { desired: { version: "4.18.20", image: "quay.io/r@sha256:1" } },
        },
    ];
    expect(await uses({ clusterversions })).toEqual([
        "quay.io/r@sha256:1 <- ClusterVersion version",
        "quay.io/r@sha256:2 <- ClusterVersion version",
    ]);
    expect((await read({ clusterversions })).release).toEqual({ version: "4.18.20", channel: "eus-4.18" });
});

test("a kind that is not served is listed, one that is forbidden is a problem, and neither hides the others", async () => {
    const pods = [{ ...meta("Pod", "a"), spec: spec("a/web:1") }];
    const found = await read({ pods, jobs: "forbidden", buildconfigs: "busy" });
    expect(found.uses).toHaveLength(1);
    expect(found.objects).toBe(1);
    expect(found.problems).toMatchObject([
        { code: "CLUSTER_FORBIDDEN", thing: "jobs" },
        { code: "CLUSTER_SERVER_ERROR", thing: "buildconfigs" },
    ]);
    expect(found.unserved).toEqual(expect.arrayContaining(["clusterversions", "deploymentconfigs", "imagestreams"]));
    expect(found.unserved).not.toContain("jobs");
    expect(found.release).toBeUndefined();
});

test("a cluster that is down fails as a whole", async () => {
    await expect(read({ pods: [], jobs: "down" })).rejects.toMatchObject({ code: "CLUSTER_UNREACHABLE" });
});

test("ImageStreams of the samples operator only offer their images", async () => {
    const stream = (name: string, labels?: object) => ({
        metadata: { name, namespace: "openshift", ...(labels && { labels }) },
        spec: { tags: [{ name: "1", from: { kind: "DockerImage", name: `a/${name}:1` } }] },
    });
    const sample = stream("sample", { "samples.operator.openshift.io/managed": "true" });
    const { uses: found } = await read({ imagestreams: [sample, stream("own")] });
    expect(found.map(({ image, isSample }) => [image, isSample])).toEqual([
        ["a/sample:1", true],
        ["a/own:1", undefined],
    ]);
});
