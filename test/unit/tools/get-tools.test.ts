import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
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
import { inModule } from "./script-module";

const FAKE_GO = `
while [ "$1" != "-o" ]; do shift; done
printf '#!/bin/sh\\necho v2.0.0\\n' > "$2"
chmod 755 "$2"
`;

let folder: string;
let path: string;
let cache: string;
let server: ScriptedServer;
let archive: Buffer;

beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "get tools "));
    path = join(folder, "bin");
    cache = join(folder, "cache");
    mkdirSync(path);
    mkdirSync(join(folder, "module"));
    archive = releaseArchive();
    server = await ScriptedServer.start(() => ({ status: 200, body: archive }));
});

afterEach(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
});

function program(file: string, body: string): void {
    writeFileSync(file, `#!/bin/sh\n${body}\n`);
    chmodSync(file, 0o755);
}

/** As the real ones: the program in a folder, beside files nobody asked for. */
function releaseArchive(): Buffer {
    const release = join(folder, "release", "tool");
    mkdirSync(release, { recursive: true });
    program(join(release, "tool"), "echo v2.0.0");
    program(join(release, "tool-language"), "true");
    program(join(release, "something-else"), "true");
    const file = join(folder, "release.tar.gz");
    execFileSync("tar", ["-czf", file, "-C", join(folder, "release"), "tool"]);
    return readFileSync(file);
}

function pin(sha256: string | null, build: { readonly cgo?: boolean }) {
    return {
        title: "The tool",
        version: "2.0.0",
        acceptFrom: "1.5.0",
        acceptBelow: "3.0.0",
        names: ["tool", "other-tool"],
        versionArguments: ["version"],
        companions: ["tool-language"],
        homepage: "https://tool.example/install",
        downloads: { "linux-x64": { url: "https://files.example/tool.tar.gz", sha256 } },
        builds: ["tool", "tool-language"].map((binary) => ({
            binary,
            module: "module",
            package: `example/${binary}`,
            versionVariable: "main.version=v2.0.0",
            ...build,
        })),
    };
}

const rightSum = () => createHash("sha256").update(archive).digest("hex");
const asked = () => server.seen.map(({ url }) => url);

/** Gets the tool with a PATH that has only what the test put there, and tar. */
async function get(sha256: string | null, env: NodeJS.ProcessEnv = {}, build: { readonly cgo?: boolean } = {}) {
    for (const name of ["tar", "gzip", "chmod"]) {
        const real = execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
        program(join(path, name), `PATH=/usr/bin:/bin exec ${real} "$@"`);
    }
    const search = {
        cache,
        modules: folder,
        machine: "linux-x64",
        pins: { tool: pin(sha256, build) },
        env: { PATH: path, REGISTRY_PASSTHROUGH_DOWNLOADS: server.origin, ...env },
    };
    const body = 'return (await m.getTools(["tool"], { ...input })).tool;';
    return inModule("get-tools.mjs", body, search, { PATH: path });
}

const cached = () => (existsSync(cache) ? readdirSync(cache) : []);

test("a tool on PATH that is new enough is used, and nothing is fetched", async () => {
    program(join(path, "other-tool"), "echo tool example/v9 v1.5.0+unknown");
    program(join(path, "tool-language"), "true");
    const { value } = await get(rightSum());
    expect(value).toEqual({ file: join(path, "other-tool"), version: "1.5.0", origin: "PATH" });
    expect(asked()).toEqual([]);
    expect(cached()).toEqual([]);
});

test.each([
    ["too old", "echo v1.4.9", true],
    ["too new", "echo v3.0.0", true],
    ["without a version", "echo hello", true],
    ["broken", "exit 1", true],
    ["without its companion", "echo v1.9.0", false],
])("a tool on PATH that is %s is passed over", async (_, body, companion) => {
    program(join(path, "tool"), body);
    if (companion) program(join(path, "tool-language"), "true");
    const { value } = await get(rightSum());
    expect(value).toMatchObject({ origin: "download", version: "2.0.0" });
});

test("a download with the right sum goes into the cache, with its companion and nothing else", async () => {
    const { value, error } = await get(rightSum());
    expect(error).toBeUndefined();
    const place = join(cache, "tool-2.0.0");
    expect(value).toEqual({ file: join(place, "tool"), version: "2.0.0", origin: "download" });
    expect(asked()).toEqual(["/files.example/tool.tar.gz"]);
    expect(readdirSync(place).filter((name) => name.startsWith("tool-") || name.endsWith(".gz"))).toEqual([
        "tool-language",
    ]);
    expect(existsSync(join(place, "something-else"))).toBe(false);
    expect(cached()).toEqual(["tool-2.0.0"]);
});

test("what is in the cache is used without asking anybody again", async () => {
    await get(rightSum());
    const { value } = await get(rightSum());
    expect(value).toMatchObject({ origin: "cache" });
    expect(asked()).toHaveLength(1);
});

test("a download with a wrong sum stops with both sums, although go is there, and nothing stays in the cache", async () => {
    program(join(path, "go"), FAKE_GO);
    const wrong = "0".repeat(64);
    const { error } = await get(wrong);
    expect(error).toContain(`SHA-256 ${rightSum()}, expected ${wrong}`);
    expect(error).toContain("tools/tools.json");
    expect(cached()).toEqual([]);
});

test("without a pinned sum nothing is downloaded, and go builds", async () => {
    program(join(path, "go"), FAKE_GO);
    const { value } = await get(null);
    expect(value).toMatchObject({ origin: "build", version: "2.0.0" });
    expect(asked()).toEqual([]);
    expect(readdirSync(join(cache, "tool-2.0.0")).sort()).toEqual(["tool", "tool-language"]);
});

test("go builds from the pinned module, without cgo and with the version in the program", async () => {
    program(join(path, "go"), `echo "$PWD $CGO_ENABLED $*" >> '${join(folder, "go.log")}'\n${FAKE_GO}`);
    await get(null);
    const [first] = readFileSync(join(folder, "go.log"), "utf8").split("\n");
    expect(first).toContain(`${join(folder, "module")} 0 build -mod=readonly`);
    expect(first).toContain("-trimpath -ldflags -s -w -X main.version=v2.0.0");
    expect(first).toMatch(/example\/tool$/);
});

test("a host that cannot be reached is a reason to build", async () => {
    program(join(path, "go"), FAKE_GO);
    await server.stop();
    const { value, stderr } = await get(rightSum());
    expect(value).toMatchObject({ origin: "build" });
    expect(stderr).toMatch(/The tool 2\.0\.0: download did not work: connect ECONNREFUSED/);
});

test("what was built but is not the pinned version does not enter the cache", async () => {
    program(join(path, "go"), FAKE_GO.replace("v2.0.0", "v1.0.0"));
    const { error } = await get(null);
    expect(error).toContain("it says 1.0.0");
    expect(cached()).toEqual([]);
});

test("when no way works, the error says what was tried and every way to get the tool", async () => {
    program(join(path, "tool"), "echo v1.0.0");
    program(join(path, "go"), "echo 'no network' >&2; exit 1");
    const { error, stderr } = await get(null);
    expect(stderr).not.toContain("no network");
    expect(error).toContain("The tool is missing");
    expect(error).toContain(`${join(path, "tool")} is 1.0.0, not from 1.5.0 to below 3.0.0`);
    expect(error).toContain("pins no SHA-256 for linux-x64");
    expect(error).toContain("no network");
    expect(error).toContain("https://tool.example/install");
    expect(error).toContain("HTTPS_PROXY");
    expect(error).toContain("GOPROXY");
    expect(error).not.toContain("C compiler");
});

test("a tool with C code also names the compiler that its build needs", async () => {
    const { error } = await get(null, {}, { cgo: true });
    expect(error).toContain("and a C compiler");
});

test("runs side by side leave one whole tool and no rest", async () => {
    program(join(path, "go"), FAKE_GO);
    const outcomes = await Promise.all([get(null), get(null), get(null)]);
    expect(outcomes.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
    expect(cached()).toEqual(["tool-2.0.0"]);
});
