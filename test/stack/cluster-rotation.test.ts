import { pathWith, kubernetesPlugin } from "../support/kubernetes-plugin";
import { TestCluster, stopSite, writeKubeconfig } from "../support/cluster-site";
import { HarborSite } from "../support/harbor/harbor-site";
import { readPullSecret } from "../support/trust-cluster";

jest.setTimeout(900_000);

const VERSION = "4.16.20";
const SECRET = "patch /api/v1/namespaces/openshift-config/secrets/pull-secret";

let cluster: TestCluster | undefined;
let site: HarborSite | undefined;

beforeEach(() => {
    [cluster, site] = [undefined, undefined];
});
afterEach(() => stopSite(cluster, site));

test("a new puller reaches the cluster's nodes in the same up, before the old one is deleted", async () => {
    const [own, nodes] = await Promise.all([
        HarborSite.create().then((created) => (site = created)),
        TestCluster.start("4.16", VERSION).then((started) => (cluster = started)),
    ]);
    const { fake, stack } = own;
    stack.setVariable("PATH", pathWith(kubernetesPlugin()));
    const kubeconfigFile = writeKubeconfig(own, await nodes.limitedKubeconfig());
    const robots = { puller: { maxAge: "90d", overlap: "0d" } };
    const configure = () =>
        stack.configure(own.document({}, { robots, cluster: { version: VERSION, apply: { kubeconfigFile } } }));
    const login = (name: string) =>
        Buffer.from(`robot$mirror+${name}:${fake.harbor.robot(name).secret}`, "utf8").toString("base64");

    configure();
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await readPullSecret(nodes.server)).toContain(login("puller-1"));

    fake.harbor.age("puller-1", 61);
    const before = nodes.written().length;
    /** What the cluster had been given when an account was deleted. */
    const atDeletion: string[][] = [];
    fake.disturb = (method, path) => {
        if (method === "DELETE" && path.includes("/robots/")) atDeletion.push(nodes.written().slice(before));
        return undefined;
    };
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await readPullSecret(nodes.server)).toContain(login("puller-2"));
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(atDeletion).toEqual([[SECRET]]);
    expect(fake.harbor.robots.map(({ name }) => name)).not.toContain("mirror+puller-1");
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });
});
