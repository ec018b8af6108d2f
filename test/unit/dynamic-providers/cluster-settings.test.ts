import type { readKubeconfigFile } from "../../../lib/kubernetes";
import { ClusterSettings } from "../../../dynamic-providers/cluster/cluster-settings";

const stored = (cluster: string) => ({ selfUrn: "urn", cluster, kubeconfig: "of the last up", context: "old" });

function settings(config: Readonly<Record<string, unknown>>, readFile?: typeof readKubeconfigFile) {
    const read = (key: string) => {
        const value = config[key.replace("registry-passthrough:", "")];
        return value === undefined || typeof value === "string" ? value : JSON.stringify(value);
    };
    return ClusterSettings.read(read, readFile);
}

test.each([
    [
        "the secret of a single cluster",
        "",
        { site: { cluster: { apply: { context: "c" } } }, kubeconfig: "today" },
        { kubeconfig: "today", context: "c", key: "kubeconfig" },
    ],
    [
        "without a context",
        "",
        { site: { cluster: { apply: {} } }, kubeconfig: "today" },
        { kubeconfig: "today", key: "kubeconfig" },
    ],
    [
        "the secret of one of several",
        "west",
        {
            site: { clusters: { west: { apply: {} }, east: { apply: {} } } },
            "kubeconfig-west": "today",
            "kubeconfig-east": "other",
        },
        { kubeconfig: "today", key: "kubeconfig-west" },
    ],
    [
        "from the defaults",
        "",
        { site: {}, defaults: { cluster: { apply: {} } }, kubeconfig: "today" },
        { kubeconfig: "today", key: "kubeconfig" },
    ],
])("today's kubeconfig wins over that in state: %s", (_name, cluster, config, expected) => {
    expect(settings(config).connection(stored(cluster))).toEqual(expected);
});

const LAST = { kubeconfig: "of the last up", context: "old" };
test.each([
    ["nothing is configured", "", {}],
    ["the secret is not set", "", { site: { cluster: { apply: {} } } }],
    ["the site applies to no cluster", "", { site: { cluster: { version: "4.18" } }, kubeconfig: "today" }],
    [
        "another cluster is configured",
        "west",
        { site: { clusters: { east: { apply: {} } } }, "kubeconfig-east": "today" },
    ],
    ["the document is no JSON", "", { site: "{", kubeconfig: "today" }],
    ["the document is of another shape", "", { site: { cluster: "x", clusters: 3 }, kubeconfig: "today" }],
    [
        "the settings are of another shape",
        "west",
        { site: { clusters: { west: { apply: 3 } } }, "kubeconfig-west": "today" },
    ],
])("what the configuration does not say counts as in state: %s", (_name, cluster, config) => {
    expect(settings(config).connection(stored(cluster))).toEqual(LAST);
});

test("a file is read today, with its context, and state counts if it cannot be", () => {
    const site = { cluster: { apply: { kubeconfigFile: "kube.yaml", context: "lab" } } };
    const flatten = (file: string, context?: string) => ({ text: `${file} ${String(context)}` });
    const key = "site.cluster.apply.kubeconfigFile";
    expect(settings({ site }, flatten).connection(stored(""))).toEqual({ kubeconfig: "kube.yaml lab", key });
    const fail = () => ({ problems: [{ problem: "ENOENT", fix: "" }] });
    expect(settings({ site }, fail).connection(stored(""))).toEqual(LAST);
});

test("a removal waits as long as today's configuration says, and as long as state says without it", () => {
    const last = { cluster: "west", minutes: 90 };
    const site = (west: object) => settings({ site: { clusters: { west } } });
    expect(site({ rollout: { minutes: 240 } }).removalMinutes(last)).toBe(240);
    expect(site({}).removalMinutes(last)).toBeUndefined();
    expect(settings({}).removalMinutes(last)).toBe(90);
});

test("names every secret of the configured kubeconfigs", () => {
    const kubeconfig = JSON.stringify({
        users: [{ name: "a", user: { token: "canary-token-1" } }],
        clusters: [],
        contexts: [],
    });
    expect(settings({ site: { cluster: { apply: {} } }, kubeconfig }).secretTexts()).toContain("canary-token-1");
});
