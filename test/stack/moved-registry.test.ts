import { kubernetesPlugin, pathWith } from "../support/kubernetes-plugin";
import { MIRROR_SETS, TestCluster, stopSite, writeKubeconfig } from "../support/cluster-site";
import { FakeHarbor } from "../support/harbor/fake-harbor";
import { ADMIN, HarborSite } from "../support/harbor/harbor-site";
import { readPullSecret } from "../support/trust-cluster";

jest.setTimeout(900_000);

const VERSION = "4.16.20";
const SECRET = "patch /api/v1/namespaces/openshift-config/secrets/pull-secret";
const MAP = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "registry-cas", namespace: "openshift-config" } };
const WORKERS = {
    apiVersion: "machineconfiguration.openshift.io/v1",
    kind: "MachineConfigPool",
    metadata: { name: "worker" },
};

let cluster: TestCluster | undefined;
let site: HarborSite | undefined;
let second: FakeHarbor | undefined;

beforeEach(() => {
    [cluster, site, second] = [undefined, undefined, undefined];
});
afterEach(() => stopSite(cluster, site, second));

const names = ({ harbor }: FakeHarbor) => harbor.robots.map(({ name }) => name).sort();
const isBlob = ({ method, path }: { method: string; path: string }) =>
    method !== "GET" && path.includes("/blobs/uploads");

test("a registry that moves: accounts, images and proof there first, then the cluster, and the former one is left last", async () => {
    const [own, nodes] = await Promise.all([
        HarborSite.create().then((created) => (site = created)),
        TestCluster.start("4.16", VERSION).then((started) => (cluster = started)),
    ]);
    const to = await FakeHarbor.start(await own.authority.issue());
    second = to;
    to.harbor.users.push({ ...ADMIN, sysadmin: true });
    const { fake: from, stack } = own;
    stack.setVariable("PATH", pathWith(kubernetesPlugin()));
    const kubeconfigFile = writeKubeconfig(own, await nodes.limitedKubeconfig());
    // The release is not in the archive.
    const coverage = { accept: ["quay.io/openshift-release-dev/**"] };
    const move = (host: string, registry: object = {}) =>
        stack.configure(
            own.document(
                { mirrorBase: `${host}/mirror`, ...registry },
                { cluster: { version: VERSION, contactSource: "allow", coverage, apply: { kubeconfigFile } } },
            ),
        );
    const addresses = [from.host, to.host];
    const hosts = async () => {
        const data = (await nodes.server.admin.get(MAP))?.data ?? {};
        const secret = await readPullSecret(nodes.server);
        const rules = JSON.stringify((await nodes.server.admin.get(MIRROR_SETS.digest))?.spec);
        return addresses.map((host) => ({
            ca: host.replace(":", "..") in data,
            account: secret.includes(host),
            rules: rules.includes(host),
        }));
    };
    const [there, gone] = [
        { ca: true, account: true, rules: true },
        { ca: false, account: false, rules: false },
    ];
    move(from.host);
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await hosts()).toEqual([there, gone]);
    const secretOfPuller = from.harbor.robot("puller-1").secret;
    let seen = nodes.written().length;
    const written = () => {
        const writes = nodes.written().slice(seen);
        seen += writes.length;
        return writes;
    };

    move(to.host);
    const preview = await stack.preview();
    expect(preview).toMatchObject({ code: 0 });
    expect(preview.text).toContain(`the registry moves from ${from.host}/mirror to ${to.host}/mirror, in this order:`);
    expect(preview.text).toContain(`CA and account of ${from.host} stay beside those of ${to.host}`);
    expect(preview.text).toContain(`puller-1 -> puller-2: the registry moves to ${to.host}/mirror`);
    expect(preview.text).toContain("images: 6 to add, 0 to change, 0 to remove");
    expect(to.writes()).toEqual([]);

    // Stopped in between, after the images are at the new place and before the cluster has its account.
    await nodes.server.admin.patch(WORKERS, { spec: { paused: true } });
    const stopped = await stack.up("--skip-preview");
    expect(stopped.code).not.toBe(0);
    expect(stopped.text).toContain("ROLLOUT_FAILED");
    expect(names(to)).toEqual(["mirror+importer-2", "mirror+puller-2"]);
    expect(names(from)).toEqual(["mirror+importer-1", "mirror+puller-1"]);
    expect(await hosts()).toEqual([there, { ca: true, account: false, rules: false }]);
    await nodes.server.admin.patch(WORKERS, { spec: { paused: false } });
    await nodes.settled();
    written();

    /** What the cluster had been given when the former importer was deleted. */
    const atDeletion: string[][] = [];
    from.disturb = (method, path) => {
        if (method === "DELETE" && path.includes("/robots/")) atDeletion.push(nodes.written().slice(seen));
        return undefined;
    };
    to.content.length = 0;
    const moved = await stack.up("--skip-preview");
    expect(moved).toMatchObject({ code: 0 });
    expect(to.content.filter(isBlob)).toEqual([]);
    expect(await hosts()).toEqual([gone, there]);
    expect(moved.text).toContain("puller-1 at");
    expect(names(from)).toEqual(["mirror+puller-1"]);
    expect(from.harbor.robot("puller-1").secret).toBe(secretOfPuller);
    expect(atDeletion).toHaveLength(1);
    // The new account, the rules, and the removal of the former account.
    expect(atDeletion[0]?.filter((write) => write === SECRET)).toHaveLength(2);
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });

    // Back, while the registry that is left cannot be reached.
    await to.stop();
    second = undefined;
    move(from.host);
    const refused = await stack.preview();
    expect(refused.text).toContain("set site.registry.adopt: true to use it");
    move(from.host, { adopt: true });
    from.content.length = 0;
    const back = await stack.up("--skip-preview");
    expect(back).toMatchObject({ code: 0 });
    expect(back.text).toMatch(/importer-2 at \S+ is not deleted: NETWORK/);
    expect(from.content.filter(isBlob)).toEqual([]);
    expect(names(from)).toEqual(["mirror+importer-3", "mirror+puller-1", "mirror+puller-3"]);
    expect(await hosts()).toEqual([there, gone]);
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });
});

test("another name for the same registry: accounts of clusters keep their secrets, and no image is sent", async () => {
    const own = await HarborSite.create();
    site = own;
    const { fake, stack } = own;
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    const puller = { ...fake.harbor.robot("puller-1") };
    fake.content.length = 0;
    const name = fake.host.replace("localhost", "127.0.0.1");
    stack.configure(own.document({ mirrorBase: `${name}/mirror`, adopt: true }));
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(fake.content.filter(isBlob)).toEqual([]);
    expect(fake.harbor.robot("puller-1")).toEqual(puller);
    expect(names(fake)).toEqual(["mirror+importer-2", "mirror+puller-1", "mirror+puller-2"]);
    expect((await stack.outputs()).validation).toMatchObject({ status: "proven", images: 6 });

    stack.configure(own.document({ adopt: true }));
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(names(fake)).toEqual(["mirror+importer-3", "mirror+puller-1", "mirror+puller-2", "mirror+puller-3"]);
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });
});
