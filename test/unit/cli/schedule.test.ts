import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { PROJECT } from "../../support/stack";

const MAIN = join(PROJECT, "dist/cli/main.js");
const ANALYZE = spawnSync("systemd-analyze", ["--version"]).status === 0 ? test : test.skip;
let folder: string;

beforeEach(() => {
    // Every character that systemd gives a meaning to, or a shell.
    folder = join(mkdtempSync(join(tmpdir(), "schedule-")), "50% of $HOME sites");
    mkdirSync(join(folder, "dist/cli"), { recursive: true });
    writeFileSync(join(folder, "dist/cli/main.js"), "");
});

afterEach(() => rmSync(join(folder, ".."), { recursive: true, force: true }));

function schedule(...args: string[]) {
    const run = spawnSync(process.execPath, [MAIN, "schedule", ...args], { cwd: folder, encoding: "utf8" });
    return { code: run.status, out: run.stdout, error: run.stderr };
}

const SYSTEMD = ["systemd", "--stack", "site-a", "--backend-url", "s3://state?region=eu&x=50%25"];
const KUBERNETES = [
    "kubernetes",
    "--stack",
    "site-a",
    "--backend-url",
    "s3://state",
    "--image",
    "registry.example/s:1",
];

const written = (target: string, name: string) => readFileSync(join(folder, "out/site-a", target, name), "utf8");

test("systemd gets a service, a timer and an alert, with secrets as credentials", () => {
    const aws = "AWS_SHARED_CREDENTIALS_FILE=/etc/registry-passthrough/aws";
    expect(schedule(...SYSTEMD, "--at", "04:05", "--secret-file", aws, "--metrics", "/m/a.prom")).toMatchObject({
        code: 0,
        error: "",
    });
    expect(readdirSync(join(folder, "out/site-a/systemd")).sort()).toEqual([
        "passthrough-check-site-a-alert.service",
        "passthrough-check-site-a.service",
        "passthrough-check-site-a.timer",
    ]);
    const service = written("systemd", "passthrough-check-site-a.service").split("\n");
    expect(service).toEqual(
        expect.arrayContaining([
            "OnFailure=passthrough-check-site-a-alert.service",
            "RestartPreventExitStatus=2 7 65 78",
            "SuccessExitStatus=143",
            "LoadCredential=PULUMI_CONFIG_PASSPHRASE_FILE:/etc/registry-passthrough/site-a.passphrase",
            'Environment="PULUMI_CONFIG_PASSPHRASE_FILE=%d/PULUMI_CONFIG_PASSPHRASE_FILE"',
            "LoadCredential=AWS_SHARED_CREDENTIALS_FILE:/etc/registry-passthrough/aws",
            'Environment="PULUMI_BACKEND_URL=s3://state?region=eu&x=50%%25"',
        ]),
    );
    const [command = ""] = service.filter((line) => line.startsWith("ExecStart="));
    expect(command).toContain(
        '50%% of $$HOME sites/dist/cli/main.js" "check" "--stack" "site-a" "--metrics" "/m/a.prom"',
    );
    expect(written("systemd", "passthrough-check-site-a.timer")).toContain("OnCalendar=*-*-* 04:05:00\n");
});

ANALYZE("systemd accepts the units", () => {
    expect(schedule(...SYSTEMD, "--user", "root")).toMatchObject({ code: 0 });
    const units = join(folder, "out/site-a/systemd");
    const verify = () => {
        const files = readdirSync(units).map((name) => join(units, name));
        const run = spawnSync("systemd-analyze", ["verify", ...files], { encoding: "utf8" });
        // Of other units of this machine it may print warnings too.
        return `${run.stdout}${run.stderr}`.split("\n").filter((line) => line.includes("passthrough-check"));
    };
    expect(verify()).toEqual([]);
    const path = join(units, "passthrough-check-site-a.service");
    writeFileSync(path, readFileSync(path, "utf8").replace("Type=oneshot", "Type=sometimes"));
    expect(verify().join("\n")).toContain("sometimes");
});

test("a unit of the site may alert instead", () => {
    expect(schedule(...SYSTEMD, "--on-failure", "page@%n.service")).toMatchObject({ code: 0 });
    expect(readdirSync(join(folder, "out/site-a/systemd"))).toHaveLength(2);
    expect(written("systemd", "passthrough-check-site-a.service")).toContain("\nOnFailure=page@%n.service\n");
});

test("Kubernetes gets a CronJob that fails at once for drift, and reads secrets from a Secret", () => {
    const claim = ["--backend-url", "file:///srv/state", "--state-claim", "state"];
    expect(schedule(...KUBERNETES, ...claim, "--env", "NO_PROXY=.example")).toMatchObject({ code: 0, error: "" });
    const job = parse(written("kubernetes", "cronjob.yaml")) as Record<string, unknown>;
    expect(job).toMatchObject({
        apiVersion: "batch/v1",
        kind: "CronJob",
        metadata: { name: "passthrough-check-site-a" },
        spec: { schedule: "15 2 * * *", concurrencyPolicy: "Forbid" },
    });
    const text = JSON.stringify(job);
    expect(text).toContain(
        '{"action":"FailJob","onExitCodes":{"containerName":"check","operator":"In","values":[2,7,65,78]}}',
    );
    expect(text).toContain('"args":["check","--stack","site-a"]');
    expect(text).toContain(
        '"secretName":"passthrough-check-site-a","items":[{"key":"passphrase","path":"passphrase"}]',
    );
    expect(text).toContain(
        '"name":"PULUMI_CONFIG_PASSPHRASE_FILE","value":"/run/secrets/registry-passthrough/passphrase"',
    );
    expect(text).toContain('{"name":"state","mountPath":"/srv/state"}');
    expect(text).toContain('"restartPolicy":"Never"');
    // The alert of a failed Job is over before the next night.
    expect(text).toContain('"ttlSecondsAfterFinished":82800');
});

/** What the kubelet makes of a value (kubernetes/kubernetes, third_party/forked/golang/expansion/expand.go). */
function expanded(value: string, variables: Readonly<Record<string, string>>): string {
    return value.replace(/\$\$|\$\(([^)]*)\)/g, (all, name?: string) =>
        name === undefined ? "$" : (variables[name] ?? all),
    );
}

test("a value of a variable reaches the container as it was given: Kubernetes expands nothing in it", () => {
    const values = { A: "$(HOME)/a", B: "$$(HOME)", C: "5$", D: "$HOME $", PGHOST: "db" };
    const options = Object.entries(values).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
    const secret = ["--secret-file", "E_FILE=$(HOME)"];
    expect(schedule(...KUBERNETES, ...options, ...secret)).toMatchObject({ code: 0, error: "" });
    const job = parse(written("kubernetes", "cronjob.yaml")) as {
        spec: {
            jobTemplate: { spec: { template: { spec: { containers: { env: { name: string; value: string }[] }[] } } } };
        };
    };
    const [container] = job.spec.jobTemplate.spec.template.spec.containers;
    const inFile = Object.fromEntries(container?.env.map(({ name, value }) => [name, value]) ?? []);
    expect(inFile.A).toBe("$$(HOME)/a");
    const read = Object.entries(inFile).map(([name, value]) => [name, expanded(value, inFile)]);
    expect(Object.fromEntries(read)).toMatchObject({ ...values, E_FILE: "/run/secrets/registry-passthrough/$(HOME)" });
});

test.each<[args: string[], error: string]>([
    [["cron", "--backend-url", "s3://x"], "Allowed choices are systemd, kubernetes"],
    [["systemd"], "required option '--backend-url <url>' not specified"],
    [[...SYSTEMD, "--at", "25:00"], "Write it as 02:15."],
    [[...SYSTEMD, "--image", "x"], "option '--image' is for kubernetes"],
    [[...SYSTEMD, "--env", "AWS_SECRET_ACCESS_KEY=canary"], "AWS_SECRET_ACCESS_KEY is a secret"],
    [[...SYSTEMD, "--env", "AZURE_STORAGE_KEY=canary"], "AZURE_STORAGE_KEY is a secret"],
    [[...SYSTEMD, "--env", "X=a\nExecStart=/bin/true"], "Write VARIABLE=value, on one line."],
    [[...SYSTEMD, "--backend-url", "postgres://u:canary@db/x"], "holds a password"],
    [["kubernetes", "--backend-url", "s3://x"], "needs option '--image <image>'"],
    [[...KUBERNETES, "--backend-url", "file:///x"], "a file:// backend needs option '--state-claim <name>'"],
    [[...KUBERNETES, "--metrics", "a.prom"], "option '--metrics' is for systemd"],
])("wrong usage writes nothing: %j", (args, error) => {
    const run = schedule(...args);
    expect(run).toMatchObject({ code: 2, out: "" });
    expect(run.error).toContain(error);
    expect(readdirSync(folder)).toEqual(["dist"]);
});

test("a stack whose name would change a unit is an error, and nothing is written", () => {
    const run = schedule(...SYSTEMD, "--stack", "a'; reboot; '");
    expect(run).toMatchObject({ code: 78, out: "" });
    expect(run.error).toContain("CONFIG_INVALID");
    expect(readdirSync(folder)).toEqual(["dist"]);
});

test.each([
    [["--user", "u\nUser=root"]],
    [["--on-failure", "f\n[Service]\nExecStart=/bin/evil"]],
    [["--metrics", "/m\rX"]],
    [["--secret-file", "P_FILE=/a\\"]],
    [["--backend-url", "s3://x\nExecStartPre=/bin/evil"]],
])("a value that would begin or hide a line of a unit is an error, and nothing is written: %j", (args) => {
    const run = schedule(...SYSTEMD, ...args);
    expect(run).toMatchObject({ code: 78, out: "" });
    expect(run.error).toContain("it has a control character, or ends with a backslash; give names and paths without");
    expect(readdirSync(folder)).toEqual(["dist"]);
});

test("a folder whose name would begin a line of a unit is an error, and nothing is written", () => {
    const named = join(folder, "x\nExecStartPre=evil");
    mkdirSync(named);
    const options = { cwd: named, encoding: "utf8" } as const;
    const { stderr } = spawnSync(process.execPath, [MAIN, "schedule", ...SYSTEMD], options);
    expect(stderr).toContain("CONFIG_INVALID: line ");
    expect(readdirSync(named)).toEqual([]);
});

test("a stack whose name cannot be that of a CronJob is an error", () => {
    const run = schedule(...KUBERNETES, "--stack", `site-${"a".repeat(40)}`);
    expect(run.code).toBe(78);
    expect(run.error).toContain("at most 34 characters");
});
