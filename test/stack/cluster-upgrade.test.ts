import { join } from "node:path";
import { TestCluster, createClusterSite, stopSite, writeKubeconfig } from "../support/cluster-site";
import type { CliRun } from "../support/stack";
import { FIXTURES, type TestSite } from "../support/site";

jest.setTimeout(900_000);

const POLICIES = "/apis/operator.openshift.io/v1alpha1/imagecontentsourcepolicies";
const CONFIG = "/apis/config.openshift.io/v1";
const OLD = "4.12.50";
const NEW = "4.16.20";

let cluster: TestCluster | undefined;
let site: TestSite | undefined;

beforeEach(() => {
    [cluster, site] = [undefined, undefined];
});
afterEach(() => stopSite(cluster, site));

/** On failure what the command has printed is shown. */
function expectDone({ code, text }: CliRun): void {
    if (code !== 0) throw new Error(text);
}

test("a cluster that was upgraded to 4.16 gets IDMS and ITMS before it loses its ICSP", async () => {
    const [own, upgraded] = await Promise.all([
        createClusterSite(join(FIXTURES, "with-mapping")).then((created) => (site = created)),
        TestCluster.start("4.12", OLD).then((started) => (cluster = started)),
    ]);
    const { stack } = own;
    const kubeconfigFile = writeKubeconfig(own, await upgraded.limitedKubeconfig());
    const configure = (version: string) => {
        stack.configure(own.document({ cluster: { version, contactSource: "allow", apply: { kubeconfigFile } } }));
    };

    configure(OLD);
    expectDone(await stack.up("--skip-preview"));
    const first = upgraded.written();
    expect(first.at(-1)).toBe(`patch ${POLICIES}/passthrough-test`);
    await upgraded.settled();

    await upgraded.upgrade("4.16", NEW);
    await upgraded.limitedKubeconfig();
    await upgraded.settled();
    const refused = await stack.up("--skip-preview");
    expect(refused.code).not.toBe(0);
    expect(refused.text).toContain("CLUSTER_VERSION_DIFFERENT");
    expect(upgraded.written()).toEqual(first);

    configure(NEW);
    expectDone(await stack.up("--skip-preview"));
    const writes = upgraded
        .written()
        .slice(first.length)
        .filter((write, at, all) => all.indexOf(write) === at);
    expect(writes.slice(0, -1).sort()).toEqual([
        `patch ${CONFIG}/imagedigestmirrorsets/passthrough-test-digest`,
        `patch ${CONFIG}/imagetagmirrorsets/passthrough-test-tag`,
    ]);
    expect(writes.slice(-1)).toEqual([`delete ${POLICIES}/passthrough-test`]);
});
