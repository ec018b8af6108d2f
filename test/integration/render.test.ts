import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
    existsSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    readdirSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
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

const useOutputs = (outputs: object) =>
    pulumi(["stack", "import", "--stack", "site-a"], JSON.stringify(withOutputs(outputs)));

/** The files in the folder, except the list of them. */
const rendered = () =>
    readdirSync(out, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name !== ".rendered-site-a")
        .map((entry) => relative(out, join(entry.parentPath, entry.name)))
        .sort();

test("outputs of another mirror base than that of the stack file are rejected, and nothing is written", async () => {
    writeSite({ mirrorBase: "b.example/mirror" });
    const run = await render();
    expect(run).toMatchObject({ code: 78, out: "" });
    expect(run.error).toContain(
        "STACK_MISMATCH: stack site-a: its outputs are of a.example/mirror, its configuration is of b.example/mirror",
    );
    expect(existsSync(out)).toBe(false);
});

test("the file of --config-file counts, and must exist", async () => {
    writeSite({ mirrorBase: "a.example/mirror" });
    writeSite({ mirrorBase: "b.example/mirror" }, "other.yaml");
    expect(await render()).toMatchObject({ code: 0 });
    expect(await render("--config-file", "other.yaml")).toMatchObject({ code: 78, out: "" });
    const missing = await render("--config-file", "none.yaml");
    expect(missing).toMatchObject({ code: 78, out: "" });
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
    expect(run).toMatchObject({ code: 78, out: "" });
    expect(run.error).toContain("write site.registry.mirrorBase as host[:port]/path");
    expect(existsSync(out)).toBe(false);
});

test("files for firewalls and other targets have folders, and only what is on the list is deleted there", async () => {
    const docker = "containerd/certs.d/docker.io/hosts.toml";
    const nft = "access/registry-host.nft";
    useOutputs({ ...OUTPUTS, targetFiles: { [HOSTS]: "rules", [docker]: "more" }, accessFiles: { [nft]: "table" } });
    expect(await render()).toMatchObject({ code: 0, out: expect.stringContaining(join(out, docker)) as string });
    expect(readFileSync(join(out, nft), "utf8")).toBe("table");
    // As an earlier version or another program may have left them.
    const others = ["containerd/certs.d/docker.io/notes.toml", "containerd/certs.d/ghcr.io/hosts.toml"];
    for (const path of [...others, "operator-hub.yaml"]) {
        mkdirSync(dirname(join(out, path)), { recursive: true });
        writeFileSync(join(out, path), `${RENDERED_MARK}\nof somebody else`);
    }
    useOutputs(OUTPUTS);
    expect(await render()).toMatchObject({
        error: `note: not rendered any more, and deleted: ${join(out, nft)}, ${join(out, docker)}\n`,
    });
    expect(rendered()).toEqual(
        [...others, HOSTS, FIREWALL, "ca.crt", "mirror-rules.yaml", "operator-hub.yaml", "registries.conf"].sort(),
    );
});

test("a rendered file that was changed by hand is kept when it is not rendered any more, and overwritten when it is; both are said", async () => {
    useOutputs({ ...OUTPUTS, operatorHub: "hub" });
    await render();
    const hub = join(out, "operator-hub.yaml");
    writeFileSync(hub, "hub, and more");
    writeFileSync(join(out, "ca.crt"), "another CA");
    useOutputs(OUTPUTS);
    const kept = `not rendered any more, but kept, because they were changed or are not in this folder; delete them, or their lines in ${join(out, ".rendered-site-a")}: ${hub}`;
    const first = await render();
    expect(first.error).toContain(`note: changed since they were rendered, and overwritten: ${join(out, "ca.crt")}\n`);
    expect(first.error).toContain(kept);
    expect(readFileSync(hub, "utf8")).toBe("hub, and more");
    expect(readFileSync(join(out, "ca.crt"), "utf8")).toBe("ca");
    // Until somebody has decided.
    expect((await render()).error).toContain(kept);
    writeFileSync(hub, "hub");
    expect((await render()).error).toContain("not rendered any more, and deleted");
    expect(existsSync(hub)).toBe(false);
    expect((await render()).error).toBe("");
});

test("the list can be checked with sha256sum", async () => {
    await render();
    const check = () =>
        execFileSync("sha256sum", ["--check", "--strict", ".rendered-site-a"], { cwd: out, stdio: "pipe" });
    expect(check().toString()).toContain("ca.crt: OK");
    writeFileSync(join(out, "ca.crt"), "another CA");
    expect(check).toThrow("1 computed checksum did NOT match");
});

test("a list without checksums, as earlier versions wrote it, deletes nothing", async () => {
    await render();
    const hub = join(out, "operator-hub.yaml");
    writeFileSync(hub, "hub");
    writeFileSync(join(out, ".rendered-site-a"), `${RENDERED_MARK}\nca.crt\noperator-hub.yaml\n`);
    const run = await render();
    expect(run.error).toContain(`${hub}\n`);
    expect(run.error).not.toContain("ca.crt");
    expect(existsSync(hub)).toBe(true);
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
    const empty = createHash("sha256").digest("hex");
    writeFileSync(join(out, ".rendered-site-b"), `${RENDERED_MARK}\n${empty}  site-b.yaml\n`);
    await render();
    expect(existsSync(join(out, "site-b.yaml"))).toBe(true);
});

test("a list of rendered files that was changed leads to no file elsewhere", async () => {
    const elsewhere = join(folder, "elsewhere");
    const sum = createHash("sha256").update("content").digest("hex");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "file"), "content");
    await render();
    symlinkSync(elsewhere, join(out, "link"));
    symlinkSync(join(elsewhere, "file"), join(out, "linked-file"));
    const kept = ["../elsewhere/file", "link/file", "linked-file"];
    const lines = [...kept, "link", join(elsewhere, "file"), "gone/file", "ca.crt/file", "containerd"];
    writeFileSync(
        join(out, ".rendered-site-a"),
        [RENDERED_MARK, ...lines.map((path) => `${sum}  ${path}`), ""].join("\n"),
    );
    const run = await render();
    expect(run.code).toBe(0);
    expect(run.error).toMatch(/: \S.*elsewhere\/file, .*link\/file, .*linked-file\n$/);
    expect(run.error).not.toContain("deleted: ");
    expect(existsSync(join(elsewhere, "file"))).toBe(true);
    expect(existsSync(join(out, HOSTS))).toBe(true);
});
