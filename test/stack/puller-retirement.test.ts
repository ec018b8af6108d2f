import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { TestCluster, stopSite } from "../support/cluster-site";
import { HarborSite } from "../support/harbor/harbor-site";
import { kubernetesPlugin, pathWith } from "../support/kubernetes-plugin";
import { readPullSecret } from "../support/trust-cluster";

jest.setTimeout(900_000);

const VERSION = "4.16.20";
const SECRET = "patch /api/v1/namespaces/openshift-config/secrets/pull-secret";

let [east, west]: (TestCluster | undefined)[] = [];
let site: HarborSite | undefined;

beforeEach(() => {
    [east, west, site] = [undefined, undefined, undefined];
});
afterEach(() => stopSite(east, west, site));

/** The status with which the registry greets an account: what a node with it in its pull secret meets. */
async function greeting({ fake, authority }: HarborSite, credentials: { username: string; password: string }) {
    const client = new RegistryClient({ endpoint: { host: fake.host, ca: authority.ca }, credentials });
    try {
        return await client.ping();
    } finally {
        await client.close();
    }
}

test("a puller that a cluster still has outlives its overlap: the up that gives every cluster the new one deletes it at its end", async () => {
    const start = () => TestCluster.start("4.16", VERSION);
    const [own, first, second] = await Promise.all([
        HarborSite.create().then((created) => (site = created)),
        start().then((started) => (east = started)),
        start().then((started) => (west = started)),
    ]);
    const { fake, stack } = own;
    stack.setVariable("PATH", pathWith(kubernetesPlugin()));
    const named = { version: VERSION, apply: {} };
    // Over at once, so that every up could delete it.
    const robots = { puller: { maxAge: "90d", overlap: "0d" } };
    const { cluster: _, ...document } = own.document({}, { robots }) as Record<string, unknown>;
    stack.configure({ ...document, clusters: { east: named, west: named } });
    await stack.setConfig("kubeconfig-east", await first.limitedKubeconfig(), true);
    await stack.setConfig("kubeconfig-west", await second.limitedKubeconfig(), true);
    const names = () => fake.harbor.robots.map(({ name }) => name).sort();
    const login = (name: string) => ({ username: `robot$mirror+${name}`, password: fake.harbor.robot(name).secret });
    const auth = (name: string) => {
        const { username, password } = login(name);
        return Buffer.from(`${username}:${password}`, "utf8").toString("base64");
    };
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await readPullSecret(second.server)).toContain(auth("puller-1"));

    await second.kill();
    fake.harbor.age("puller-1", 61);
    const both = ["mirror+importer-1", "mirror+puller-1", "mirror+puller-2"];
    for (let run = 0; run < 2; run++) {
        const failed = await stack.up("--skip-preview");
        expect(failed.code).not.toBe(0);
        expect(failed.text).toMatch(/cluster-west-trust[^]*error: /);
        expect(names()).toEqual(both);
    }

    // Left out as documented, and by the resources that fail: the state of one still has the former account.
    expect(
        await stack.up("--skip-preview", "--exclude", "**::cluster-west-access", "--exclude-dependents"),
    ).toMatchObject({ code: 0 });
    expect(names()).toEqual(both);
    expect(await readPullSecret(first.server)).toContain(auth("puller-2"));
    const unread = ["--exclude", "**::cluster-west-trust", "--exclude", "**::cluster-west-coverage"];
    const left = await stack.up(...unread);
    expect(left).toMatchObject({ code: 0 });
    expect(left.text).toMatch(/puller-1 stays.*: still used by cluster-west-trust/);
    expect(names()).toEqual(both);
    expect(await greeting(own, login("puller-1"))).toBe(200);

    await second.restart();
    const preview = await stack.preview();
    expect(preview.text).toMatch(/deletes account robot\$mirror\+puller-1: its overlap ended on /);
    const before = second.written().length;
    /** What the cluster had been given when an account was deleted. */
    const atDeletion: string[][] = [];
    fake.disturb = (method, path) => {
        if (method === "DELETE" && path.includes("/robots/")) atDeletion.push(second.written().slice(before));
        return undefined;
    };
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await readPullSecret(second.server)).toContain(auth("puller-2"));
    expect(names()).toEqual(["mirror+importer-1", "mirror+puller-2"]);
    expect(atDeletion).toEqual([[SECRET]]);
    expect((await stack.preview("--expect-no-changes")).text).not.toContain("puller-1");
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });
    expect(await stack.passthrough("check")).toMatchObject({ code: 0 });
});
