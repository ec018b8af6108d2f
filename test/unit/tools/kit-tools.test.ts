import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { inModule } from "./script-module";

/** The kind of machine that this one is not. */
const FOREIGN = arch() === "x64" ? "linux-arm64" : "linux-x64";
const GO_ARCHITECTURES: Record<string, string> = { "linux-arm64": "arm64", "linux-x64": "amd64" };

let folder: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kit tools "));
    for (const name of ["bin", "module"]) mkdirSync(join(folder, name));
    program("tool", "echo v1.0.0");
    // Its program names what it was built for, and cannot run here.
    program("go", 'while [ "$1" != "-o" ]; do shift; done; echo "$GOOS/$GOARCH" > "$2"; /bin/chmod 755 "$2"');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, body: string): void {
    writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(folder, "bin", name), 0o755);
}

const pin = {
    title: "The tool",
    version: "1.0.0",
    acceptFrom: "1.0.0",
    acceptBelow: "2.0.0",
    names: ["tool"],
    versionArguments: ["version"],
    companions: [],
    homepage: "https://tool.example/install",
    downloads: {},
    builds: [{ binary: "tool", module: "module", package: "example/tool", versionVariable: "main.version=v1.0.0" }],
};

test("a kit takes the pinned tool and not the one on PATH, also for a machine of another architecture", async () => {
    const search = {
        cache: join(folder, "cache"),
        modules: folder,
        machine: FOREIGN,
        pinnedOnly: true,
        pins: { tool: pin },
        env: { PATH: join(folder, "bin") },
    };
    const body = 'return (await m.getTools(["tool"], input)).tool';
    const { value, error } = await inModule("get-tools.mjs", body, search, { PATH: join(folder, "bin") });
    expect(error).toBeUndefined();
    const file = join(folder, "cache", "tool-1.0.0", "tool");
    expect(value).toEqual({ file, version: "1.0.0", origin: "build" });
    expect(readFileSync(file, "utf8")).toBe(`linux/${GO_ARCHITECTURES[FOREIGN] ?? ""}\n`);
});
