import { join } from "node:path";
import { TestCluster, createClusterSite, writeKubeconfig } from "../support/cluster-site";
import { roleRules } from "../support/role-rules";
import { FIXTURES, type TestSite } from "../support/site";

jest.setTimeout(600_000);

const VERSION = "4.16.20";
const TAGS = {
    apiVersion: "config.openshift.io/v1",
    kind: "ImageTagMirrorSet",
    metadata: { name: "passthrough-test-tag" },
};
const MISSING = "docker.io/library/nginx:2";
const RELEASE = "quay.io/openshift-release-dev/**";

let cluster: TestCluster;
let site: TestSite;

beforeEach(async () => {
    site = await createClusterSite(join(FIXTURES, "with-mapping"));
    cluster = await TestCluster.start("4.16", VERSION);
});
afterEach(async () => {
    await cluster.stop();
    await site.remove();
});

/** The policy of each source. */
async function policies(): Promise<Record<string, string>> {
    const entries = (await cluster.server.admin.get(TAGS))?.spec?.["imageTagMirrors"] ?? [];
    return Object.fromEntries(
        (entries as { source: string; mirrorSourcePolicy: string }[]).map((entry) => [
            entry.source,
            entry.mirrorSourcePolicy,
        ]),
    );
}

async function createPod(): Promise<void> {
    const { admin } = cluster.server;
    await admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
    await admin.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace: "shop" } });
    const spec = { containers: [{ name: "app", image: MISSING }] };
    await admin.create({ apiVersion: "v1", kind: "Pod", metadata: { name: "web", namespace: "shop" }, spec } as never);
}

test("never is refused while the image of a pod is missing, and takes effect when it is accepted by name", async () => {
    await createPod();
    const rights = roleRules(["preview", "rules", "trust", "coverage"], VERSION);
    const kubeconfigFile = writeKubeconfig(site, await cluster.server.kubeconfigFor("registry-passthrough", rights));
    const configure = (...accept: string[]) =>
        site.stack.configure(
            site.document({
                cluster: { version: VERSION, contactSource: "never", apply: { kubeconfigFile }, coverage: { accept } },
            }),
        );

    configure(RELEASE);
    const first = await site.stack.up();
    expect(first).toMatchObject({ code: 0 });
    expect(first.text).toContain(`${MISSING} (Pod shop/web, container app)`);
    await cluster.settled();

    const refused = await site.stack.up();
    expect(refused.code).not.toBe(0);
    expect(refused.text).toContain("CLUSTER_IMAGES_MISSING");
    expect(refused.text).toContain(`docker.io: ${MISSING} (Pod shop/web, container app)`);
    expect(refused.text).toContain(`site.cluster.coverage.accept: ["${MISSING}"]`);
    // The others do not wait for it.
    const { "docker.io": docker, ...others } = await policies();
    expect(docker).toBe("AllowContactingSource");
    expect([...new Set(Object.values(others))]).toEqual(["NeverContactSource"]);

    configure(RELEASE, MISSING);
    await cluster.settled();
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    expect((await policies())["docker.io"]).toBe("NeverContactSource");
    expect(await site.stack.up("--expect-no-changes")).toMatchObject({ code: 0 });

    // What is in force stays, whatever is missing afterwards.
    configure(RELEASE);
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    expect((await policies())["docker.io"]).toBe("NeverContactSource");
});
