import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { RENDERED_MARK } from "../../lib/openshift";
import { passthrough } from "../support/passthrough-cli";

jest.setTimeout(120_000);

const HOSTS = "containerd/certs.d/quay.io/hosts.toml";
const FIREWALL = "access/site-firewall.yaml";
const OUTPUTS = {
    mirrorBase: "a.example/mirror",
    mirrorRules: "rules",
    registriesConf: "conf",
    registryCa: "ca",
    targetFiles: { [HOSTS]: "rules" },
    accessFiles: { [FIREWALL]: "rows" },
};
/** Of a site with several clusters. */
const SEVERAL = {
    ...OUTPUTS,
    mirrorRules: { east: "rules of east", west: "rules of west" },
    registriesConf: { east: "conf of east", west: "conf of west" },
    operatorHub: { east: "", west: "hub of west" },
    targetFiles: {},
};
const URN = "urn:pulumi:site-a::registry-passthrough::pulumi:pulumi:Stack::registry-passthrough-site-a";
const STATE = {
    version: 3,
    deployment: {
        manifest: { time: "2026-01-01T00:00:00Z", magic: "", version: "" },
        resources: [{ urn: URN, custom: false, type: "pulumi:pulumi:Stack", outputs: OUTPUTS as object }],
    },
};
const [STACK] = STATE.deployment.resources;
const withOutputs = (outputs: object) => ({
    ...STATE,
    deployment: { ...STATE.deployment, resources: [{ ...STACK, outputs }] },
});

let folder: string;
let out: string;
let env: NodeJS.ProcessEnv;

const writeSite = (registry: object, file = "Pulumi.site-a.yaml") =>
    writeFileSync(join(folder, file), JSON.stringify({ config: { "registry-passthrough:site": { registry } } }));
const render = (...args: string[]) =>
    passthrough(["render", "--stack", "site-a", "--out", out, ...args], { cwd: folder, env });

function pulumi(args: string[], input?: string): void {
    execFileSync("pulumi", args, { cwd: folder, env: { ...process.env, ...env }, input, stdio: "pipe" });
}

/** A stack whose state has the outputs of a site at a.example/mirror. */
beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "render "));
    out = join(folder, "files");
    env = {
        PULUMI_BACKEND_URL: `file://${encodeURI(folder)}`,
        PULUMI_HOME: join(folder, "home"),
        PULUMI_CONFIG_PASSPHRASE: "test",
        PULUMI_SKIP_UPDATE_CHECK: "true",
    };
    writeFileSync(join(folder, "Pulumi.yaml"), "name: registry-passthrough\nruntime: nodejs\n");
    pulumi(["stack", "init", "site-a"]);
    pulumi(["stack", "import", "--stack", "site-a"], JSON.stringify(STATE));
    rmSync(join(folder, "Pulumi.site-a.yaml"), { force: true });
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("outputs of another mirror base than that of the stack file are rejected, and nothing is written", async () => {
    writeSite({ mirrorBase: "b.example/mirror" });
    const run = await render();
    expect(run).toMatchObject({ code: 1, out: "" });
    expect(run.error).toContain(
        "STACK_MISMATCH: stack site-a: its outputs are of a.example/mirror, its configuration is of b.example/mirror",
    );
    expect(existsSync(out)).toBe(false);
});

test("the file of --config-file counts, and must exist", async () => {
    writeSite({ mirrorBase: "a.example/mirror" });
    writeSite({ mirrorBase: "b.example/mirror" }, "other.yaml");
    expect(await render()).toMatchObject({ code: 0 });
    expect(await render("--config-file", "other.yaml")).toMatchObject({ code: 1, out: "" });
    const missing = await render("--config-file", "none.yaml");
    expect(missing).toMatchObject({ code: 1, out: "" });
    expect(missing.error).toContain("STACK_FILE_INVALID in none.yaml: there is no such file");
});

test("without a stack file, or without a mirror base in it, the outputs are written", async () => {
    expect(await render()).toMatchObject({ code: 0 });
    writeSite({ type: "distribution" });
    expect(await render()).toMatchObject({ code: 0 });
    expect(existsSync(join(out, "mirror-rules.yaml"))).toBe(true);
});

test("a mirror base that cannot be read is an error", async () => {
    writeSite({ mirrorBase: 5 });
    const run = await render();
    expect(run).toMatchObject({ code: 1, out: "" });
    expect(run.error).toContain("write site.registry.mirrorBase as host[:port]/path");
    expect(existsSync(out)).toBe(false);
});

test("the files for firewalls have a folder, from which a file that is not rendered any more is deleted", async () => {
    const stale = join(out, "access/registry-host.nft");
    mkdirSync(dirname(stale), { recursive: true });
    writeFileSync(stale, `${RENDERED_MARK}\ntable inet registry_passthrough\n`);
    expect(await render()).toMatchObject({ code: 0, out: expect.stringContaining(join(out, FIREWALL)) as string });
    expect(readFileSync(join(out, FIREWALL), "utf8")).toBe("rows");
    expect(existsSync(stale)).toBe(false);
});

test("files of other targets have folders, and only what an earlier run rendered there is deleted", async () => {
    const stale = join(out, "containerd/certs.d/docker.io/hosts.toml");
    const foreign = join(out, "containerd/certs.d/docker.io/notes.toml");
    mkdirSync(dirname(stale), { recursive: true });
    writeFileSync(stale, `${RENDERED_MARK}\nrules of earlier content\n`);
    writeFileSync(foreign, "of somebody else");
    expect(await render()).toMatchObject({ code: 0, out: expect.stringContaining(join(out, HOSTS)) as string });
    expect(readFileSync(join(out, HOSTS), "utf8")).toBe("rules");
    expect(existsSync(stale)).toBe(false);
    expect(existsSync(foreign)).toBe(true);
});

test("several clusters have a folder each, with what all share in each", async () => {
    pulumi(["stack", "import", "--stack", "site-a"], JSON.stringify(withOutputs(SEVERAL)));
    expect(await render()).toMatchObject({ code: 0 });
    const text = (path: string) => readFileSync(join(out, path), "utf8");
    expect(["east", "west"].map((name) => text(`${name}/mirror-rules.yaml`))).toEqual([
        "rules of east",
        "rules of west",
    ]);
    expect(["east", "west"].map((name) => text(`${name}/registries.conf`))).toEqual(["conf of east", "conf of west"]);
    expect(["east", "west"].map((name) => text(`${name}/ca.crt`))).toEqual(["ca", "ca"]);
    expect(["east", "west"].map((name) => existsSync(join(out, name, "operator-hub.yaml")))).toEqual([false, true]);
    expect(existsSync(join(out, "mirror-rules.yaml"))).toBe(false);
    const escaping = { ...SEVERAL, mirrorRules: { "../east": "rules" } };
    pulumi(["stack", "import", "--stack", "site-a"], JSON.stringify(withOutputs(escaping)));
    expect((await render()).error).toContain("STACK_OUTPUTS_UNAVAILABLE");
});

const useOutputs = (outputs: object) =>
    pulumi(["stack", "import", "--stack", "site-a"], JSON.stringify(withOutputs(outputs)));

/** The files in the folder, except the list of them. */
const rendered = () =>
    readdirSync(out, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name !== ".rendered-site-a")
        .map((entry) => relative(out, join(entry.parentPath, entry.name)))
        .sort();

test("a site that gets several clusters, loses one, and has a single one again leaves no rules behind, and no file of others is deleted", async () => {
    await render();
    const single = rendered();
    writeFileSync(join(out, "kustomization.yaml"), "of somebody else");
    useOutputs(SEVERAL);
    const several = await render();
    expect(several.error).toContain("note: not rendered any more, and deleted: ");
    expect(several.error).toContain(join(out, "mirror-rules.yaml"));
    expect(rendered().filter((path) => !/^(east|west)\//.test(path))).toEqual(["kustomization.yaml"]);

    writeFileSync(join(out, "west/notes.yaml"), "of somebody else");
    const { east } = SEVERAL.mirrorRules;
    useOutputs({ ...SEVERAL, mirrorRules: { east } });
    await render();
    expect(rendered().filter((path) => !path.startsWith("east/"))).toEqual(["kustomization.yaml", "west/notes.yaml"]);

    useOutputs(OUTPUTS);
    await render();
    expect(rendered()).toEqual([...single, "kustomization.yaml", "west/notes.yaml"].sort());
    expect(existsSync(join(out, "east"))).toBe(false);
    expect((await render()).error).toBe("");
});

test("stacks that render into one folder keep each other's files", async () => {
    await render();
    writeFileSync(join(out, "site-b.yaml"), "");
    writeFileSync(join(out, ".rendered-site-b"), `${RENDERED_MARK}\nsite-b.yaml\n`);
    await render();
    expect(existsSync(join(out, "site-b.yaml"))).toBe(true);
});

test("a list of rendered files that was changed leads to no file elsewhere", async () => {
    const elsewhere = join(folder, "elsewhere");
    writeFileSync(elsewhere, "");
    await render();
    writeFileSync(
        join(out, ".rendered-site-a"),
        `${RENDERED_MARK}\n../elsewhere\n${elsewhere}\n\ngone/file\nca.crt/file\ncontainerd\n`,
    );
    expect(await render()).toMatchObject({ code: 0, error: "" });
    expect(existsSync(elsewhere)).toBe(true);
});
