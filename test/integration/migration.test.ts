import { computeDigest } from "../../lib/oci/digest";
import type { MirrorObject, OldObjectStage } from "../../lib/openshift";
import { MigrationCluster, type UsedImage } from "../support/migration-cluster";
import { contentSourcePolicies, mirrorSets } from "../support/old-rules";

jest.setTimeout(600_000);

const UBI: UsedImage = { name: "registry.redhat.io/ubi8/ubi", tag: "8.9", by: ["digest", "tag"] };
const POSTGRES: UsedImage = { name: "registry.redhat.io/rhel9/postgresql-15", tag: "1-1", by: ["digest"] };
const INDEX: UsedImage = {
    name: "registry.redhat.io/redhat/redhat-operator-index",
    tag: "v4.16",
    by: ["digest", "tag"],
};
const APP: UsedImage = { name: "quay.io/org/app", tag: "1.0", by: ["digest", "tag"] };
const TOOL: UsedImage = { name: "quay.io/org/team/deep/tool", tag: "2", by: ["digest", "tag"] };
/** Written without `library`. */
const NGINX: UsedImage = { name: "docker.io/nginx", tag: "1.27", by: ["tag"] };
const IMAGES = [UBI, POSTGRES, INDEX, APP, TOOL, NGINX];
/** The archive of the site does not have it. */
const RELEASE = ["quay.io/openshift-release-dev/**"];
const POOLS = ["master", "worker"];

let cluster: MigrationCluster;

afterEach(() => cluster.stop());

/** The path of an image at the mirror of this program. */
const atMirror = ({ name }: UsedImage) =>
    `${cluster.registry.host}/mirror/${name.replace("docker.io/", "docker.io/library/")}`;
/** The path that oc-mirror gives it: without the host. */
const atOldMirror = (registry: string, { name }: UsedImage) =>
    `${registry}/${name.replace("docker.io/", "docker.io/library/").replace(/^[^/]*\//, "")}`;

const stages = (names: readonly string[], stage: OldObjectStage) =>
    Object.fromEntries(names.map((name) => [name, stage]));

test("sets of oc-mirror: no pull is lost at any moment on the way to our rules, to never, and back", async () => {
    cluster = await MigrationCluster.start(IMAGES);
    const { registry, ledger } = cluster;
    for (const image of IMAGES) await cluster.hold(atOldMirror(registry.host, image), image);
    const before = mirrorSets(registry.host);
    await cluster.begin(before);
    const names = before.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(await ledger.pullable()).toEqual(ledger.references);

    // 1. Ours beside the old ones, and one image is missing.
    for (const image of IMAGES.filter((one) => one !== POSTGRES)) await cluster.hold(atMirror(image), image);
    const hint = await cluster.up({ accept: RELEASE });
    expect(hint.lines.join("\n")).toContain("cluster.oldRules: {ImageDigestMirrorSet/idms-generic-0: keep");
    const keep = await cluster.up({ accept: RELEASE, oldRules: stages(names, "keep") });
    expect(keep.error).toBeUndefined();
    expect(keep.lines.join("\n")).toMatch(
        /nodes find 1 image in use only through them:\s+registry\.redhat\.io\/rhel9\/postgresql-15@sha256/,
    );

    // 2. Refused for it.
    const early = await cluster.up({ accept: RELEASE, oldRules: stages(names, "remove") });
    expect(early.error).toMatchObject({ code: "OLD_RULES_IN_USE" });
    expect(await cluster.foreign()).toEqual(before);

    // 3. Removed in one step.
    await cluster.hold(atMirror(POSTGRES), POSTGRES);
    const remove = await cluster.up({ accept: RELEASE, oldRules: stages(names, "remove") });
    expect(remove.error).toBeUndefined();
    expect(remove.lines.join("\n")).toContain("pools are paused until the operator has rendered all of it");
    expect(ledger.lost).toEqual([]);
    expect(await cluster.foreign()).toEqual([]);
    expect([...cluster.paused].sort()).toEqual(POOLS);

    // 4. Never, in its two steps; the old mirror is not needed any more.
    await cluster.up({ accept: RELEASE, oldRules: stages(names, "remove"), contactSource: "never" });
    for (const image of IMAGES) ledger.held.delete(`${atOldMirror(registry.host, image)}:${image.tag}`);
    await ledger.look();
    expect(ledger.lost).toEqual([]);

    // Back.
    for (const image of IMAGES) await cluster.hold(atOldMirror(registry.host, image), image);
    await cluster.up({ accept: RELEASE, oldRules: stages(names, "remove") });
    const back = await cluster.up({ accept: RELEASE, oldRules: stages(names, "keep") });
    expect(back.error).toBeUndefined();
    expect(await cluster.foreign()).toEqual(before);
    expect(ledger.lost).toEqual([]);
    expect(await ledger.pullable()).toEqual(ledger.references);
    expect(ledger.looks).toBeGreaterThan(50);
});

/** The sets of oc-mirror, ours beside them, and all images at both mirrors. */
async function beginWithSets(): Promise<{ readonly before: MirrorObject[]; readonly names: string[] }> {
    cluster = await MigrationCluster.start(IMAGES);
    const { registry } = cluster;
    for (const image of IMAGES) {
        await cluster.hold(atOldMirror(registry.host, image), image);
        await cluster.hold(atMirror(image), image);
    }
    const before = mirrorSets(registry.host);
    await cluster.begin(before);
    const names = before.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    await cluster.up({ accept: RELEASE, oldRules: stages(names, "keep") });
    return { before, names };
}

test("a removal that fails half-way is undone, and pools are resumed; one that was killed is completed", async () => {
    const { before, names } = await beginWithSets();
    const remove = { accept: RELEASE, oldRules: stages(names, "remove") };
    cluster.beforeWrite = (call) => {
        if (call === "patch worker") throw new Error("the second pool cannot be paused");
    };
    expect(await cluster.up(remove)).toMatchObject({ error: { message: "the second pool cannot be paused" } });
    expect(await cluster.pausedPools()).toEqual([]);
    expect([...cluster.paused]).toEqual(["master"]);

    cluster.beforeWrite = (call) => {
        if (call === "remove itms-generic-0") throw new Error("denied by a webhook");
    };
    expect(await cluster.up(remove)).toMatchObject({ error: { message: "denied by a webhook" } });
    expect(await cluster.foreign()).toEqual(before);
    expect(await cluster.pausedPools()).toEqual([]);

    // Nothing is written any more, as after a kill.
    let isDead = false;
    cluster.beforeWrite = (call) => {
        if (isDead) throw new Error("killed");
        isDead = call === "remove idms-generic-0";
    };
    expect(await cluster.up(remove)).toMatchObject({ error: { code: "OLD_RULES_IN_USE" } });
    expect(await cluster.pausedPools()).toEqual(POOLS);
    cluster.beforeWrite = () => undefined;
    const forgotten = await cluster.up({ accept: RELEASE });
    expect(forgotten.error).toMatchObject({ code: "OLD_RULES_IN_USE" });
    const next = await cluster.up(remove);
    expect(next.error).toBeUndefined();
    expect(next.lines.join("\n")).toContain("resumes 2 pools (master, worker)");
    expect(await cluster.foreign()).toEqual([]);
    expect(await cluster.pausedPools()).toEqual([]);
    expect(cluster.ledger.lost).toEqual([]);
});

test("rules of others serve what they redirect, and what is written again after its removal is named", async () => {
    cluster = await MigrationCluster.start([APP]);
    const { server } = cluster;
    await cluster.hold(atMirror(APP), APP);
    const digests = (name: string, source: string, mirror: string): MirrorObject => ({
        apiVersion: "config.openshift.io/v1",
        kind: "ImageDigestMirrorSet",
        metadata: { name },
        spec: { imageDigestMirrors: [{ source, mirrors: [mirror] }] },
    });
    const wildcard = digests("corp", "*.old.test", "corp.lab.test/old");
    const below = digests("below", "reg.old.test/a", "m.lab.test/a");
    const port = digests("port", "reg.old.test:5000/a", "m.lab.test/a");
    await cluster.begin([wildcard, below, port]);
    const oldRules = (stage: OldObjectStage, ...objects: MirrorObject[]) =>
        stages(
            objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`),
            stage,
        );
    const keep = { accept: RELEASE, oldRules: oldRules("keep", below, port) };
    expect((await cluster.up(keep)).error).toBeUndefined();
    const refused = await cluster.up({ accept: RELEASE, oldRules: oldRules("remove", below, port) });
    expect(refused.error).toMatchObject({
        code: "OLD_RULES_IN_USE",
        problem: expect.stringMatching(
            /nothing else redirects pulls of reg\.old\.test:5000\/a by digest \([^,]*\)$/,
        ) as string,
    });
    expect(await cluster.foreign()).toHaveLength(3);
    const containers = [{ name: "app", image: `reg.old.test/a/tool@${computeDigest("any")}` }];
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "tool", namespace: "shop" }, spec: { containers } };
    await server.admin.create(pod);
    const inUse = await cluster.up({ accept: RELEASE, oldRules: oldRules("remove", below) });
    expect(inUse.error).toMatchObject({
        code: "OLD_RULES_IN_USE",
        problem: expect.stringMatching(
            /reg\.old\.test\/a\/tool@sha256:.*the mirror rule \*\.old\.test redirects its pulls by digest to corp\.lab\.test\/old, not to this mirror/,
        ) as string,
    });
    await server.admin.remove(pod);

    const remove = { accept: RELEASE, oldRules: { ...keep.oldRules, ...oldRules("remove", below) } };
    cluster.afterPreview = async () => void (await server.admin.remove(port));
    expect((await cluster.up(remove)).error).toMatchObject({ code: "CLUSTER_CHANGED" });
    cluster.afterPreview = () => Promise.resolve();
    const removed = await cluster.up(remove);
    expect(removed.error).toBeUndefined();
    expect(removed.lines.join("\n")).toContain(
        "rules of others alone redirect reg.old.test/a by digest (rule *.old.test, to corp.lab.test/old) then",
    );
    expect(await cluster.foreign()).toEqual([wildcard, port]);
    expect(cluster.oldRules?.removed).toEqual(["ImageDigestMirrorSet/below"]);

    const lost = await cluster.up({ ...remove, oldRules: oldRules("remove", port, below), allowRemoval: true });
    expect(lost.lines.join("\n")).toContain(
        "nothing redirects pulls of reg.old.test:5000/a by digest (ImageDigestMirrorSet port) then",
    );
    expect(await cluster.foreign()).toEqual([wildcard]);
    await cluster.up(remove);

    await server.admin.create(below);
    const again = await cluster.up(remove);
    expect(again.lines.join("\n")).toMatch(
        /below \(1 source\): an earlier run has removed it, and somebody has written it again/,
    );
    expect(await cluster.foreign()).toEqual([wildcard, port]);
});

test("the ledger sees what an administrator would do: objects deleted one by one, or before ours are there", async () => {
    const { before } = await beginWithSets();
    const [generic] = before as [MirrorObject];
    await cluster.server.admin.remove(generic);
    await cluster.settle();
    const lost = new Set(cluster.ledger.lost.map(({ reference }) => reference.replace(/@.*/, " by digest")));
    expect([...lost].sort()).toEqual([
        "quay.io/org/app by digest",
        "quay.io/org/team/deep/tool by digest",
        "registry.redhat.io/ubi8/ubi by digest",
    ]);
});

test("content source policies: digests are pulled all the time, tags in the end, and never waits for the old", async () => {
    cluster = await MigrationCluster.start(IMAGES);
    const { ledger } = cluster;
    const old = "old.lab.test:5000/ocp4";
    const corp: MirrorObject = {
        apiVersion: "operator.openshift.io/v1alpha1",
        kind: "ImageContentSourcePolicy",
        metadata: { name: "corp" },
        spec: { repositoryDigestMirrors: [{ source: "quay.io", mirrors: [`${old}/quay`] }] },
    };
    const before = [corp, ...contentSourcePolicies(old)];
    for (const image of IMAGES) await cluster.hold(atOldMirror(old, image), image);
    await cluster.begin(before);
    const names = before.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    const digests = ledger.references.filter((reference) => reference.includes("@"));
    expect(await ledger.pullable()).toEqual(digests);

    for (const image of IMAGES) await cluster.hold(atMirror(image), image);
    const keep = { accept: RELEASE, oldRules: stages(names, "keep"), contactSource: "never" } as const;
    await cluster.up(keep);
    const waiting = await cluster.up(keep);
    expect(waiting.lines.join("\n")).toMatch(/quay\.io \(is still in ImageContentSourcePolicy corp\)/);
    const remove = { ...keep, oldRules: stages(names, "remove") };
    expect((await cluster.up(remove)).error).toBeUndefined();
    expect(await cluster.foreign()).toEqual([]);
    await cluster.up(remove);
    ledger.held.forEach((place) => place.startsWith(old) && ledger.held.delete(place));
    await ledger.look();
    expect(await ledger.pullable()).toEqual(ledger.references);
    expect(ledger.lost).toEqual([]);

    // While ours forbid a source that the old one allows, it would stop the operator.
    const refused = await cluster.up({ ...keep, oldRules: stages(names, "keep") });
    expect(refused.error).toMatchObject({ code: "OLD_RULES_IN_USE" });
    expect(await cluster.foreign()).toEqual([]);
    for (const image of IMAGES) await cluster.hold(atOldMirror(old, image), image);
    expect((await cluster.up({ ...keep, contactSource: "allow" })).error).toBeUndefined();
    expect(await cluster.foreign()).toEqual(before);
    expect(ledger.lost.filter(({ reference }) => digests.includes(reference))).toEqual([]);
});

test("direct pulls: coexist, forbid, and the upstream goes away without a pull that fails", async () => {
    cluster = await MigrationCluster.start(IMAGES);
    const { ledger } = cluster;
    const upstream = ({ name }: UsedImage) => name;
    for (const image of IMAGES) await cluster.hold(upstream(image), image);
    await cluster.begin([]);
    expect(await ledger.pullable()).toEqual(ledger.references);
    const never = { accept: RELEASE, contactSource: "never" } as const;
    await cluster.up({ accept: RELEASE });
    // The mirror is not complete: its sources stay allowed.
    await cluster.hold(atMirror(UBI), UBI);
    await cluster.up(never);
    expect(await ledger.pullable()).toEqual(ledger.references);
    for (const image of IMAGES) await cluster.hold(atMirror(image), image);
    await cluster.up(never);
    ledger.held.forEach((place) => !place.startsWith(cluster.registry.host) && ledger.held.delete(place));
    await ledger.look();
    expect(ledger.lost).toEqual([]);
    // Back: the direct way first.
    for (const image of IMAGES) await cluster.hold(upstream(image), image);
    await cluster.up({ accept: RELEASE });
    expect(ledger.lost).toEqual([]);
});
