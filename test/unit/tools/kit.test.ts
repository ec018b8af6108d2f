import { spawnSync } from "node:child_process";
import {
    chmodSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    readdirSync,
    readlinkSync,
    rmSync,
    statSync,
    utimesSync,
    writeFileSync,
} from "node:fs";
import { arch, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { PROJECT } from "../../support/stack";
import { inModule } from "./script-module";

jest.setTimeout(60_000);

let folder: string;
let prefix: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kit o'test "));
    prefix = join(folder, "the prefix");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(file: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, mode);
}

interface Packed {
    readonly file: string;
    readonly id: string;
    readonly sha256: string;
}

/** A small kit with an installation of a few files. @returns its unpacked folder */
async function smallKit(version: string, files: Record<string, string> = {}, platform = `linux-${arch()}`) {
    const staging = join(folder, `staging-${version}`);
    const shipped = { "Pulumi.yaml": "name: x\n", "lib/code.js": `// ${version}\n`, ...files };
    for (const [file, text] of Object.entries(shipped)) {
        write(join(staging, file), text, text.startsWith("#!") ? 0o755 : 0o644);
    }
    write(join(staging, "kit/tools/node-24/node"), "#!/bin/sh\necho v24.0.0\n", 0o755);
    write(join(staging, "run"), `#!/bin/sh\necho "run of ${version}: $1"\n`, 0o755);
    const packed = await pack(staging, join(folder, `out-${version}`), { version, platform, contents: {} });
    expect(spawnSync("tar", ["-xf", packed.file, "-C", folder]).status).toBe(0);
    return join(folder, basename(packed.file, ".tar"));
}

async function pack(staging: string, output: string, facts: object): Promise<Packed> {
    const body = "return m.packKit(input.staging, input.output, input.facts)";
    const outcome = await inModule("kit/pack.mjs", body, { staging, output, facts });
    expect(outcome.error).toBeUndefined();
    return outcome.value as Packed;
}

function install(kit: string, ...args: string[]) {
    const flags = args.length > 0 ? args : ["--prefix", prefix];
    const run = spawnSync(join(kit, "install.sh"), flags, { encoding: "utf8", cwd: folder });
    return { code: run.status, out: run.stdout, error: run.stderr };
}

const installed = (...path: string[]) => join(prefix, "current", ...path);
const text = (...path: string[]) => readFileSync(installed(...path), "utf8");

test("the same files give the same bytes, whatever their times, their order and the umask", async () => {
    const facts = { version: "1.0.0", platform: "linux-x64", contents: { tools: [] } };
    const sums = [];
    for (const [name, files, time] of [
        ["a", ["x/1", "y", "x/2"], 1000],
        ["b", ["x/2", "x/1", "y"], 2_000_000],
    ] as const) {
        for (const file of files) {
            write(join(folder, name, file), file);
            utimesSync(join(folder, name, file), time, time);
        }
        chmodSync(join(folder, name, "x"), name === "a" ? 0o700 : 0o755);
        sums.push((await pack(join(folder, name), join(folder, `out-${name}`), facts)).sha256);
    }
    expect(sums[0]).toBe(sums[1]);
    write(join(folder, "b", "y"), "other");
    expect((await pack(join(folder, "b"), join(folder, "out-c"), facts)).sha256).not.toBe(sums[0]);
});

test("an installation is unpacked beside others, and the printed command runs it", async () => {
    const run = install(await smallKit("1.0.0"));
    expect(run).toMatchObject({ code: 0, error: "" });
    expect(readlinkSync(join(prefix, "current"))).toMatch(/^versions\/1\.0\.0-[0-9a-f]{12}$/);
    expect(readdirSync(prefix).sort()).toEqual(["current", "local", "versions"]);
    expect(statSync(join(prefix, "local")).mode & 0o777).toBe(0o700);
    const command = /^Try it: {2}(.*)$/m.exec(run.out)?.[1] ?? "";
    expect(spawnSync("sh", ["-c", command], { encoding: "utf8" }).stdout).toBe("run of 1.0.0: quickstart\n");
});

test.each(["payload.tar.gz", "manifest.json", "install.sh"])("a kit with another %s writes nothing", async (part) => {
    const kit = await smallKit("1.0.0");
    const file = join(kit, part);
    writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from("\n# changed\n")]));
    const run = install(kit);
    expect(run.code).toBe(1);
    expect(run.error).toContain(`${part}: FAILED`);
    expect(run.error).toContain("nothing was written");
    expect(existsSync(prefix)).toBe(false);
});

test("a kit for another machine, and a running installation, are refused", async () => {
    const foreign = install(await smallKit("0.9.0", {}, "linux-s390x"));
    expect(foreign).toMatchObject({ code: 1 });
    expect(foreign.error).toContain("this kit is for linux-s390x");
    expect(existsSync(prefix)).toBe(false);
    mkdirSync(join(prefix, ".installing"), { recursive: true });
    const second = install(await smallKit("1.0.0"));
    expect(second.code).toBe(1);
    expect(second.error).toContain("another installation runs in");
    expect(readdirSync(join(prefix, "versions"))).toEqual([]);
    expect(existsSync(join(prefix, ".installing"))).toBe(true);
});

describe("a Pulumi plugin of the kit", () => {
    const archive = `kit/plugins/pulumi-resource-kubernetes-v4.32.0-linux-${arch() === "x64" ? "amd64" : arch()}.tar.gz`;
    const pulumi = (body: string) => ({ [archive]: "x", "kit/tools/pulumi/pulumi": `#!/bin/sh\n${body}\n` });
    const recorded = 'mkdir -p "$PULUMI_HOME"; echo "$@" >> "$PULUMI_HOME/calls"';

    test("is installed from its file, in its version, where the installation's Pulumi looks for it", async () => {
        const kit = await smallKit("1.0.0", pulumi(recorded));
        const run = install(kit);
        expect(run).toMatchObject({ code: 0 });
        expect(run.out).not.toContain("Without a Kubernetes plugin");
        const command = (folder: string) =>
            `plugin install resource kubernetes 4.32.0 --exact --file ${prefix}/versions/${folder}/${archive} --non-interactive\n`;
        const id = basename(readlinkSync(join(prefix, "current")));
        expect(text(".local/pulumi-home/calls")).toBe(command(`.partial-${id}`));
        rmSync(join(prefix, "local"), { recursive: true });
        expect(install(kit)).toMatchObject({ code: 0 });
        expect(text(".local/pulumi-home/calls")).toBe(command(id));
    });

    test("that cannot be installed leaves what is installed as it is; a kit without it says so", async () => {
        const first = install(await smallKit("1.0.0"));
        expect(first.out).toContain("Without a Kubernetes plugin: a stack with cluster.apply needs it");
        const run = install(await smallKit("1.1.0", pulumi("echo 'error: disk full' >&2; exit 1")));
        expect(run.code).toBe(1);
        expect(run.error).toMatch(/error: disk full\n.*plugin kubernetes could not be installed.*nothing was switched/);
        expect(text("lib", "code.js")).toBe("// 1.0.0\n");
        expect(readdirSync(join(prefix, "versions"))).toHaveLength(1);
    });
});

describe("an update", () => {
    test("takes over what people added and a changed project file, and keeps state and the old version", async () => {
        expect(install(await smallKit("1.0.0"))).toMatchObject({ code: 0 });
        const old = readlinkSync(join(prefix, "current"));
        write(installed("Pulumi.site-a.yaml"), "config: {}\n", 0o600);
        write(installed("content", "site a.lock.json"), "{}");
        write(installed("Pulumi.yaml"), "name: x\nconfig: mine\n");
        write(installed("out", "site-a", "rules.yaml"), "generated");
        write(installed(".local", "state", "stack.json"), "state");
        write(installed("lib", "code.js"), "patched by hand");
        const run = install(await smallKit("1.1.0"));
        expect(run).toMatchObject({ code: 0 });
        expect(run.error).toContain("note: lib/code.js was changed in");
        expect(readlinkSync(join(prefix, "current"))).toMatch(/1\.1\.0/);
        expect(text("Pulumi.site-a.yaml")).toBe("config: {}\n");
        expect(statSync(installed("Pulumi.site-a.yaml")).mode & 0o777).toBe(0o600);
        expect(text("content", "site a.lock.json")).toBe("{}");
        expect(text("Pulumi.yaml")).toBe("name: x\nconfig: mine\n");
        expect(text("lib", "code.js")).toBe("// 1.1.0\n");
        expect(text(".local", "state", "stack.json")).toBe("state");
        expect(existsSync(installed("out"))).toBe(false);
        expect(readFileSync(join(prefix, old, "lib/code.js"), "utf8")).toBe("patched by hand");
    });

    test("is refused before the switch if a changed project file is another one in the new version", async () => {
        expect(install(await smallKit("1.0.0"))).toMatchObject({ code: 0 });
        const old = readlinkSync(join(prefix, "current"));
        write(installed("Pulumi.yaml"), "name: x\nconfig: mine\n");
        const run = install(await smallKit("1.1.0", { "Pulumi.yaml": "name: y\n" }));
        expect(run.code).toBe(1);
        expect(run.error).toContain("Pulumi.yaml was changed in");
        expect(run.error).toContain("nothing was switched");
        expect(readlinkSync(join(prefix, "current"))).toBe(old);
        expect(readdirSync(join(prefix, "versions"))).toEqual([basename(old)]);
        expect(readdirSync(prefix).sort()).toEqual(["current", "local", "versions"]);
    });

    test("is refused before the switch if it comes with a file of a name that people used", async () => {
        expect(install(await smallKit("1.0.0"))).toMatchObject({ code: 0 });
        write(installed("content", "x.lock.json"), "mine");
        const run = install(await smallKit("1.1.0", { "content/x.lock.json": "theirs" }));
        expect(run.code).toBe(1);
        expect(run.error).toContain("content/x.lock.json was added in");
        expect(text("content", "x.lock.json")).toBe("mine");
        expect(readdirSync(prefix).sort()).toEqual(["current", "local", "versions"]);
    });

    test("back to a version that is there switches only; one that was damaged there is refused", async () => {
        const first = await smallKit("1.0.0");
        expect(install(first)).toMatchObject({ code: 0 });
        expect(install(await smallKit("1.1.0"))).toMatchObject({ code: 0 });
        write(installed("lib", "code.js"), "damaged");
        expect(install(first)).toMatchObject({ code: 0 });
        expect(text("lib", "code.js")).toBe("// 1.0.0\n");
        const back = install(first);
        expect(back).toMatchObject({ code: 0, error: "" });
        const second = readdirSync(folder).find((name) => name.startsWith("registry-passthrough-kit-1.1.0")) ?? "";
        const run = install(join(folder, second));
        expect(run.code).toBe(1);
        expect(run.error).toContain("is damaged or was changed");
        expect(text("lib", "code.js")).toBe("// 1.0.0\n");
    });
});

test("a Node.js that does not run on the machine leaves what is installed as it is", async () => {
    expect(install(await smallKit("1.0.0"))).toMatchObject({ code: 0 });
    const kit = await smallKit("1.1.0", {});
    const staging = join(folder, "staging-1.2.0");
    write(join(staging, "kit/tools/node-24/node"), "#!/bin/sh\necho 'GLIBC_2.28 not found' >&2; exit 127\n", 0o755);
    write(join(staging, "run"), "#!/bin/sh\n", 0o755);
    const packed = await pack(staging, join(folder, "out-1.2.0"), {
        version: "1.2.0",
        platform: `linux-${arch()}`,
        contents: {},
    });
    spawnSync("tar", ["-xf", packed.file, "-C", folder]);
    const run = install(join(folder, basename(packed.file, ".tar")));
    expect(run.code).toBe(1);
    expect(run.error).toContain("does not run on this machine");
    expect(text("lib", "code.js")).toBe("// 1.0.0\n");
    expect(readdirSync(join(prefix, "versions"))).toHaveLength(1);
    expect(install(kit)).toMatchObject({ code: 0 });
});

test("the launcher runs what npm run does", () => {
    const scripts = (
        JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { scripts: Record<string, string> }
    ).scripts;
    const launcher = readFileSync(join(PROJECT, "tools/kit/run.sh"), "utf8");
    for (const name of ["quickstart", "up", "preview", "pulumi", "passthrough"]) {
        expect(launcher).toContain(`${name}) exec ${scripts[name] ?? "?"} "$@" ;;`);
    }
});

test("packages are those of the program and what the scripts need, each found where Node.js finds it", async () => {
    const packages = {
        "": { dependencies: { a: "1" } },
        "node_modules/a": {},
        "node_modules/a/node_modules/b": {},
        "node_modules/b": { dev: true },
        "node_modules/s": { dev: true, dependencies: { b: "2", c: "1" } },
        "node_modules/s/node_modules/b": { dev: true, dependencies: { c: "1" } },
        "node_modules/c": { dev: true, optionalDependencies: { left: "1" } },
        "node_modules/other": { dev: true },
        "node_modules/peer": { devOptional: true },
    };
    const body = 'return m.productionFolders(input, ["s"])';
    expect((await inModule("kit/packages.mjs", body, packages)).value).toEqual([
        "node_modules/a",
        "node_modules/a/node_modules/b",
        "node_modules/c",
        "node_modules/s",
        "node_modules/s/node_modules/b",
    ]);
});

test("the licences are those of the pinned versions", async () => {
    const body = 'return ["pulumi", "registry"].map((name) => m.toolLicences(name).length)';
    const { value, error } = await inModule("kit/licences.mjs", body, null);
    expect(error).toBeUndefined();
    for (const length of value as number[]) expect(length).toBeGreaterThan(100_000);
});
