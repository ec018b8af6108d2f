import { join } from "node:path";
import { TestCluster, createClusterSite, stopSite, writeKubeconfig } from "../support/cluster-site";
import { FIXTURES, type TestSite } from "../support/site";

jest.setTimeout(600_000);

const VERSION = "4.16.20";
const MISSING = "docker.io/library/nginx:2";
const RELEASE = "quay.io/openshift-release-dev/**";

let started: { cluster?: TestCluster; site?: TestSite };

beforeEach(() => {
    started = {};
});
afterEach(() => stopSite(started.cluster, started.site));

async function createPod({ server: { admin } }: TestCluster): Promise<void> {
    await admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
    await admin.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace: "shop" } });
    const spec = { containers: [{ name: "app", image: MISSING }] };
    await admin.create({ apiVersion: "v1", kind: "Pod", metadata: { name: "web", namespace: "shop" }, spec } as never);
}

test("never is refused while the image of a pod is missing, and takes effect when it is accepted by name", async () => {
    const [site, cluster] = await Promise.all([
        createClusterSite(join(FIXTURES, "with-mapping")).then((created) => (started.site = created)),
        TestCluster.start("4.16", VERSION).then((running) => (started.cluster = running)),
    ]);
    await createPod(cluster);
    const kubeconfigFile = writeKubeconfig(site, await cluster.limitedKubeconfig());
    const tagPolicies = async () => (await cluster.policies()).tag;
    const configure = (...accept: string[]) =>
        site.stack.configure(
            site.document({
                cluster: { version: VERSION, contactSource: "never", apply: { kubeconfigFile }, coverage: { accept } },
            }),
        );

    configure(RELEASE);
    const first = await site.stack.up("--skip-preview");
    expect(first).toMatchObject({ code: 0 });
    expect(first.text).toContain(`${MISSING} (Pod shop/web, container app)`);
    await cluster.settled();

    const refused = await site.stack.up("--skip-preview");
    expect(refused.code).not.toBe(0);
    expect(refused.text).toContain("CLUSTER_IMAGES_MISSING");
    expect(refused.text).toContain(`docker.io: ${MISSING} (Pod shop/web, container app)`);
    expect(refused.text).toContain(`site.cluster.coverage.accept: ["${MISSING}"]`);
    // The others do not wait for it.
    const { "docker.io": docker, ...others } = await tagPolicies();
    expect(docker).toBe("AllowContactingSource");
    expect([...new Set(Object.values(others))]).toEqual(["NeverContactSource"]);

    configure(RELEASE, MISSING);
    await cluster.settled();
    expect(await site.stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect((await tagPolicies())["docker.io"]).toBe("NeverContactSource");
    expect(await site.stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });

    // What is in force stays, whatever is missing afterwards.
    configure(RELEASE);
    expect(await site.stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect((await tagPolicies())["docker.io"]).toBe("NeverContactSource");
});
