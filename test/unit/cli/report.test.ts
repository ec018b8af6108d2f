import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { reportJunit } from "../../../cli/report/report-junit";
import { reportMarkdown } from "../../../cli/report/report-markdown";
import type { SiteReport } from "../../../cli/report/site-report";
import { stackLock } from "../../../cli/stack/stack-runs";
import { readRecordedStack } from "../../../cli/stack/recorded-stack";
import { formatImages, toImageMap } from "../../../lib/import";
import type { ImageList } from "../../../lib/import/image-list";
import { clusterDeliveries } from "../../../lib/site";
import { readStackSite } from "../../../cli/stack/stack-file";
import { type Engine, ReportSite, SUCCEEDED } from "../../support/report-site";
import { PROJECT } from "../../support/stack";
import { readXml } from "../../support/xml";

const MAIN = join(PROJECT, "dist/cli/main.js");
const APP0 = "quay.io/team0/app0:v1";
const MAX_COMMENT_BYTES = 60_000;

let site: ReportSite;
beforeEach(() => (site = new ReportSite("v2.json")));
afterEach(() => site.remove());

const allForms = (report: SiteReport) => [
    JSON.stringify(report),
    reportJunit(report),
    reportMarkdown(report, { isFull: false }),
    reportMarkdown(report, { isFull: true }),
];

test.each([
    ["v1.json", "distribution"],
    ["v2.json", "distribution"],
    ["v3-harbor.json", "harbor"],
    ["v3-mirror-registry.json", "mirror-registry"],
    ["v3-quay.json", "quay"],
])(
    "a state of an earlier version is reported, without what it does not say and without its secrets: %s",
    async (file, kind) => {
        site.remove();
        site = new ReportSite(file, kind);
        const report = await site.report();
        expect(report.images).toHaveLength(6);
        expect(report.images.map(({ proofs }) => proofs[0]?.problem)).toEqual(Array(6).fill(undefined));
        expect(report.sets[0]).not.toHaveProperty("importedAt");
        expect(report.clusters[0]?.validation).not.toHaveProperty("account");
        const secrets = JSON.stringify(site.state).match(/canary-password-[0-9a-f]+|\(password of [^)]+\)/g) ?? [];
        expect(secrets.length).toBeGreaterThan(0);
        for (const text of allForms(report)) for (const secret of secrets) expect(text).not.toContain(secret);
    },
);

test("the same state is the same report, byte for byte; each image says how it was proven", async () => {
    const [first, second] = [await site.report(), await site.report()];
    expect(allForms(first)).toEqual(allForms(second));
    expect(first).toMatchObject({
        ...{ reportVersion: 1, stack: "test", recordedAt: site.state.deployment.manifest.time, verdict: "proven" },
        ...{ problems: [], lastRun: SUCCEEDED, registry: { type: "distribution" } },
        sets: [{ name: "set1", images: 6, incomplete: [], content: { format: "oc-mirror", bytes: 87_128 } }],
        clusters: [
            { name: "", isApplied: false, validation: { status: "proven", images: 6, manifests: 8, blobs: 20 } },
        ],
    });
    const proven = first.images.map(({ source, proofs }) => `${source}: ${proofs[0]?.proven.join(", ") ?? ""}`);
    expect(proven).toContain(`${APP0}: digest, tag, all blobs`);
    expect(proven).toContain("docker.io/library/nginx:1.27: digest, tag, every byte");
    expect(proven.find((line) => line.startsWith("quay.io/team1/app1@"))).toMatch(/: digest, every byte$/);
    expect(first.images.find(({ source }) => source === APP0)).toMatchObject({
        mirror: `registry.example:8443/mirror/${APP0}`,
        sets: ["set1"],
    });
});

test("times and accounts that the state has are in the report; marks are; nothing proves a digest that is not upstream's", async () => {
    site.outputs("ImageImport").importedAt = "2026-11-24T17:38:03.000Z";
    const validation = site.outputs("MirrorValidation");
    validation.marks = { [APP0]: "tag-only" };
    validation.summary = {
        ...(validation.summary as object),
        account: "pull-all",
        digestOnly: ["quay.io/multi/tool:2.0"],
    };
    const report = await site.report();
    expect(report.sets[0]?.importedAt).toBe("2026-11-24T17:38:03.000Z");
    expect(report.clusters[0]?.validation?.account).toBe("pull-all");
    expect(report.accounts).toEqual([
        { role: "importer", origin: "given", users: ["imports"] },
        { role: "puller", username: "pull-all", origin: "given", users: ["validation"] },
    ]);
    const image = (name: string) => report.images.find(({ source }) => source === name);
    expect(image(APP0)).toMatchObject({ mark: "tag-only", proofs: [{ proven: ["tag", "all blobs"] }] });
    expect(image("quay.io/multi/tool:2.0")?.proofs[0]?.proven).toEqual(["digest", "all blobs"]);
    const markdown = reportMarkdown(report, { isFull: false });
    expect(markdown).toContain("| `set1` | 6 | 87.1 kB | 2026-11-24 17:38 UTC |");
    expect(markdown).toMatch(/\| `quay.io\/team0\/app0:v1` \| `sha256:[0-9a-f]{12}` \| tag-only \| tag, all blobs \|/);
});

const summary = (change: object) => {
    const validation = site.outputs("MirrorValidation");
    validation.summary = { ...(validation.summary as object), ...change };
};
const withImages = (kind: string, change: (images: Record<string, string>) => void) => {
    const outputs = site.outputs(kind);
    const images: Record<string, string> = { ...toImageMap(outputs.images as ImageList) };
    change(images);
    outputs.images = formatImages(images as Parameters<typeof formatImages>[0]);
};
const OTHER = `sha256:${"1".repeat(64)}`;
const failed = { ...SUCCEEDED, result: "failed" };

test.each<[what: string, change: () => Engine | void, problem: RegExp]>([
    [
        "an image that a refresh cannot pull",
        () => summary({ status: "failing", failing: [APP0] }),
        /^images: 1 of 6 not proven \(a refresh found that it cannot be pulled\): quay.io\/team0\/app0:v1/,
    ],
    [
        "an account that a refresh was rejected with",
        () => summary({ status: "failing", failing: [] }),
        /^images: 6 of 6 not proven \(.*rejects the account\)/,
    ],
    [
        "an image that a refresh found damaged",
        () => {
            withImages("ImageImport", (images) => delete images[APP0]);
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
        () => withImages("MirrorValidation", (images) => delete images[APP0]),
        /no validation since it was imported/,
    ],
    [
        "an image that has another digest since",
        () => withImages("MirrorValidation", (images) => (images[APP0] = OTHER)),
        /no validation since its digest changed/,
    ],
    [
        "a validation that never was",
        () => {
            site.state.deployment.resources = site.state.deployment.resources.filter(
                ({ type }) => !type.endsWith(":MirrorValidation"),
            );
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
            (site.resources("ImageImport")[0] as { initErrors?: string[] }).initErrors = ["two\nlines"];
        },
        /^ImageImport set1: it was done in part: two lines/,
    ],
    [
        "what is left over",
        () => {
            site.add("RobotAccount", "importer", {});
            (site.resources("RobotAccount")[0] as { delete?: boolean }).delete = true;
        },
        /^RobotAccount importer: it was replaced, and is still to be deleted/,
    ],
    [
        "a run that was killed",
        () => {
            site.state.deployment.pending_operations = [
                { type: "creating", resource: { urn: "urn:pulumi:test::p::t::set2" } },
            ];
        },
        /^stack test: a run has ended in the middle of creating set2/,
    ],
    ["an up that failed", () => ({ runs: [failed] }), /^stack test: its last up has failed at 2026-11-24T18:00:00/],
    [
        "an up that failed before a refresh",
        () => ({ runs: [{ kind: "refresh", result: "succeeded" }, failed] }),
        /its last up has failed/,
    ],
    [
        "a refresh that failed",
        () => ({ runs: [{ kind: "refresh", result: "failed" }, SUCCEEDED] }),
        /its last refresh has failed/,
    ],
    [
        "a run that is under way",
        () => ({ lock: { since: "2026-11-24T19:00:00Z" } }),
        /another run holds its lock since 2026-11-24T19:00:00Z/,
    ],
    [
        "a configuration that was not applied",
        () => site.configure({ cluster: { version: "4.20.0", contactSource: "allow" } }),
        /not those of the last up: mirror rules: 3 sources to change/,
    ],
    [
        "a set that was not imported",
        () => {
            withImages("ImageImport", (images) => delete images[APP0]);
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
    const engine = change();
    const report = await site.report(engine ?? {});
    expect(report.verdict).toBe("not proven");
    expect(report.problems.map(({ subject, problem: text }) => `${subject}: ${text}`)).toContainEqual(
        expect.stringMatching(problem),
    );
    const markdown = reportMarkdown(report, { isFull: false });
    expect(markdown).toMatch(/^### Validation of `test`: NOT proven, [1-9]/);
    expect(markdown.indexOf("**Problems**")).toBeLessThan((markdown + "| Set |").indexOf("| Set |"));
    expect(readXml(reportJunit(report)).attributes.failures).not.toBe("0");
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
            site.state.deployment.resources = site.state.deployment.resources.filter(
                ({ type }) => !type.endsWith(":ClusterRollout"),
            );
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
            site.state.deployment.resources = site.state.deployment.resources.filter(
                ({ type }) => !type.endsWith(":ClusterProof"),
            );
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
    site.state.deployment.resources = site.state.deployment.resources.filter(
        ({ type }) => !type.endsWith(":ClusterProof"),
    );
    const report = await site.report();
    expect(report.notProven.map(({ reason }) => reason)).toEqual([
        "that its nodes pull through the mirror: no proof is configured",
        "that the mirror has all images in use: coverage.check is false",
        expect.stringMatching(/^that nodes find and accept them/),
    ]);
    const skipped = readXml(reportJunit(report)).all("skipped");
    expect(skipped).toHaveLength(3);
});

test("robot accounts: age and due date at the time of the state, who uses them, retired ones until their end", async () => {
    site.remove();
    site = new ReportSite("v3-quay.json", "quay");
    for (const { outputs } of site.resources("RobotAccount")) {
        outputs.robot = { ...(outputs.robot as object), createdAt: "2026-11-20T00:00:00.000Z" };
    }
    site.state.deployment.manifest.time = "2026-11-25T12:00:00Z";
    const [retired] = site
        .resources("RobotAccount")
        .flatMap(({ outputs }) => (outputs.retiredRobots as { retiredAt: string }[] | undefined) ?? []);
    Object.assign(retired ?? {}, { retiredAt: "2026-11-20T00:00:00.000Z" });
    site.add("RobotRetirement", "puller-retirement", {
        users: [
            { resource: "validation", username: "mirror+puller-2" },
            { resource: "cluster-west-trust", username: "mirror+puller-1" },
        ],
        byHand: true,
    });
    const { accounts, problems } = await site.report();
    expect(problems).toEqual([]);
    expect(
        accounts.map(({ role, username, origin, ageDays, due }) => [role, username, origin, ageDays, due?.at]),
    ).toEqual([
        ["puller", "mirror+puller-2", "created", 5, "2027-01-19T00:00:00.000Z"],
        ["puller", "mirror+puller-1", "retired", undefined, "2026-11-27T00:00:00.000Z"],
        ["importer", "mirror+importer-2", "created", 5, "2026-12-10T00:00:00.000Z"],
    ]);
    expect(accounts.map(({ users }) => users)).toEqual([
        ["validation", "whoever has the pull secret by hand"],
        ["pull secret of cluster west"],
        ["imports"],
    ]);
    const [puller] = site.resources("RobotAccount");
    Object.assign(puller?.outputs ?? {}, { due: "two thirds of its 90 days are over", unproven: true });
    const later = await site.report();
    expect(later.problems.map(({ subject, problem }) => `${subject}: ${problem}`)).toEqual([
        "account puller-2: it has got a new secret that no pull or push has proven",
        "account puller-2: it is to be replaced: two thirds of its 90 days are over",
    ]);
});

/** A report of so many images, half of them not proven. */
async function largeReport(count: number): Promise<SiteReport> {
    const report = await site.report();
    const images = Array.from({ length: count }, (_, i) => ({
        source: `quay.io/org/app-${String(i).padStart(5, "0")}:1`,
        mirror: `registry.example:8443/mirror/quay.io/org/app-${i}:1`,
        digest: `sha256:${String(i).padStart(64, "0")}`,
        sets: ["set1"],
        proofs: [
            i % 2 === 0
                ? { cluster: "", proven: [], problem: "no | `pipe`" }
                : { cluster: "", proven: ["digest" as const] },
        ],
    }));
    return { ...report, images };
}

test("ten thousand images: a comment stays below 60 kB and counts what it leaves out, whole rows; in full it has all", async () => {
    const report = await largeReport(10_000);
    const comment = reportMarkdown(report, { isFull: false });
    expect(Buffer.byteLength(comment)).toBeLessThanOrEqual(MAX_COMMENT_BYTES);
    const rows = comment.split("\n").filter((line) => line.startsWith("| `quay.io/org/"));
    for (const row of rows) expect(row.replaceAll("\\|", "").split("|")).toHaveLength(6);
    const hidden = [...comment.matchAll(/… and (\d+) more/g)].reduce((sum, [, more]) => sum + Number(more), 0);
    expect(rows.length + hidden).toBe(10_000);
    const full = reportMarkdown(report, { isFull: true });
    expect(full.split("\n").filter((line) => line.startsWith("| `quay.io/org/"))).toHaveLength(10_000);
    expect(full).toContain(`\`sha256:${"9999".padStart(64, "0")}\``);
});

test("JUnit is well-formed and counts what it has, whatever the texts are", async () => {
    const hostile = 'a<b> & "c" ]]> \u0000\u001b[31m \ud800 \uffff é\nsecond line';
    const report = await largeReport(4);
    const xml = reportJunit({ ...report, problems: [{ subject: hostile, problem: hostile }] });
    const root = readXml(xml);
    expect(root.name).toBe("testsuites");
    const cases = root.all("testcase");
    expect(root.attributes).toMatchObject({
        tests: String(cases.length),
        failures: String(root.all("failure").length),
        skipped: String(root.all("skipped").length),
    });
    for (const suite of root.all("testsuite"))
        expect(suite.attributes.tests).toBe(String(suite.all("testcase").length));
    expect(root.all("failure").map(({ attributes }) => attributes.message)).toContain("cluster: no | `pipe`");
    expect(xml).toContain("a&lt;b&gt; &amp;");
});

test("a state that is none is unknown, not unproven", () => {
    expect(() => readRecordedStack({ version: 3 }, "test")).toThrow(
        /STACK_STATE_UNAVAILABLE: stack test: its state is not one of Pulumi/,
    );
    site.outputs("MirrorValidation").summary = "canary";
    return expect(site.report()).rejects.toThrow(
        /MirrorValidation validation in the state: it is not as this program writes it/,
    );
});

test("the lock of a backend of files is seen; of another backend nothing is known", () => {
    const folder = join(site.folder, ".pulumi/locks/organization/registry-passthrough/test");
    const url = `file://${site.folder.replaceAll(" ", "%20")}?metadata=skip`;
    expect(stackLock(url, "registry-passthrough", "test")).toBeUndefined();
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "1.json"), JSON.stringify({ pid: 1, timestamp: "2026-11-24T19:00:00Z" }));
    expect(stackLock(url, "registry-passthrough", "test")).toEqual({ since: "2026-11-24T19:00:00Z" });
    writeFileSync(join(folder, "1.json"), "{");
    expect(stackLock(url, "registry-passthrough", "test")).toEqual({});
    for (const backend of [undefined, "s3://bucket", ""])
        expect(stackLock(backend, "registry-passthrough", "test")).toBeUndefined();
});

/** The compiled command, with a `pulumi` that has the state. */
function run(
    args: readonly string[],
    history: unknown = [{ kind: "update", result: "succeeded", endTime: "2026-11-24T18:00:00.000Z" }],
) {
    const bin = site.pulumi(history);
    const child = spawnSync(process.execPath, [MAIN, "report", "--stack", "test", ...args], {
        cwd: site.folder,
        encoding: "utf8",
        env: { PATH: bin },
    });
    return { code: child.status, out: child.stdout, error: child.stderr };
}

test("the command prints one form or writes all; 0 is proven, 1 is not, 2 is not known", async () => {
    const json = run(["--json"]);
    expect(json).toMatchObject({ code: 0, error: "" });
    expect(JSON.parse(json.out)).toEqual(JSON.parse(JSON.stringify(await site.report())));
    expect(run([]).out).toContain("### Validation of `test`: proven");
    const written = run(["--out", "kept"]);
    expect(written).toMatchObject({ code: 0, error: "test: proven\n" });
    const read = (name: string) => readFileSync(join(site.folder, "kept", name), "utf8");
    expect(read("report.json")).toBe(json.out);
    expect(read("report.md")).toBe(run([]).out);
    expect(read("report.junit.xml")).toBe(run(["--junit"]).out);
    const failing = run([], [{ kind: "update", result: "failed" }]);
    expect(failing).toMatchObject({ code: 1, error: "test: NOT proven, 1 problem\n" });
    const unknown = run([], { message: "no" });
    expect(unknown).toMatchObject({ code: 2, out: "" });
    expect(unknown.error).toContain("STACK_STATE_UNAVAILABLE: stack test: cannot read its history");
    site.configure({ registry: { type: "distribution", mirrorBase: "registry.example:8443/other" } });
    site.outputs("Stack").mirrorBase = "registry.example:8443/mirror";
    expect(run([]).error).toContain("STACK_MISMATCH");
    expect(run([]).code).toBe(2);
});
