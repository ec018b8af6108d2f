import { reportJunit } from "../../../cli/report/report-junit";
import { reportMarkdown } from "../../../cli/report/report-markdown";
import type { SiteReport } from "../../../cli/report/site-report";
import { readStackSite } from "../../../cli/stack/stack-file";
import { formatImages, toImageMap } from "../../../lib/import";
import type { ImageList } from "../../../lib/import/image-list";
import type { Digest } from "../../../lib/oci/digest";
import { clusterDeliveries } from "../../../lib/site";
import { type Engine, ReportSite, SUCCEEDED } from "../../support/report-site";
import { readXml } from "../../support/xml";

const APP0 = "quay.io/team0/app0:v1";

let site: ReportSite;
beforeEach(() => (site = new ReportSite("v2.json")));
afterEach(() => site.remove());

function expectProblem(report: SiteReport, problem: RegExp): void {
    expect(report.verdict).toBe("not proven");
    const problems = report.problems.map(({ subject, problem: text }) => `${subject}: ${text}`);
    expect(problems).toContainEqual(expect.stringMatching(problem));
    const markdown = reportMarkdown(report, { isFull: false });
    expect(markdown).toMatch(/^### Validation of `test`: NOT proven, [1-9]/);
    expect(markdown.indexOf("**Problems**")).toBeLessThan(`${markdown}| Set |`.indexOf("| Set |"));
    expect(readXml(reportJunit(report)).attributes.failures).not.toBe("0");
}

const summary = (change: object) => {
    const validation = site.outputs("MirrorValidation");
    validation.summary = { ...(validation.summary as object), ...change };
};
/** Takes the image out of the list of a resource, or gives it another digest there. */
const changeApp0 = (kind: string, digest?: Digest) => {
    const outputs = site.outputs(kind);
    const others = Object.entries(toImageMap(outputs.images as ImageList)).filter(([source]) => source !== APP0);
    const own = digest === undefined ? [] : [[APP0, digest] as const];
    outputs.images = formatImages(Object.fromEntries([...others, ...own]));
};
const OTHER: Digest = `sha256:${"1".repeat(64)}`;
const failed = { ...SUCCEEDED, result: "failed" };

const PENDING = [{ type: "creating", resource: { urn: "urn:pulumi:test::p::t::set2" } }];

test.each<[what: string, change: () => void, problem: RegExp]>([
    [
        "an image that a refresh cannot pull",
        () => summary({ status: "failing", failing: [APP0] }),
        /^images: 1 of 6 not proven \(a refresh found that it cannot be pulled\): quay.io\/team0\/app0:v1/,
    ],
    [
        "an account that a refresh was rejected with",
        () => summary({ status: "failing", failing: [] }),
        /^images: 6 of 6 not proven \(.*rejects the account, or is broken\)/,
    ],
    [
        "an image that a refresh found damaged",
        () => {
            changeApp0("ImageImport");
            site.outputs("ImageImport").incomplete = [APP0];
        },
        /^images: 1 of 6 not proven \(.*missing or damaged at the registry\)/,
    ],
    [
        "a set that a refresh could not look at",
        () => {
            site.outputs("ImageImport").unseen = true;
        },
        /^set set1: a refresh could not look/,
    ],
    [
        "an image that was imported after the validation",
        () => changeApp0("MirrorValidation"),
        /no validation since it was imported/,
    ],
    [
        "an image that has another digest since",
        () => changeApp0("MirrorValidation", OTHER),
        /no validation since its digest changed/,
    ],
    [
        "a validation that never was",
        () => {
            site.drop("MirrorValidation");
        },
        /^cluster: no image was ever proven/,
    ],
    [
        "something that is gone",
        () => {
            site.outputs("RegistryAccess").gone = true;
        },
        /^RegistryAccess registry: a refresh found that it no longer exists/,
    ],
    [
        "something that differs",
        () => {
            site.outputs("RegistryAccess").differences = ["the quota is 1 GB"];
        },
        /^RegistryAccess registry: a refresh found: the quota is 1 GB/,
    ],
    [
        "what was done in part",
        () => {
            Object.assign(site.resources("ImageImport")[0] ?? {}, { initErrors: ["two\nlines"] });
        },
        /^ImageImport set1: it was done in part: two lines/,
    ],
    [
        "what is left over",
        () => {
            site.add("RobotAccount", "importer", {});
            Object.assign(site.resources("RobotAccount")[0] ?? {}, { delete: true });
        },
        /^RobotAccount importer: it was replaced, and is still to be deleted/,
    ],
    [
        "a run that was killed",
        () => {
            site.state.deployment.pending_operations = PENDING;
        },
        /^stack test: a run has ended in the middle of creating set2/,
    ],
    [
        "a configuration that was not applied",
        () => site.configure({ cluster: { version: "4.20.0", contactSource: "allow" } }),
        /not those of the last up: mirror rules: 3 sources to change/,
    ],
    [
        "a set that was not imported",
        () => {
            changeApp0("ImageImport");
        },
        /not those of the last up: images: 1 to add/,
    ],
    [
        "a lock file that changed",
        () => {
            site.outputs("ImageImport").lockDigest = OTHER;
        },
        /set1\.lock\.json has another content/,
    ],
    [
        "an empty state",
        () => {
            site.state.deployment.resources = [];
        },
        /nothing was ever imported/,
    ],
])("what is not proven is said, and nothing is called proven: %s", async (_, change, problem) => {
    change();
    expectProblem(await site.report(), problem);
});

test.each<[what: string, engine: Engine, problem: RegExp]>([
    ["an up that failed", { runs: [failed] }, /^stack test: its last up has failed at 2026-11-24T18:00:00/],
    ["one before a refresh", { runs: [{ kind: "refresh", result: "succeeded" }, failed] }, /its last up has failed/],
    ["a refresh that failed", { runs: [{ ...failed, kind: "refresh" }, SUCCEEDED] }, /its last refresh has failed/],
    ["a run under way", { lock: { since: "2026-11-24T19:00Z" } }, /another run holds its lock since 2026-11-24T19:00Z/],
])("what the engine says of its runs comes first: %s", async (_, engine, problem) => {
    summary({ status: "failing", failing: [APP0] });
    const report = await site.report(engine);
    expectProblem(report, problem);
    expect(`${report.problems[0]?.subject ?? ""}: ${report.problems[0]?.problem ?? ""}`).toMatch(problem);
});

test("what a run that is under way has not finished is not said of one that has ended", async () => {
    site.state.deployment.pending_operations = PENDING;
    const { problems } = await site.report({ lock: { since: "2026-11-24T19:00Z" } });
    expect(problems.map(({ problem }) => problem)).toEqual(["another run holds its lock since 2026-11-24T19:00Z"]);
});

test("an image that is not proven is among those, and not among the proven ones", async () => {
    summary({ status: "failing", failing: [APP0] });
    const markdown = reportMarkdown(await site.report(), { isFull: false });
    const [unproven = "", proven = ""] = [/1 image not proven[^]*?<\/details>/, /5 images proven[^]*?<\/details>/].map(
        (part) => part.exec(markdown)?.[0] ?? "",
    );
    expect(unproven).toContain(APP0);
    expect(proven).not.toContain(APP0);
});

/** The state of a cluster that is written to, as an `up` with a proof leaves it. */
function applyToCluster(): void {
    const cluster = { version: "4.20.0", contactSource: "never", apply: { kubeconfigFile: "kubeconfig" }, proof: {} };
    site.configure({ cluster });
    const configured = readStackSite({ stack: "test", folder: site.folder });
    const [delivery] = clusterDeliveries(configured, configured.registry.mirror);
    const { registriesConf } = delivery ?? { registriesConf: "" };
    const validation = site.outputs("MirrorValidation");
    validation.registriesConf = registriesConf;
    validation.clusterVersion = "4.20.0";
    summary({ account: "puller" });
    const results = ["master", "worker"].flatMap((pool) => [
        `${pool}: quay.io by digest: proven from the mirror`,
        `${pool}: quay.io by a digest that does not exist: refused as it must be`,
    ]);
    site.add("ClusterCoverage", "cluster-coverage", {
        cluster: "",
        refused: [],
        counts: { at: "2026-11-24T17:39:00.000Z", images: 12, missing: 0, unknown: 0 },
    });
    site.add("ClusterRollout", "cluster-rollout", {
        cluster: "",
        rules: JSON.stringify(delivery?.mirrorRules),
        forbidLater: [],
        pools: [{ pool: "worker", configuration: "rendered-worker-1", nodes: 2 }],
        behind: [],
        differences: [],
        rolledOutAt: "2026-11-24T17:50:00.000Z",
    });
    site.add("ClusterProof", "cluster-proof", {
        ...{ cluster: "", registriesConf, results },
        ...{ provenAt: "2026-11-24T17:55:00.000Z", provenWith: "puller" },
    });
    const stack = site.outputs("Stack");
    stack.mirrorRules = "";
    stack.registriesConf = registriesConf;
}

const rollout = (change: object) => Object.assign(site.outputs("ClusterRollout"), change);

test("a cluster that is written to: rules in force, pools, and pulls by its nodes", async () => {
    applyToCluster();
    const report = await site.report();
    expect(report.clusters[0]).toMatchObject({
        isApplied: true,
        version: "4.20.0",
        validation: { account: "puller" },
        coverage: { images: 12, missing: 0 },
        rollout: { rolledOutAt: "2026-11-24T17:50:00.000Z", pools: [{ pool: "worker", nodes: 2 }] },
        nodes: { account: "puller", pools: [{ pool: "master" }, { pool: "worker" }] },
    });
    expect(report.clusters[0]?.rules).toHaveLength(3);
    expect(report.clusters[0]?.rules[0]).toMatchObject({ source: "docker.io", upstream: "forbidden" });
    const markdown = reportMarkdown(report, { isFull: false });
    expect(markdown).toContain("| worker, 2026-11-24 17:50 UTC | master, worker, 2026-11-24 17:55 UTC | 12, 0 missing");
    const cases = readXml(reportJunit(report))
        .all("testcase")
        .map(({ attributes }) => attributes.name);
    expect(cases).toContain("pool worker: quay.io by digest: proven from the mirror");
    expect(cases).toContain("every image can be pulled through its rules");
});

test.each<[what: string, change: () => void, problem: RegExp]>([
    [
        "no rollout",
        () => {
            site.drop("ClusterRollout");
        },
        /not known whether any node has the rules/,
    ],
    [
        "nodes behind",
        () => rollout({ behind: ["worker: 1 of 3 nodes"] }),
        /nodes still lacked the rules .*worker: 1 of 3 nodes/,
    ],
    [
        "nodes that differ",
        () => rollout({ differences: ["pool worker lacks quay.io"] }),
        /a refresh found: pool worker lacks quay.io/,
    ],
    [
        "an upstream that is still allowed",
        () => rollout({ forbidLater: ["quay.io"] }),
        /should not contact are still allowed: quay.io/,
    ],
    [
        "no proof",
        () => {
            site.drop("ClusterProof");
        },
        /proof is configured, and was never made/,
    ],
    [
        "a proof of other rules",
        () => {
            site.outputs("ClusterProof").registriesConf = "";
        },
        /have proven other rules/,
    ],
    [
        "a proof with another account",
        () => {
            site.outputs("ClusterProof").provenWith = "puller-0";
        },
        /or another account/,
    ],
    [
        "images in use that are missing",
        () => {
            site.outputs("ClusterCoverage").refused = [{ source: "quay.io", total: 2 }];
        },
        /quay.io stays allowed: 2 images in use are missing/,
    ],
])("a cluster with %s is not proven", async (_, change, problem) => {
    applyToCluster();
    change();
    const { problems } = await site.report();
    expect(problems.map(({ problem: text }) => text)).toContainEqual(expect.stringMatching(problem));
});

test("what nothing asks to prove is said, and is no problem", async () => {
    applyToCluster();
    site.configure({
        cluster: {
            version: "4.20.0",
            contactSource: "never",
            apply: { kubeconfigFile: "k" },
            coverage: { check: false },
        },
    });
    site.drop("ClusterProof");
    const report = await site.report();
    expect(report.notProven.map(({ reason }) => reason)).toEqual([
        "that its nodes pull through the mirror: no proof is configured",
        "that the mirror has all images in use: coverage.check is false",
        "that nodes find and accept them: site.signatures asks for none, so no run looks; passthrough verify --signatures does",
    ]);
    const skipped = readXml(reportJunit(report)).all("skipped");
    expect(skipped).toHaveLength(3);
});

test("signatures that a run has looked up are proven, or a problem of the cluster; others are not proven", async () => {
    const notProven = async () => (await site.report()).notProven.filter(({ subject }) => /signatures/.test(subject));
    expect(await notProven()).toHaveLength(1);
    summary({ signatures: { accepted: 2, refused: 0, unread: 0 } });
    const accepted = await site.report();
    expect([await notProven(), accepted.problems]).toEqual([[], []]);
    summary({ signatures: { accepted: 0, refused: 1, unread: 2 } });
    expect(await notProven()).toEqual([]);
    expectProblem(
        await site.report(),
        /^cluster: by site.signatures, nodes refuse 1 image, and signatures of 2 could not be read$/,
    );
});
