import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type ReachedCluster, readKubeconfigs, readSite, unknownKeyIssues } from "../../../lib/site";
import { clusterDeliveries, deliveryNotes, perCluster } from "../../../lib/site";
import { kubeconfigText } from "../../support/kubeconfig";

const REGISTRY = { type: "distribution", mirrorBase: "registry.site-a.example:8443/mirror" };
const SERVER = "https://api.lab.test:6443";

function read(clusters: object) {
    const context = { read: () => "", now: new Date(), stack: "site-a" };
    return readSite({ registry: REGISTRY, ...clusters }, undefined, context);
}
const messages = (clusters: object) => read(clusters).issues.map(({ key, problem }) => `${key}: ${problem}`);

/** Of mirror objects that are written to a cluster. */
const NAMES = {
    digest: "passthrough-site-a-digest",
    tag: "passthrough-site-a-tag",
    policy: "passthrough-site-a",
};

describe("clusters of a site", () => {
    test("one without a name, several with theirs; every key has its default", () => {
        const defaults = { contactSource: "allow", adopt: false, allowRemoval: false };
        expect(read({}).site?.clusters).toEqual([{ name: "", ...defaults }]);
        expect(read({ cluster: { version: "4.18", apply: {} } }).site?.clusters).toEqual([
            { name: "", ...defaults, version: "4.18", apply: {}, names: NAMES },
        ]);
        const clusters = { west: { contactSource: "never", adopt: true }, "east-1": { allowRemoval: true } };
        expect(read({ clusters }).site?.clusters).toEqual([
            { name: "west", ...defaults, contactSource: "never", adopt: true },
            { name: "east-1", ...defaults, allowRemoval: true },
        ]);
    });

    test("the wait for nodes is limited, or left out", () => {
        const rollouts = [{ minutes: 240 }, { wait: false }].map((rollout) => ({ rollout }));
        expect(rollouts.map((cluster) => read({ cluster }).site?.clusters[0]?.rollout)).toEqual([
            { wait: true, minutes: 240 },
            { wait: false },
        ]);
    });

    test("every mistake in it is reported, by key", () => {
        const clusters = {
            east: { rollout: { wait: "no", minutes: 0, pools: ["worker"] } },
            west: { rollout: { minutes: 7.5 } },
            south: { rollout: { minutes: 10_081 } },
        };
        expect(
            read({ clusters })
                .issues.map(({ key }) => key)
                .sort(),
        ).toEqual([
            "site.clusters.east.rollout.minutes",
            "site.clusters.east.rollout.pools",
            "site.clusters.east.rollout.wait",
            "site.clusters.south.rollout.minutes",
            "site.clusters.west.rollout.minutes",
        ]);
    });

    test.each([
        ["both", { cluster: {}, clusters: { east: {} } }, "site.clusters: site.cluster is set as well"],
        ["none", { clusters: {} }, "site.clusters: it names no cluster"],
        [
            "a name that is no label",
            { clusters: { East: {} } },
            "site.clusters.East: a name must be a label of RFC 1123",
        ],
        [
            "targets of several",
            { clusters: { east: { targets: ["podman"] } } },
            "site.clusters.east.targets: there is no such key",
        ],
        [
            "an unknown key",
            { cluster: { apply: { kubeconfig: "x" } } },
            "site.cluster.apply.kubeconfig: there is no such key",
        ],
        ["a version that is none", { clusters: { east: { version: "four" } } }, "site.clusters.east.version: "],
        [
            "4.13 that is applied",
            { cluster: { version: "4.13", apply: {} } },
            "site.cluster.version: OpenShift 4.13 accepts",
        ],
        [
            "4.14 that is applied",
            { clusters: { a: { version: "4.14", apply: {} } } },
            "site.clusters.a.version: OpenShift 4.14 accepts",
        ],
    ])("%s is one issue, by its key", (_, document, message) => {
        expect(messages(document)).toEqual([expect.stringContaining(message)]);
    });

    test.each([
        ["nothing is applied", { proof: {} }, "site.cluster.proof: it needs site.cluster.apply, which is not set"],
        [
            "nodes are not waited for",
            { apply: {}, rollout: { wait: false }, proof: {} },
            "site.cluster.rollout.wait is false",
        ],
        [
            "its namespace has no name",
            { apply: {}, proof: { namespace: "Not_a label" } },
            "site.cluster.proof.namespace: ",
        ],
        [
            "old rules would be kept or removed by nobody",
            { oldRules: { "ImageDigestMirrorSet/idms-generic-0": "keep" } },
            "site.cluster.oldRules: it needs site.cluster.apply, which is not set",
        ],
        ["an old object has no kind", { apply: {}, oldRules: { "idms-generic-0": "keep" } }, "site.cluster.oldRules"],
    ])("a key is refused where %s", (_, cluster, message) => {
        expect(messages({ cluster })).toEqual([expect.stringContaining(message)]);
        expect(messages({ cluster: { apply: {}, proof: { namespace: "registry-checks", rerun: "2" } } })).toEqual([]);
    });

    test("the patch release matters only where something is applied, and rules depend on it", () => {
        for (const version of ["4.12", "4.15", "4.13.27", "4.14.1"])
            expect(messages({ cluster: { version, apply: {} } })).toEqual([]);
        expect(messages({ cluster: { version: "4.13" } })).toEqual([]);
    });

    test("issues of several clusters come together, each with a fix that fits the key", () => {
        const { issues } = read({
            clusters: { a: { contactSource: "x" }, b: { adopt: "yes", apply: { context: "" } } },
        });
        expect(issues.map(({ key, fix }) => [key, fix])).toEqual([
            ["site.clusters.a.contactSource", "write allow or never"],
            ["site.clusters.b.apply.context", "write the name of one of its contexts"],
            ["site.clusters.b.adopt", "write true or false"],
        ]);
    });
});

describe("kubeconfigs", () => {
    const text = kubeconfigText({ server: SERVER }, { token: "sha256~canary" });
    const issues = (clusters: readonly ReachedCluster[], secrets: Readonly<Record<string, string>>) =>
        readKubeconfigs(clusters, (key) => secrets[key], "site-a").issues.map(
            ({ key, problem }) => `${key}: ${problem}`,
        );
    const one = (apply?: ReachedCluster["apply"]) => [{ name: "", ...(apply && { apply }) }];
    let file = "";
    beforeAll(() => {
        file = join(mkdtempSync(join(tmpdir(), "kubeconfigs-")), "config");
        writeFileSync(file, text);
    });
    afterAll(() => {
        rmSync(dirname(file), { recursive: true });
    });

    test("from a secret or a file, by the name of the cluster", () => {
        const clusters = [
            { name: "east", apply: {} },
            { name: "west", apply: { kubeconfigFile: file } },
            { name: "none" },
        ];
        const { texts, issues: found } = readKubeconfigs(
            clusters,
            (key) => ({ "kubeconfig-east": text })[key],
            "site-a",
        );
        expect(found).toEqual([]);
        expect(texts["east"]).toBe(text);
        expect(texts["west"]).toContain("sha256~canary");
        expect(Object.keys(texts)).toEqual(["east", "west"]);
    });

    test.each<[string, () => string[], RegExp]>([
        ["missing", () => issues(one({}), {}), /^kubeconfig: it is not set, and the cluster has no other kubeconfig$/],
        ["empty", () => issues(one({}), { kubeconfig: " " }), /^kubeconfig: it is not set/],
        [
            "given twice",
            () => issues(one({ kubeconfigFile: file }), { kubeconfig: text }),
            /^kubeconfig: site.cluster.apply.kubeconfigFile is set as well$/,
        ],
        [
            "for nothing",
            () => issues(one(), { kubeconfig: text }),
            /^kubeconfig: site.cluster.apply, which it is for, is not set$/,
        ],
        [
            "of one cluster among several",
            () => issues([{ name: "a" }], { kubeconfig: text }),
            /^kubeconfig: site.cluster.apply, which/,
        ],
        [
            "of a cluster without apply",
            () => issues([{ name: "a" }], { "kubeconfig-a": text }),
            /^kubeconfig-a: site.clusters.a.apply, which/,
        ],
        [
            "a file that is gone",
            () => issues(one({ kubeconfigFile: "/gone" }), {}),
            /^site.cluster.apply.kubeconfigFile: \/gone: .*ENOENT/,
        ],
        [
            "without the context",
            () => issues(one({ context: "prod" }), { kubeconfig: text }),
            /^site.cluster.apply.context: the kubeconfig has no context prod \(it has: lab\)$/,
        ],
        [
            "a file without the context",
            () => issues([{ name: "a", apply: { kubeconfigFile: file, context: "prod" } }], {}),
            /^site.clusters.a.apply.context: .*config: the kubeconfig has no context prod \(it has: lab\)$/,
        ],
        [
            "a device",
            () => issues(one({ kubeconfigFile: "/dev/zero" }), {}),
            /^site.cluster.apply.kubeconfigFile: \/dev\/zero: it cannot be read: \/dev\/zero is a device, not a file$/,
        ],
        [
            "no kubeconfig",
            () => issues(one({}), { kubeconfig: "/home/ci/.kube/config" }),
            /^kubeconfig: it is YAML, but no mapping/,
        ],
    ])("a kubeconfig that is %s is one issue", (_, found, expected) => {
        expect(found()).toEqual([expect.stringMatching(expected)]);
    });

    test("all problems at once, with commands that name the stack and the key; no secret is in them", () => {
        const wrong = kubeconfigText({ server: "http://api", "certificate-authority": "ca.crt" }, { token: "canary" });
        const { issues: found } = readKubeconfigs(
            [{ name: "a", apply: {} }],
            (key) => ({ "kubeconfig-a": wrong })[key],
            "site-a",
        );
        expect(found).toHaveLength(2);
        expect(found[1]?.fix).toContain("config set --secret kubeconfig-a --stack site-a");
        expect(JSON.stringify(found)).not.toContain("canary");
    });

    test("a secret for a cluster that does not exist is an unknown key", () => {
        const keys = [
            "registry-passthrough:kubeconfig-west",
            "registry-passthrough:kubeconfig",
            "registry-passthrough:kubecfg",
        ];
        const unknown = (clusters: readonly string[] | undefined) =>
            unknownKeyIssues(keys, clusters, "b").map(({ key }) => key);
        expect(unknown(["west"])).toEqual(["kubecfg"]);
        expect(unknown(["east"])).toEqual(["kubeconfig-west", "kubecfg"]);
        expect(unknown([""])).toEqual(["kubeconfig-west", "kubecfg"]);
        expect(unknown(undefined)).toEqual(["kubecfg"]);
    });

    test("a flat key that does not exist is reported with both ways out: remove it, and what was meant", () => {
        const fixes = (key: string, clusters?: readonly string[]) =>
            unknownKeyIssues([`registry-passthrough:${key}`], clusters, "b").map(({ fix }) => fix);
        const remove = (key: string) => `remove it with: npm run pulumi -- config rm ${key} --stack b, and `;
        expect(fixes("kubeconfig-eats", ["east", "west"])).toEqual([
            `${remove("kubeconfig-eats")}set it as kubeconfig-east, or name the cluster in site.clusters`,
        ]);
        expect(fixes("kubeconfig-south", ["east", "west"])).toEqual([
            `${remove("kubeconfig-south")}set it as kubeconfig-east or kubeconfig-west, or name the cluster in site.clusters`,
        ]);
        expect(fixes("kubeconfig-east", [""])).toEqual([
            `${remove("kubeconfig-east")}use kubeconfig for site.cluster, or name the cluster in site.clusters`,
        ]);
        expect(fixes("registryPasword")[0]).toContain(`${remove("registryPasword")}write registryPassword, or use`);
        expect(fixes("mirrorBase")).toEqual([
            `${remove("mirrorBase")}write it below registry-passthrough:site, as site.registry.mirrorBase`,
        ]);
        expect(fixes("zzz")[0]).toContain(`${remove("zzz")}use one of: site, defaults, registryUsername`);
    });
});

test("notes that all clusters share are there once, the others with the cluster's name", () => {
    const cluster = (name: string, version: string) => ({ name, version, contactSource: "allow" as const });
    const clusters = [cluster("old", "4.12"), cluster("new", "4.18")];
    const site = { content: [], upstreams: ["quay.io"], clusters };
    const deliveries = clusterDeliveries(site, { host: "registry.lab", prefix: "mirror" });
    expect(deliveries.map(({ name, version }) => [name, version])).toEqual([
        ["old", "4.12"],
        ["new", "4.18"],
    ]);
    expect(deliveryNotes(deliveries)).toEqual(["no rule yet, since there is no content, for: quay.io"]);
    const own = deliveries.map(({ notes, ...rest }) => ({ ...rest, notes: [...notes, rest.version] }));
    expect(deliveryNotes(own).slice(1)).toEqual(["old: 4.12", "new: 4.18"]);
    expect(deliveryNotes([{ name: "", notes: ["a", "b"] }])).toEqual(["a", "b"]);
});

test("one cluster has a value, several have one for each name", () => {
    expect(perCluster([{ name: "", version: 1 }], ({ version }) => version)).toBe(1);
    expect(
        perCluster(
            [
                { name: "a", version: 1 },
                { name: "b", version: 2 },
            ],
            ({ version }) => version,
        ),
    ).toEqual({ a: 1, b: 2 });
    expect(perCluster([{ name: "a", version: 1 }], ({ version }) => version)).toEqual({ a: 1 });
});
