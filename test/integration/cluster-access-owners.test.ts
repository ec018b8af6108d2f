import { clusterAccessProvider } from "../../dynamic-providers/cluster-access/provider";
import { OWNER_ANNOTATION } from "../../lib/openshift";
import { ALLOWED, AccessCluster, FORBIDDEN, OWNER, SOURCES } from "../support/access-cluster";
import type { NamedObject } from "../support/cluster/api-client";
import { type Policy, mirrorPair, mirrorPolicy } from "../support/lab-rules";

let cluster: AccessCluster;
beforeAll(async () => {
    cluster = await AccessCluster.start();
});
afterAll(() => cluster.stop());
beforeEach(() => cluster.reset());

const named = (name: string, changes: object = {}) =>
    cluster.inputs(ALLOWED, { cluster: name, owner: `${OWNER}/${name}`, adopt: true, ...changes });

test("objects of another stack, and of nobody, are refused with their owner; with adopt they are no error", async () => {
    const [digest, tag] = ALLOWED;
    if (digest === undefined || tag === undefined) throw new Error("no pair");
    const metadata = { ...digest.metadata, annotations: { [OWNER_ANNOTATION]: "registry-passthrough/other" } };
    await cluster.server.admin.create({ ...digest, metadata });
    await cluster.server.admin.apply(tag, { manager: "argocd" });
    await expect(cluster.create(cluster.inputs(ALLOWED))).rejects.toThrow(
        /cluster: 2 problems; nothing was written to it:\n[^]*ImageDigestMirrorSet passthrough-lab-digest: it exists already, of stack registry-passthrough\/other; set [^]*\n[^]*ImageTagMirrorSet passthrough-lab-tag: it exists already, written by argocd; set /,
    );
    await expect(cluster.create(cluster.inputs(ALLOWED, { adopt: true }))).resolves.toBeDefined();
});

test("a renamed stack takes over its former objects with adopt, once its former rules allow the upstream", async () => {
    const former = { [OWNER_ANNOTATION]: "registry-passthrough/former" };
    const signature = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "release-signature", namespace: "default" },
    };
    const metadata = { ...signature.metadata, annotations: former };
    await cluster.server.admin.create({ ...signature, metadata });
    const writeFormer = async (policy: Policy) => {
        for (const object of mirrorPair(SOURCES, policy)) {
            const renamed = { name: object.metadata.name.replace("lab", "former"), annotations: former };
            await cluster.server.admin.apply({ ...object, metadata: renamed }, { force: true });
        }
    };
    const objects = [...cluster.inputs(FORBIDDEN).objects, signature];
    await writeFormer("NeverContactSource");
    await expect(cluster.preview(cluster.inputs(FORBIDDEN, { objects, adopt: true }))).rejects.toMatchObject({
        code: "MIRROR_POLICY_CONFLICT",
    });
    await writeFormer("AllowContactingSource");
    await expect(cluster.create(cluster.inputs(ALLOWED, { objects }))).rejects.toThrow(
        /ConfigMap default\/release-signature: it exists already, of stack registry-passthrough\/former; set cluster\.adopt/,
    );
    await expect(cluster.create(cluster.inputs(ALLOWED, { objects, adopt: true }))).resolves.toBeDefined();
    await cluster.server.admin.remove(signature);
});

test("the policy that this stack wrote for 4.12 gives way to the pair; its sources are forbidden when it is gone", async () => {
    await cluster.write(mirrorPolicy(SOURCES));
    const applied = cluster.inputs([mirrorPolicy(SOURCES)]);
    expect(await cluster.preview(cluster.inputs(FORBIDDEN), applied)).toEqual([]);
    await cluster.write(...ALLOWED);
    cluster.lines = [];
    const later = await cluster.check(cluster.inputs(FORBIDDEN), applied);
    expect(later).toMatchObject({ neverSources: [], formerObjects: ["ImageContentSourcePolicy passthrough-lab"] });
    expect(await cluster.preview(cluster.inputs(FORBIDDEN), later)).toEqual([]);
    expect(cluster.lines.join("\n")).not.toContain("oc delete");
    expect(cluster.lines.join("\n")).toContain("(is still in ImageContentSourcePolicy passthrough-lab)");
    await cluster.server.admin.remove(mirrorPolicy(SOURCES));
    const last = await cluster.check(cluster.inputs(FORBIDDEN), later);
    expect(last).toMatchObject({ neverSources: SOURCES });
    expect(last).not.toHaveProperty("formerObjects");
    expect(
        clusterAccessProvider.compare({ ...cluster.inputs(FORBIDDEN), neverSources: SOURCES }, last ?? applied).changes,
    ).toBe(false);
    // The same policy of somebody else stays, and cannot forbid.
    await cluster.writeFor("registry-passthrough/other", mirrorPolicy(SOURCES));
    await expect(cluster.preview(cluster.inputs(FORBIDDEN))).rejects.toMatchObject({ code: "MIRROR_POLICY_CONFLICT" });
});

test("objects that a lost state no longer has are named with the command that removes them, and count as staying", async () => {
    await cluster.write(mirrorPolicy([...SOURCES, "ghcr.io"]), ...ALLOWED);
    expect(await cluster.preview(cluster.inputs(FORBIDDEN))).toEqual([]);
    const [warning = ""] = cluster.lines.filter((line) => line.includes("oc delete"));
    expect(warning).toContain(
        "cluster: ImageContentSourcePolicy passthrough-lab is of this stack, which neither wants it nor has it in its state: it stays",
    );
    expect(warning).toContain("in force for quay.io, registry.redhat.io, ghcr.io; when no node needs them");
    expect(warning).toContain("oc delete imagecontentsourcepolicy/passthrough-lab");
    // Nothing takes it away, so nothing is lost, and what it allows cannot be forbidden yet.
    expect(cluster.lines.join("\n")).toContain("(is still in ImageContentSourcePolicy passthrough-lab)");
    await cluster.server.admin.remove(mirrorPolicy(SOURCES));
    cluster.lines = [];
    expect(await cluster.preview(cluster.inputs(FORBIDDEN))).toEqual(SOURCES);
    expect(cluster.lines.join("\n")).not.toContain("oc delete");
});

test("objects of another cluster of the stack are refused, also with adopt", async () => {
    await cluster.write(...ALLOWED);
    await expect(cluster.check(named("east"))).rejects.toThrow(
        /belongs to another cluster of this stack \(site\.cluster\)/,
    );
    await cluster.writeFor(`${OWNER}/east`, ...ALLOWED);
    await expect(cluster.check(named("east", { adopt: false }))).resolves.toBeDefined();
    const other = /belongs to another cluster of this stack \(east\).*keep the name in site\.clusters/;
    await expect(cluster.check(named("west"))).rejects.toThrow(other);
    await expect(cluster.check(cluster.inputs(ALLOWED, { adopt: true }))).rejects.toThrow(other);
    // Not the one whose name begins alike.
    await expect(cluster.check(named("eas"))).rejects.toThrow(other);
    await expect(cluster.check(named("east", { owner: `${OWNER}2/east` }))).resolves.toBeDefined();
});

test("a cluster that was renamed in the state keeps its objects, until all of them have its new name", async () => {
    await cluster.writeFor(`${OWNER}/east`, ...ALLOWED);
    const renamed = named("west", { adopt: false });
    const first = await cluster.check(renamed, named("east"));
    expect(first?.formerOwners).toEqual([`${OWNER}/east`]);
    await expect(cluster.create(first ?? renamed)).resolves.toBeDefined();
    // The update ended before it wrote the objects.
    expect((await cluster.check(renamed, first))?.formerOwners).toEqual([`${OWNER}/east`]);
    await cluster.writeFor(`${OWNER}/west`, ...ALLOWED);
    const later = await cluster.check(renamed, first);
    expect(later).not.toHaveProperty("formerOwners");
    expect(clusterAccessProvider.compare(first ?? renamed, later ?? renamed).changes).toBe(false);
    // Unreachable: nothing is known of the objects.
    const kubeconfig = cluster.server.kubeconfig.replaceAll(cluster.server.url, "https://localhost:1");
    expect((await cluster.check({ ...renamed, kubeconfig }, first))?.formerOwners).toEqual([`${OWNER}/east`]);
});

test("old rules name objects of others only; what they do not name is shown with the key for it", async () => {
    const entry = { source: "quay.io/org", mirrors: ["old.lab.test:5000/org"] };
    const create = (name: string, mirrors: string[], annotations: Readonly<Record<string, string>> = {}) =>
        cluster.server.admin.create({
            apiVersion: "config.openshift.io/v1",
            kind: "ImageDigestMirrorSet",
            metadata: { name, annotations },
            spec: {
                imageDigestMirrors: [
                    { ...entry, mirrors },
                    { ...entry, source: "ghcr.io", mirrors },
                ],
            },
        } as NamedObject);
    await create("idms-generic-0", entry.mirrors);
    await create("of-another-stack", entry.mirrors, { [OWNER_ANNOTATION]: "registry-passthrough/other" });
    await create("of-the-platform", ["localhost:22625/org"]);
    await cluster.write(...ALLOWED);
    const keys = (...names: string[]) =>
        cluster.inputs(ALLOWED, {
            oldRules: Object.fromEntries(names.map((name) => [`ImageDigestMirrorSet/${name}`, "keep"])),
        });

    await cluster.check(cluster.inputs(ALLOWED));
    expect(cluster.lines.join("\n")).toContain(
        "1 mirror object of others redirects 1 source that our rules are for too, and stay in force beside them; to replace " +
            "them without a gap (docs/how-to/migrate.md): cluster.oldRules: {ImageDigestMirrorSet/idms-generic-0: keep}",
    );
    cluster.lines = [];
    await cluster.check(keys("idms-generic-0"));
    expect(cluster.lines.join("\n")).not.toContain("idms-generic-0");
    for (const [name, problem] of [
        ["of-another-stack", "it belongs to the stack registry-passthrough/other"],
        ["of-the-platform", "it is of the platform"],
        ["passthrough-lab-digest", "it is one of the mirror objects of this stack"],
    ] as const) {
        await expect(cluster.check(keys(name))).rejects.toMatchObject({
            code: "OLD_RULES_INVALID",
            problem: expect.stringContaining(problem) as string,
        });
    }
});
