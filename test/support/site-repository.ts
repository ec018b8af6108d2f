import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
    chmodSync,
    cpSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    readdirSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import type { CommandRun } from "./passthrough-cli";
import { PROJECT } from "./stack";

const EXAMPLE = join(PROJECT, "examples/site-repository");
const PACKAGE = "registry-passthrough";

interface Manifest {
    readonly version: string;
    readonly bin: Record<string, string>;
}

interface StackFile {
    config: { "registry-passthrough:site": { registry: object; content?: object[] } };
}

/** A copy of examples/site-repository with the packed program installed, and with an environment of its own. */
export class SiteRepository {
    /** A folder that everything of a test can be in; the repository is one below it. */
    readonly root = mkdtempSync(join(tmpdir(), "site repository "));
    readonly folder = join(this.root, "sites");
    readonly env: NodeJS.ProcessEnv;

    constructor() {
        cpSync(EXAMPLE, this.folder, { recursive: true, verbatimSymlinks: true });
        for (const name of ["state", "home", "content", "certs"]) {
            mkdirSync(join(name === "state" || name === "home" ? this.root : this.folder, name));
        }
        this.env = {
            PATH: process.env.PATH,
            HOME: join(this.root, "home"),
            PULUMI_BACKEND_URL: `file://${join(this.root, "state")}`,
            PULUMI_CONFIG_PASSPHRASE: "the passphrase of a test",
            PULUMI_HOME: join(this.root, "home", ".pulumi"),
            PULUMI_SKIP_UPDATE_CHECK: "true",
            PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
        };
    }

    /**
     * Installs the program as `npm install <tarball>` does: its files, and a link for each of its commands. Its
     * dependencies are links to those of this checkout, because a test has no package registry.
     * @param tarball of `packProgram`
     * @param version replaces the one in the package, as a later release would have it
     */
    install(tarball: string, version?: string): void {
        const modules = join(this.folder, "node_modules");
        rmSync(modules, { recursive: true, force: true });
        const target = join(modules, PACKAGE);
        mkdirSync(target, { recursive: true });
        capture("tar", ["-xzf", tarball, "--strip-components=1", "-C", target]);
        for (const name of readdirSync(join(PROJECT, "node_modules"))) {
            if (!name.startsWith(".")) symlinkSync(join(PROJECT, "node_modules", name), join(modules, name));
        }
        const manifest = JSON.parse(readFileSync(join(target, "package.json"), "utf8")) as Manifest;
        const installed = { ...manifest, version: version ?? manifest.version };
        writeFileSync(join(target, "package.json"), JSON.stringify(installed));
        mkdirSync(join(modules, ".bin"));
        for (const [name, file] of Object.entries(manifest.bin)) {
            chmodSync(join(target, file), 0o755);
            symlinkSync(join("..", PACKAGE, file), join(modules, ".bin", name));
        }
    }

    /** Changes the site in a stack file; what is not given stays as the example has it. */
    configure(stack: string, registry: object, content?: object[]): void {
        const path = join(this.folder, `Pulumi.${stack}.yaml`);
        const file = parse(readFileSync(path, "utf8")) as StackFile;
        const site = file.config["registry-passthrough:site"];
        site.registry = { ...site.registry, ...registry };
        if (content !== undefined) site.content = content;
        writeFileSync(path, stringify(file));
    }

    /**
     * Runs a script in the repository as CI platforms do: `bash -e`, with `pipefail`. Not synchronously: the registry
     * of a test stops when nobody reads its log.
     */
    async bash(script: string, env: NodeJS.ProcessEnv = {}): Promise<CommandRun> {
        const child = spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", script], {
            cwd: this.folder,
            env: { ...this.env, ...env },
            stdio: ["ignore", "pipe", "pipe"],
        });
        const printed = { out: "", error: "" };
        child.stdout.on("data", (chunk: Buffer) => (printed.out += chunk.toString("utf8")));
        child.stderr.on("data", (chunk: Buffer) => (printed.error += chunk.toString("utf8")));
        const [code] = (await once(child, "close")) as [number | null];
        return { code, ...printed };
    }

    /** @returns stdout @throws Error with the output if the script fails */
    async must(script: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
        const { code, out, error } = await this.bash(script, env);
        if (code !== 0) throw new Error(`exit code ${String(code)} of: ${script}\n${out}\n${error}`);
        return out;
    }

    remove(): void {
        rmSync(this.root, { recursive: true, force: true });
    }
}

/** Packs this checkout as it is built. @returns the tarball, in the folder */
export function packProgram(folder: string): string {
    const packed = capture("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder]);
    const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
    return join(folder, filename);
}

function capture(program: string, args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: PROJECT, encoding: "utf8" });
    if (status !== 0) throw new Error(`${program} ${args.join(" ")}: exit code ${String(status)}\n${stderr}`);
    return stdout;
}
