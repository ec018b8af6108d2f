import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { inModule } from "./script-module";

let root: string;

beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "plugins "));
    mkdirSync(join(root, "node_modules/@pulumi/kubernetes"), { recursive: true });
    const version = JSON.stringify({ version: "4.32.0", pulumi: { version: "4.32.0" } });
    writeFileSync(join(root, "node_modules/@pulumi/kubernetes/package.json"), version);
    program(`echo "$@" >> '${root}/calls'`);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function program(body: string): void {
    writeFileSync(join(root, "pulumi"), `#!/bin/sh\n${body}\n`);
    chmodSync(join(root, "pulumi"), 0o755);
}

/** Calls of the Pulumi CLI, after the plugin was looked for with this `site` or these `defaults`. */
async function calls(site: object, defaults: object = {}): Promise<string> {
    const config = { "registry-passthrough:site": site };
    writeFileSync(join(root, "stack.yaml"), JSON.stringify({ config }));
    writeFileSync(join(root, "Pulumi.yaml"), JSON.stringify({ config: { "registry-passthrough:defaults": defaults } }));
    const { error } = await inModule(
        "resource-plugins.mjs",
        `await m.ensureKubernetesPlugin({ root: input.root }, input.files, input.root + "/pulumi",
            { PULUMI_HOME: input.root + "/home", PATH: input.root + "/bin" }, { note() {}, beat: (_, work) => work() })`,
        { root, files: { config: join(root, ".local/lab/stack.yaml"), tracked: join(root, "stack.yaml") } },
    );
    if (error !== undefined) throw new Error(error);
    return existsSync(join(root, "calls")) ? readFileSync(join(root, "calls"), "utf8") : "";
}

const INSTALL = "plugin install resource kubernetes 4.32.0 --exact\n";

test.each([
    ["a cluster", { cluster: { apply: {} } }, {}],
    ["one of several", { clusters: { east: {}, west: { apply: { context: "a" } } } }, {}],
    ["one of the defaults", {}, { value: { cluster: { apply: {} } } }],
])("the plugin is installed for a stack that writes to %s", async (_, site, defaults) => {
    expect(await calls(site, defaults)).toBe(INSTALL);
});

test("nothing is installed without such a cluster, or where the plugin is there", async () => {
    expect(await calls({ cluster: { version: "4.18" }, clusters: undefined })).toBe("");
    mkdirSync(join(root, "home/plugins/resource-kubernetes-v4.32.0"), { recursive: true });
    expect(await calls({ cluster: { apply: {} } })).toBe("");
});

test("a kit that carries the plugin needs no download", async () => {
    const archive = `pulumi-resource-kubernetes-v4.32.0-linux-${arch() === "x64" ? "amd64" : arch()}.tar.gz`;
    mkdirSync(join(root, "kit/plugins"), { recursive: true });
    writeFileSync(join(root, "kit/plugins", archive), "");
    const file = `--file ${join(root, "kit/plugins", archive)}`;
    expect(await calls({ cluster: { apply: {} } })).toBe(INSTALL.replace("\n", ` ${file}\n`));
    program("echo 'error: damaged' >&2; exit 1");
    await expect(calls({ cluster: { apply: {} } })).rejects.toThrow(`installed from ${file.slice(7)}: error: damaged`);
});

test("a download that fails says how to bring the plugin", async () => {
    program("echo 'error: no such host' >&2; exit 1");
    await expect(calls({ cluster: { apply: {} } })).rejects.toThrow(
        /could not be downloaded: error: no such host[^]*plugin install resource kubernetes 4\.32\.0 --exact --file FILE/,
    );
});
