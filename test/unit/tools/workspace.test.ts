import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inModule } from "./script-module";

let folder: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "workspace "));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What the environment of Pulumi says of progress. */
async function terminalProgress(isTerminal: boolean, own: Record<string, string> = {}): Promise<unknown> {
    const body = [
        "process.stdout.isTTY = input.isTerminal;",
        'const env = m.pulumiEnvironment(m.workspace(input.folder, {}), "dev", [], { PATH: "", ...input.own });',
        "return env.REGISTRY_PASSTHROUGH_PROGRESS ?? null;",
    ].join("\n");
    const { value, error } = await inModule("workspace.mjs", body, { folder, isTerminal, own });
    expect(error).toBeUndefined();
    return value;
}

test("the provider is told of a terminal where there is one, and what the user has set stays", async () => {
    expect(await terminalProgress(true)).toBe("row");
    expect(await terminalProgress(false)).toBeNull();
    expect(await terminalProgress(true, { REGISTRY_PASSTHROUGH_PROGRESS: "lines" })).toBe("lines");
});

test("addresses that the engine's log would go to are not passed on", async () => {
    const body = 'return Object.keys(m.pulumiEnvironment(m.workspace(input.folder, {}), "dev", [], input.env));';
    const env = { PATH: "", PULUMI_LOG_OTLP_ENDPOINT: "a:1", PULUMI_OTEL_EXPORTER_OTLP_ENDPOINT: "a:1", KEPT: "1" };
    const { value } = await inModule("workspace.mjs", body, { folder, env });
    expect(value).toContain("KEPT");
    expect(String(value)).not.toContain("OTLP");
});

/** The `node` that Pulumi finds first, for a checkout in a folder. */
async function engineNode(root: string): Promise<string> {
    const body = 'return m.pulumiEnvironment(m.workspace(input, {}), "dev", [], { PATH: "/usr/bin" }).PATH;';
    const { value } = await inModule("workspace.mjs", body, root);
    const [first = ""] = String(value).split(":");
    expect(readdirSync(first)).toEqual(["node"]);
    return join(first, "node");
}

test("Pulumi and its program find the Node.js that runs the command first on PATH, in any folder", async () => {
    const root = join(folder, `a "quoted" $folder's \\`);
    mkdirSync(join(root, "tools", "engine"), { recursive: true });
    writeFileSync(join(root, "tools", "engine", "program-start.cjs"), "globalThis.loaded = true;");
    const node = await engineNode(root);
    const print = "console.log(process.execPath, globalThis.loaded, process.argv[2])";
    const said = execFileSync(node, ["-e", print, "", "a b"], { encoding: "utf8", env: {} });
    expect(said).toBe(`${realpathSync(process.execPath)} true a b\n`);
});

test("a provider has the heap that a program has", async () => {
    const { value } = await inModule("workspace.mjs", "return m.heapFlags.join(' ');", null);
    const script = join(__dirname, "..", "..", "..", "tools", "engine", "pulumi-resource-pulumi-nodejs");
    expect(readFileSync(script, "utf8")).toContain(`exec node ${String(value)} `);
});

test("a program with typescript: false starts without the compiler, another one with it, and other processes as they are", async () => {
    const root = join(__dirname, "..", "..", "..");
    const probe = join(folder, "probe.cjs");
    writeFileSync(
        probe,
        'console.log(process.env.PULUMI_NODEJS_TYPESCRIPT); if (process.argv[1].endsWith("index.js")) process.exit();',
    );
    const node = await engineNode(root);
    const says = (script: string, project: string) => {
        const cwd = join(folder, "program");
        mkdirSync(cwd, { recursive: true });
        writeFileSync(join(folder, "Pulumi.yaml"), project);
        const env = { PULUMI_NODEJS_TYPESCRIPT: "true" };
        return execFileSync(node, ["--require", probe, script], { encoding: "utf8", env, cwd }).trim();
    };
    const run = join(root, "node_modules", "@pulumi", "pulumi", "cmd", "run", "index.js");
    expect(says(run, "runtime:\n    options:\n        typescript: false\n")).toBe("false");
    expect(says(run, "runtime: nodejs\n")).toBe("true");
    writeFileSync(join(folder, "other.cjs"), "");
    expect(says(join(folder, "other.cjs"), "runtime:\n    options:\n        typescript: false\n")).toBe("true");
});
