import type { OldObjectStage } from "../../lib/openshift";
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
const MIRROR_POOLS = ["master", "worker"];

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
    expect(await cluster.foreign()).toEqual([]);
    expect([...cluster.paused].sort()).toEqual(MIRROR_POOLS);

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
