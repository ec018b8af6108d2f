import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
    chmodSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    readdirSync,
    rmSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ScriptedServer } from "../../support/http-server";
import { PROJECT } from "../../support/stack";
import { inModule } from "./script-module";

interface Lock {
    readonly packages: Record<string, { version: string; integrity?: string; resolved?: string; cpu?: string }>;
}

const NAME = "tool-linux-x64";
const ALIAS = "tool-2-linux-x64";
let folder: string;
let cache: string;
let tarball: Buffer;
let server: ScriptedServer;

beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "npm tools "));
    cache = join(folder, "cache");
    tarball = packedTool();
    server = await ScriptedServer.start(({ url }) => ({
        status: 200,
        body: url.endsWith(".tgz") ? tarball : packument(),
    }));
});

afterEach(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
});

const integrity = () => `sha512-${createHash("sha512").update(tarball).digest("base64")}`;

function packument(): string {
    const dist = { tarball: `${server.origin}/${NAME}/-/${NAME}-2.0.0.tgz`, integrity: integrity() };
    return JSON.stringify({ name: NAME, versions: { "2.0.0": { name: NAME, version: "2.0.0", dist } } });
}

/** As those of Node.js: the program in bin/, beside files that nobody needs. */
function packedTool(): Buffer {
    const content = join(folder, "content", "package");
    mkdirSync(join(content, "bin"), { recursive: true });
    mkdirSync(join(content, "include"));
    writeFileSync(join(content, "package.json"), JSON.stringify({ name: NAME, version: "2.0.0" }));
    writeFileSync(join(content, "bin", "tool"), "#!/bin/sh\necho v2.0.0\n");
    chmodSync(join(content, "bin", "tool"), 0o755);
    const file = join(folder, "tool.tgz");
    execFileSync("tar", ["-czf", file, "-C", join(folder, "content"), "package"]);
    return readFileSync(file);
}

function pinnedProject(hash: string): void {
    mkdirSync(join(folder, "project"));
    const optionalDependencies = { [ALIAS]: `npm:${NAME}@2.0.0`, other: "1.0.0" };
    const packages = {
        "": { optionalDependencies },
        [`node_modules/${ALIAS}`]: { name: NAME, version: "2.0.0", integrity: hash, optional: true },
        "node_modules/other": { version: "1.0.0", integrity: hash, optional: true },
    };
    writeFileSync(join(folder, "project", "package.json"), JSON.stringify({ optionalDependencies }));
    writeFileSync(
        join(folder, "project", "package-lock.json"),
        JSON.stringify({ lockfileVersion: 3, requires: true, packages }),
    );
}

const PIN = {
    title: "The tool",
    version: "2.0.0",
    acceptFrom: "2.0.0",
    acceptBelow: "3.0.0",
    names: ["tool"],
    versionArguments: ["version"],
    companions: [],
    homepage: "https://tool.example/install",
    downloads: {},
    npm: { project: "project", packages: { "linux-x64": ALIAS }, program: "bin/tool" },
    builds: [],
};

/** Gets the tool with the real npm, from the registry of this test. */
function get(machine = "linux-x64") {
    const env = {
        ...process.env,
        npm_config_registry: server.origin,
        npm_config_cache: join(folder, "npm-cache"),
        npm_config_fetch_retries: "0",
    };
    const search = { cache, modules: folder, machine, pins: { tool: PIN }, env };
    return inModule("get-tools.mjs", 'return (await m.getTools(["tool"], input)).tool;', search);
}

const cached = () => (existsSync(cache) ? readdirSync(cache) : []);

test("an npm package with the right hash goes into the cache: its program, nothing else", async () => {
    pinnedProject(integrity());
    const { value, error } = await get();
    expect(error).toBeUndefined();
    const file = join(cache, "tool-2.0.0", "tool");
    expect(value).toEqual({ file, version: "2.0.0", origin: "npm" });
    expect(readdirSync(join(cache, "tool-2.0.0"))).toEqual(["tool"]);
    expect(execFileSync(file, { encoding: "utf8" })).toBe("v2.0.0\n");
    expect((await get()).value).toEqual({ file, version: "2.0.0", origin: "cache" });
});

test("an npm package with a wrong hash is refused, and nothing stays in the cache", async () => {
    pinnedProject(`sha512-${createHash("sha512").update("another").digest("base64")}`);
    const { error } = await get();
    expect(error).toContain("EINTEGRITY");
    expect(cached()).toEqual([]);
});

test("when npm cannot get the package, the error names its failure and every way to get the tool", async () => {
    pinnedProject(integrity());
    await server.stop();
    const { error } = await get();
    expect(error).toContain("on PATH: no tool there");
    expect(error).toMatch(/npm: .*ended with exit code 1/);
    expect(error).toContain("put tool (from 2.0.0, below 3.0.0) on PATH: https://tool.example/install");
    expect(error).toContain("tools/project");
    expect(error).not.toContain("Go");
});

test("a machine without a package is named", async () => {
    pinnedProject(integrity());
    expect((await get("linux-riscv64")).error).toContain("there is no npm package for linux-riscv64");
});

test("every pinned Node.js has a hash for both kinds of machine, and the lock file names no registry", async () => {
    const { value } = await inModule("pins.mjs", "return m.pinnedTools();", {});
    const { packages } = JSON.parse(readFileSync(join(PROJECT, "tools/node/package-lock.json"), "utf8")) as Lock;
    const nodes = Object.entries(value as Record<string, typeof PIN>).filter(([, { names }]) => names[0] === "node");
    expect(nodes.map(([name]) => name)).toEqual(["node-20", "node-22", "node-24"]);
    for (const [, { version, npm }] of nodes) {
        const entries = Object.values<string>(npm.packages).map((alias) => packages[`node_modules/${alias}`]);
        expect(entries).toMatchObject([
            { version, cpu: "x64", integrity: expect.stringMatching(/^sha512-/) },
            { version, cpu: "arm64", integrity: expect.stringMatching(/^sha512-/) },
        ]);
    }
    expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
});
