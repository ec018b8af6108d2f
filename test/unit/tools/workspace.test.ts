import { mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
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

test("Pulumi, its program and its providers find the Node.js that runs the command first on PATH", async () => {
    const body = 'return m.pulumiEnvironment(m.workspace(input, {}), "dev", [], { PATH: "/usr/bin" }).PATH;';
    const { value } = await inModule("workspace.mjs", body, folder);
    const [first = ""] = String(value).split(":");
    expect(readdirSync(first)).toEqual(["node"]);
    expect(realpathSync(join(first, "node"))).toBe(realpathSync(process.execPath));
});
