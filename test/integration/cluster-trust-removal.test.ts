import { PULL_SECRET } from "../support/openshift-cluster";
import { TrustCluster } from "../support/trust-cluster";

let cluster: TrustCluster;

beforeAll(async () => {
    cluster = await TrustCluster.start();
});
afterAll(() => cluster.stop());

beforeEach(async () => {
    await cluster.server.admin.remove(rule(""));
    await cluster.reset();
});

const rule = (host: string) => ({
    apiVersion: "config.openshift.io/v1",
    kind: "ImageDigestMirrorSet",
    metadata: { name: "corp" },
    spec: { imageDigestMirrors: [{ source: "quay.io", mirrors: [`${host}/mirror/quay.io`] }] },
});
test("nothing is taken away while somebody has rules with mirrors at the registry", async () => {
    const outs = await cluster.create();
    await cluster.server.admin.create(rule(cluster.registry.host));
    await cluster.controllers.settle();
    const before = await cluster.pullSecret();
    await cluster.remove(outs);
    expect(await cluster.pullSecret()).toBe(before);
    expect(await cluster.certificates()).toEqual({ [cluster.caKey]: cluster.authority.ca });
    expect(cluster.lines.at(-1)).toContain(
        `CA and account of ${cluster.registry.host} stay: ImageDigestMirrorSet corp`,
    );
});

test("the account stays until the nodes have the rules that replace those of the registry", async () => {
    const outs = await cluster.create();
    await cluster.server.admin.create(rule(cluster.registry.host));
    await cluster.controllers.settle();
    await cluster.server.admin.apply(rule("registry.next.test"), { force: true });
    let seen = "";
    cluster.clock.onSleep = async () => {
        seen = await cluster.pullSecret();
        await cluster.controllers.pass();
    };
    await cluster.remove(outs);
    // At the last look before the nodes had the new rules, the account was still there.
    expect(seen).toContain(cluster.registry.host);
    expect(await cluster.pullSecret()).toBe(PULL_SECRET);
});
