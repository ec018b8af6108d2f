import { TestCluster, stopSite, writeKubeconfig } from "../support/cluster-site";
import { leaks } from "../support/canary";
import { HarborSite } from "../support/harbor/harbor-site";
import { kubernetesPlugin, pathWith } from "../support/kubernetes-plugin";
import { descendants } from "../support/processes";
import { readPullSecret } from "../support/trust-cluster";

jest.setTimeout(900_000);

const VERSION = "4.16.20";
const SECRET = "patch /api/v1/namespaces/openshift-config/secrets/pull-secret";
const PULLER = "robot$mirror+puller-1";
const WORKER_POOL = {
    apiVersion: "machineconfiguration.openshift.io/v1",
    kind: "MachineConfigPool",
    metadata: { name: "worker" },
};

let cluster: TestCluster | undefined;
let site: HarborSite | undefined;

beforeEach(() => {
    [cluster, site] = [undefined, undefined];
});
afterEach(() => stopSite(cluster, site));

const auth = (password: string) => Buffer.from(`${PULLER}:${password}`, "utf8").toString("base64");
const text = (rotate: string) => ({ rotation: "in-place", rotate });

test("the preview names the gap; the up sends no image; a killed one is healed", async () => {
    const own = (site = await HarborSite.create());
    const { fake, stack } = own;
    const secret = () => fake.harbor.robot("puller-1").secret;
    const configure = (puller: object) => stack.configure(own.document({}, { robots: { puller } }));
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    const first = secret();

    configure({ rotation: "in-place" });
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });

    configure(text("audit"));
    const preview = await stack.preview();
    expect(preview).toMatchObject({ code: 0 });
    expect(preview.text).toContain("puller-1: a new secret under the same name: site.robots.puller.rotate was changed");
    expect(preview.text).toContain("until a cluster has the new pull secret, new pulls with the old one fail");
    expect(preview.text).toContain("go on for up to 30 minutes (Harbor's token_expiration)");
    expect(preview.text).toContain("Give it to the cluster by hand right after this `up`");
    expect(secret()).toBe(first);

    fake.content.length = 0;
    const up = await stack.upOnly("--skip-preview");
    expect(up).toMatchObject({ code: 0 });
    const second = secret();
    expect(second).not.toBe(first);
    expect((await stack.outputs()).pullSecret).toContain(auth(second));
    // The puller's proof and the validation read; the import asks nothing, and nothing is sent.
    const asked = fake.content.filter(({ username }) => username !== "");
    expect(new Set(asked.map(({ username }) => username))).toEqual(new Set([PULLER]));
    expect(asked.filter(({ method }) => method !== "GET" && method !== "HEAD")).toEqual([]);
    expect(fake.harbor.robots.map(({ name }) => name).sort()).toEqual(["mirror+importer-1", "mirror+puller-1"]);

    configure(text("second audit"));
    const { child, done } = stack.startUp();
    // Harbor has the new secret, and nobody gets the response.
    fake.disturb = (method) => {
        if (method !== "PATCH") return undefined;
        for (const pid of descendants(child.pid ?? 0, "cmd/dynamic-provider")) process.kill(pid, "SIGKILL");
        return "drop";
    };
    expect((await done).code).not.toBe(0);
    fake.disturb = () => undefined;
    const lost = secret();
    expect(lost).not.toBe(second);
    const drift = await stack.refreshPreview();
    expect(drift.text).toContain(`${PULLER}: the registry no longer accepts its secret`);
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect((await stack.outputs()).pullSecret).toContain(auth(secret()));
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });
    const canaries = [first, second, lost, secret()].map((password) => ({ username: PULLER, password }));
    expect(leaks(canaries, { printed: stack.printed, state: await stack.state() })).toEqual([]);
});

/** A site and a cluster with `apply`. */
async function startAppliedSite() {
    const [own, nodes] = await Promise.all([
        HarborSite.create().then((created) => (site = created)),
        TestCluster.start("4.16", VERSION).then((started) => (cluster = started)),
    ]);
    const { fake, stack } = own;
    stack.setVariable("PATH", pathWith(kubernetesPlugin()));
    const kubeconfigFile = writeKubeconfig(own, await nodes.limitedKubeconfig());
    const configure = (robots: object) =>
        stack.configure(own.document({}, { robots, cluster: { version: VERSION, apply: { kubeconfigFile } } }));
    return { fake, stack, nodes, configure };
}

test("a cluster with apply gets the new secret in the same up", async () => {
    const { fake, stack, nodes, configure } = await startAppliedSite();
    configure({ rotation: "in-place" });
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    const before = nodes.written().length;
    configure(text("audit"));
    const preview = await stack.preview();
    expect(preview.text).toContain("Clusters with `apply` get it later in this `up`");
    expect(preview.text).not.toContain("by hand");
    const up = await stack.up("--skip-preview");
    expect(up).toMatchObject({ code: 0 });
    expect(up.text).not.toContain("rejected the account");
    expect(nodes.written().slice(before)).toEqual([SECRET]);
    expect(await readPullSecret(nodes.server)).toContain(auth(fake.harbor.robot("puller-1").secret));
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });
});

test("the secret stays while a cluster could not be given another one, unless it is left out", async () => {
    const { fake, stack, nodes, configure } = await startAppliedSite();
    const secret = () => fake.harbor.robot("puller-1").secret;
    const pause = (paused: boolean) => nodes.server.admin.patch(WORKER_POOL, { spec: { paused } });
    configure({ rotation: "in-place" });
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    const first = secret();

    configure(text("audit"));
    stack.previewsFirst = true;
    await pause(true);
    const paused = await stack.up();
    expect(paused.code).not.toBe(0);
    expect(paused.text).toContain("ROLLOUT_FAILED");
    expect(paused.text).toContain("pool worker is paused: its nodes keep their configuration; its nodes would not get");
    await pause(false);
    await nodes.kill();
    const unreachable = await stack.up();
    expect(unreachable.code).not.toBe(0);
    expect(unreachable.text).toMatch(/CLUSTER_UNREACHABLE[^]*leave the cluster out of the `up`/);
    expect(secret()).toBe(first);

    expect(await stack.up("--exclude", "**::cluster-access", "--exclude-dependents")).toMatchObject({ code: 0 });
    expect(secret()).not.toBe(first);
    await nodes.restart();
    expect(await stack.up()).toMatchObject({ code: 0 });
    expect(await readPullSecret(nodes.server)).toContain(auth(secret()));
});
