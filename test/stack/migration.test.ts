import { join } from "node:path";
import type { MirrorObject } from "../../lib/openshift";
import type { ApiObject } from "../support/cluster/api-client";
import { TestCluster, createClusterSite, stopSite, writeKubeconfig } from "../support/cluster-site";
import { FIXTURES, type TestSite } from "../support/site";

jest.setTimeout(900_000);

const VERSION = "4.16.20";
const CONFIG = "config.openshift.io/v1";
const SOURCE = "quay.io/team0";
const mirrors = ["old.lab.test:5000/team0"];
/** As oc-mirror v2 writes them. */
const OLD: readonly MirrorObject[] = [
    {
        apiVersion: CONFIG,
        kind: "ImageDigestMirrorSet",
        metadata: { name: "idms-generic-0" },
        spec: { imageDigestMirrors: [{ source: SOURCE, mirrors }] },
    },
    {
        apiVersion: CONFIG,
        kind: "ImageTagMirrorSet",
        metadata: { name: "itms-generic-0" },
        spec: { imageTagMirrors: [{ source: SOURCE, mirrors }] },
    },
];
const NAMES = OLD.map(({ kind, metadata }) => `${kind}/${metadata.name}`);

let started: { cluster?: TestCluster; site?: TestSite };

beforeEach(() => {
    started = {};
});
afterEach(() => stopSite(started.cluster, started.site));

/** The old objects that the cluster has. */
async function oldObjects({ server: { admin } }: TestCluster): Promise<object[]> {
    const found = await Promise.all(OLD.map((object) => admin.get<ApiObject>(object)));
    return found.flatMap((object) => (object === undefined ? [] : [object.spec as object]));
}

async function pausedPools({ server: { admin } }: TestCluster): Promise<string[]> {
    const kind = { apiVersion: "machineconfiguration.openshift.io/v1", kind: "MachineConfigPool" };
    const pools = await admin.list(kind);
    return pools.filter(({ spec }) => spec?.["paused"] === true).map(({ metadata }) => metadata.name);
}

test("rules of oc-mirror are named, replaced by ours, and come back with the former configuration", async () => {
    const [site, cluster] = await Promise.all([
        createClusterSite(join(FIXTURES, "with-mapping")).then((created) => (started.site = created)),
        TestCluster.start("4.16", VERSION).then((running) => (started.cluster = running)),
    ]);
    const { stack } = site;
    for (const object of OLD) await cluster.server.admin.create(object);
    await cluster.settled();
    const kubeconfigFile = writeKubeconfig(site, await cluster.limitedKubeconfig());
    const coverage = { accept: ["quay.io/openshift-release-dev/**"] };
    const keys = { version: VERSION, coverage, apply: { kubeconfigFile } };
    const configure = (changes: object) => stack.configure(site.document({ cluster: { ...keys, ...changes } }));
    const named = (stage: "keep" | "remove") => Object.fromEntries(NAMES.map((name) => [name, stage]));

    configure({});
    const first = await stack.up("--skip-preview");
    expect(first).toMatchObject({ code: 0 });
    expect(first.text).toContain("cluster.oldRules: {ImageDigestMirrorSet/idms-generic-0: keep");

    configure({ oldRules: named("keep") });
    const keep = await stack.up("--skip-preview");
    expect(keep).toMatchObject({ code: 0 });
    expect(keep.text).toContain("nothing in use needs the old objects any more");

    configure({ oldRules: named("remove"), contactSource: "never" });
    const preview = await stack.preview();
    expect(preview.text).toMatch(
        /removes ImageDigestMirrorSet idms-generic-0, ImageTagMirrorSet itms-generic-0 \(1 source\)/,
    );
    expect(preview.text).toContain("pools are paused until the operator has rendered all of it");
    expect(await oldObjects(cluster)).toHaveLength(2);
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await oldObjects(cluster)).toEqual([]);
    expect(await pausedPools(cluster)).toEqual([]);
    expect(await cluster.nodePolicies(SOURCE)).toEqual(Array(5).fill("not redirected"));
    expect(await cluster.nodePolicies("quay.io")).toEqual(Array(5).fill("forbidden"));
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });

    configure({ oldRules: named("keep") });
    const back = await stack.up("--skip-preview");
    expect(back).toMatchObject({ code: 0 });
    expect(back.text).toContain("creates ImageDigestMirrorSet idms-generic-0, ImageTagMirrorSet itms-generic-0");
    expect(await oldObjects(cluster)).toEqual(OLD.map(({ spec }) => spec));
    expect(await cluster.nodePolicies(SOURCE)).toEqual(Array(5).fill("allowed"));
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });
});
