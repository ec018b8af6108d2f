import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import type * as osModule from "node:os";
import { join } from "node:path";
import { reportJunit } from "../../../cli/report/report-junit";
import { reportMarkdown } from "../../../cli/report/report-markdown";
import type { SiteReport } from "../../../cli/report/site-report";
import { stackLock } from "../../../cli/stack/stack-runs";
import { readRecordedStack } from "../../../cli/stack/recorded-stack";
import { ReportSite, SUCCEEDED } from "../../support/report-site";
import { PROJECT } from "../../support/stack";

const MAIN = join(PROJECT, "dist/cli/main.js");
const APP0 = "quay.io/team0/app0:v1";

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

test("without a home nothing is known of a backend in it", () => {
    const none = () => {
        throw new Error("uv_os_homedir returned ENOENT");
    };
    const home = jest.spyOn(jest.requireActual<typeof osModule>("node:os"), "homedir").mockImplementation(none);
    try {
        expect(stackLock("file://~/state", "registry-passthrough", "test")).toBeUndefined();
    } finally {
        home.mockRestore();
    }
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

test("what was written to a cluster besides is in the report: policies, pinned images, mirror objects of others", async () => {
    const cluster = { cluster: "" };
    site.add("ClusterSignatures", "cluster-signatures", {
        ...{ ...cluster, written: ["team1", "prod/team2"], accepted: 12, behind: [] },
        acceptedAt: "2026-11-24T17:38:03.000Z",
    });
    site.add("ClusterPinnedImages", "cluster-pinned-images", {
        ...{ ...cluster, images: "a\nb\n", pools: [{ pool: "worker", nodes: 3 }], behind: [] },
        filledAt: "2026-11-24T17:40:00.000Z",
    });
    site.add("ClusterOldRules", "cluster-old-rules", { ...cluster, stages: { "IDMS/a": "remove", "IDMS/b": "keep" } });
    const report = await site.report();
    expect(report.clusters[0]).toMatchObject({
        signatures: { policies: ["team1", "prod/team2"], accepted: 12, acceptedAt: "2026-11-24T17:38:03.000Z" },
        pinned: { images: 2, pools: [{ pool: "worker", nodes: 3 }], behind: [] },
        oldRules: { removed: ["IDMS/a"], kept: ["IDMS/b"] },
    });
    const markdown = reportMarkdown(report, { isFull: false });
    expect(markdown).toContain(
        "| signature policies | team1, prod/team2: nodes accept 12 images | 2026-11-24 17:38 UTC |",
    );
    expect(markdown).toContain("| pinned images | 2 images on worker (3 nodes) | 2026-11-24 17:40 UTC |");
    expect(markdown).toContain("| mirror objects of others | removed: IDMS/a; kept: IDMS/b | time not recorded |");
});
