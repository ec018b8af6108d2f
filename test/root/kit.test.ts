import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
    chmodSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    readdirSync,
    readlinkSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { arch, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parse, stringify } from "yaml";
import { TestCluster } from "../support/cluster-site";
import { NamespacePort, packStandIn } from "../support/kit-cluster";
import { PROJECT } from "../support/stack";

/*
 * The kit of this checkout on a machine without network: a network namespace with nothing but loopback, as a user who is
 * not root, with a PATH of the few programs that every Linux has (needs root: to make the namespace).
 */

jest.setTimeout(900_000);

/** What the kit may expect of a machine; no Node.js, no npm, no Pulumi, no compiler. */
const PROGRAMS =
    "sh tar gzip sha256sum comm sort find readlink head cut sed grep wc tr cat cp mv ln mkdir rm rmdir dirname uname printf env id ps".split(
        " ",
    );
const NOBODY = "65534";
const PLUGIN = `pulumi-resource-kubernetes-v4.32.0-linux-${arch() === "x64" ? "amd64" : arch()}.tar.gz`;

const DIGESTS = {
    apiVersion: "config.openshift.io/v1",
    kind: "ImageDigestMirrorSet",
    metadata: { name: "passthrough-dev-digest" },
};

let folder: string;
let kit: string;

interface Run {
    readonly code: number | null;
    readonly text: string;
}

/** Runs a command in the namespace as nobody. */
async function offline(...command: string[]): Promise<Run> {
    const script = 'ip link set lo up && exec setpriv --reuid "$0" --regid "$0" --clear-groups "$@"';
    const env = { HOME: join(folder, "the home"), PATH: join(folder, "bin"), LANG: "C.UTF-8", USER: "someone" };
    const clean = ["env", "-i", ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
    const run = spawn("unshare", ["-n", "sh", "-c", script, NOBODY, ...clean, ...command], {
        cwd: folder,
        stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    for (const stream of [run.stdout, run.stderr]) {
        stream.setEncoding("utf8").on("data", (more: string) => (text += more));
    }
    await once(run, "close");
    return { code: run.exitCode, text };
}

/** Runs a command in the namespace that has to succeed. @returns what it printed */
async function offlineOrThrow(...command: string[]): Promise<string> {
    const { code, text } = await offline(...command);
    if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code ?? "a signal"}:\n${text}`);
    return text;
}

function makeKit(output: string): string {
    const args = ["--output", output, "--kubernetes-plugin", join(folder, PLUGIN)];
    execFileSync(process.execPath, [join(PROJECT, "tools/kit.mjs"), ...args], { stdio: "pipe" });
    const [archive = ""] = readdirSync(output).filter((name) => name.endsWith(".tar"));
    return join(output, archive);
}

const digest = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "kit with spaces "));
    chmodSync(folder, 0o755);
    for (const name of ["bin", "the home"]) mkdirSync(join(folder, name));
    for (const program of PROGRAMS) {
        const [file] = ["/usr/bin", "/bin"].map((bin) => join(bin, program)).filter((path) => existsSync(path));
        if (file !== undefined) symlinkSync(file, join(folder, "bin", program));
    }
    execFileSync("chown", ["-R", `${NOBODY}:${NOBODY}`, join(folder, "the home")]);
    packStandIn(join(folder, PLUGIN));
    kit = makeKit(join(folder, "first"));
});

afterAll(async () => {
    if (existsSync(join(folder, "the home/registry-passthrough/current"))) await offline(run(), "quickstart", "--down");
    rmSync(folder, { recursive: true, force: true });
});

const run = () => join(folder, "the home/registry-passthrough/current/run");

test("the same checkout gives the same bytes, and the sum beside the archive is right", () => {
    const again = makeKit(join(folder, "second"));
    expect([basename(again), digest(again)]).toEqual([basename(kit), digest(kit)]);
    expect(readFileSync(`${kit}.sha256`, "utf8")).toBe(`${digest(kit)}  ${basename(kit)}\n`);
});

test("it holds the program and its licences, and no state, stack file of a site, git or test", () => {
    const listed = (archive: string, ...flags: string[]) =>
        execFileSync("tar", ["-t", ...flags, "-f", archive], { encoding: "utf8", maxBuffer: 64 << 20 }).split("\n");
    execFileSync("tar", ["-xf", kit, "-C", folder]);
    const payload = join(folder, basename(kit, ".tar"), "payload.tar.gz");
    const files = listed(payload, "-z");
    for (const wanted of [
        "LICENSE",
        "kit/licences/pulumi.txt",
        "kit/licences/registry.txt",
        "kit/licences/node-24.txt",
    ]) {
        expect(files).toContain(`./${wanted}`);
    }
    const own = files.filter((file) => !file.startsWith("./node_modules/"));
    expect(own.filter((file) => /(^|\/)\.(git|local)(\/|$)|\.test\.|^\.\/out\//.test(file))).toEqual([]);
    expect(own.filter((file) => /^\.\/Pulumi\.|^\.\/content\/./.test(file)).sort()).toEqual([
        "./Pulumi.dev.yaml",
        "./Pulumi.yaml",
        "./content/dev.lock.json",
    ]);
    const developed = ["jest", "eslint", "prettier", "fast-check"].map((name) => `./node_modules/${name}/`);
    expect(files.filter((file) => developed.some((name) => file.startsWith(name)))).toEqual([]);
    const manifest = JSON.parse(readFileSync(join(folder, basename(kit, ".tar"), "manifest.json"), "utf8")) as {
        tools: { name: string; version: string; files: { file: string; sha256: string }[] }[];
        plugins: object[];
        payload: { sha256: string };
    };
    expect(files).toContain(`./kit/plugins/${PLUGIN}`);
    const plugin = { file: `kit/plugins/${PLUGIN}`, sha256: digest(join(folder, PLUGIN)) };
    expect(manifest.plugins).toEqual([{ name: "kubernetes", version: "4.32.0", ...plugin }]);
    expect(manifest.payload.sha256).toBe(digest(payload));
    expect(manifest.tools.map(({ files: programs }) => programs.map(({ file }) => basename(file)))).toEqual([
        ["pulumi", "pulumi-language-nodejs"],
        ["registry"],
        ["node"],
    ]);
    for (const { sha256 } of manifest.tools.flatMap(({ files: programs }) => programs)) {
        expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    }
});

test("without network it installs in a path with spaces, and the quickstart ends proven, twice", async () => {
    const installed = await offlineOrThrow(join(folder, basename(kit, ".tar"), "install.sh"));
    expect(installed).toContain("/the home/registry-passthrough/current/run' quickstart");
    // One namespace for start, second run and end: what is started in one cannot be reached from another.
    const steps =
        '"$0" quickstart && "$0" quickstart && "$0" passthrough plan && "$0" preview --expect-no-changes && "$0" quickstart --down';
    const quickstart = await offlineOrThrow("sh", "-c", steps, run());
    expect(quickstart).toMatch(/docker\.io\/library\/nginx:1\.27 .*digest, tag, every byte/);
    expect(quickstart).toContain("6 present, 0 to push");
    expect(quickstart).toContain("The registry is stopped.");
    expect(quickstart).not.toMatch(/downloading|building|npm ci/);
    const prefix = join(folder, "the home/registry-passthrough");
    expect(readdirSync(prefix).sort()).toEqual(["current", "local", "versions"]);
    expect(readlinkSync(join(prefix, "current"))).toMatch(/^versions\/0\.1\.0-[0-9a-f]{12}$/);
});

test("what was installed is complete and unchanged after it was used, and installing again changes nothing", async () => {
    const installed = join(folder, "the home/registry-passthrough/current");
    expect(execFileSync("sha256sum", ["-c", "--quiet", "SHA256SUMS"], { cwd: installed, encoding: "utf8" })).toBe("");
    await offlineOrThrow(join(folder, basename(kit, ".tar"), "install.sh"));
    expect(readdirSync(join(folder, "the home/registry-passthrough/versions"))).toHaveLength(1);
});

test("without network a site with cluster.apply is previewed and written to its cluster, with the kit's plugin", async () => {
    const installed = join(folder, "the home/registry-passthrough/current");
    const cluster = await TestCluster.start("4.20", "4.20.0");
    let port: NamespacePort | undefined;
    try {
        port = await NamespacePort.open(cluster.server.port, folder);
        const kubeconfig = join(folder, "kubeconfig");
        writeFileSync(kubeconfig, cluster.server.kubeconfig, { mode: 0o644 });
        const apply = { kubeconfigFile: kubeconfig };
        const stackFile = parse(readFileSync(join(installed, "Pulumi.dev.yaml"), "utf8")) as {
            config: { "registry-passthrough:site": object };
        };
        const site = {
            ...stackFile.config["registry-passthrough:site"],
            cluster: { version: "4.20.0", allowRemoval: true, apply },
        };
        writeFileSync(join(folder, "site.yaml"), stringify({ config: { "registry-passthrough:site": site } }));
        const steps = [
            '"$0" quickstart >/dev/null',
            `cat '${join(folder, "site.yaml")}' > '${join(installed, "Pulumi.dev.yaml")}'`,
            '"$0" preview',
            '"$0" up --yes',
            '"$0" preview --expect-no-changes',
            '"$0" pulumi plugin ls',
            '"$0" quickstart --down',
        ];
        const node = join(installed, "kit/tools/node-24/node");
        const printed = await offlineOrThrow(...port.with(node, "sh", "-c", steps.join(" && "), run()));
        expect(printed).toContain("mirror rules: nodes drain and reload CRI-O, one after the other");
        expect(printed).toMatch(/^kubernetes +resource +4\.32\.0 /m);
        const written = cluster.server
            .requests()
            .filter(({ verb, path, status }) => `${verb} ${status}` === "patch 201" && !path.includes("dryRun"));
        expect(written.filter(({ path }) => path.includes("/imagedigestmirrorsets"))).toHaveLength(1);
        expect(await cluster.server.admin.get(DIGESTS)).toBeUndefined();
    } finally {
        await port?.close();
        await cluster.stop();
    }
});
