import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inModule } from "./script-module";

let folder: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "workspace "));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What the environment of Pulumi says of progress. */
async function progressOf(isTerminal: boolean, own: Record<string, string> = {}): Promise<unknown> {
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
    expect(await progressOf(true)).toBe("row");
    expect(await progressOf(false)).toBeNull();
    expect(await progressOf(true, { REGISTRY_PASSTHROUGH_PROGRESS: "lines" })).toBe("lines");
});
