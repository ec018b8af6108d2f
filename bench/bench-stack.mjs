import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import sources from "../tools/checkout.cjs";
import { captureOrThrow } from "../tools/process.mjs";
import { projectRoot, pulumiEnvironment, workspace } from "../tools/workspace.mjs";
import { scratchFolder } from "./data/scratch.mjs";

const name = "bench";

/** A stack of the project, or of an empty program, with a backend and a configuration of its own. */
export class BenchStack {
    #env;
    #config;

    /** @param {string} folder @param {string} program its folder @param {NodeJS.ProcessEnv} env */
    constructor(folder, program, env) {
        this.program = program;
        this.#env = env;
        this.#config = join(folder, `Pulumi.${name}.yaml`);
    }

    /**
     * @param {import("../tools/prepare.mjs").Toolbox} toolbox
     * @param {string} label of its folder, which is emptied
     * @param {object | undefined} site `registry-passthrough:site`; absent: the program is empty
     * @param {string} [checkout] whose program runs
     */
    static async create(toolbox, label, site, checkout = projectRoot) {
        const folder = join(scratchFolder(), label);
        rmSync(folder, { recursive: true, force: true });
        const below = (/** @type {string} */ name) => join(folder, name);
        const place = {
            ...workspace(),
            local: folder,
            state: below("state"),
            pulumiHome: below("home"),
            bin: below("bin"),
        };
        mkdirSync(folder, { recursive: true });
        writeEmptyProgram(folder);
        const foreign = /^PULUMI_(BACKEND_URL|HOME|STACK|CONFIG_PASSPHRASE|CONFIG_PASSPHRASE_FILE|ACCESS_TOKEN)$/;
        const clean = Object.fromEntries(Object.entries(process.env).filter(([key]) => !foreign.test(key)));
        const own = {
            ...clean,
            PULUMI_CONFIG_PASSPHRASE: "bench-passphrase",
            // Kept from run to run, as it is in a checkout: only the first command after an upgrade fills it.
            NODE_COMPILE_CACHE: join(scratchFolder(), "compile-cache"),
        };
        const env = {
            ...pulumiEnvironment(place, name, toolbox.directories, own),
            ...sources.comparedSources(checkout),
        };
        const stack = new BenchStack(folder, site === undefined ? folder : checkout, env);
        await captureOrThrow("pulumi", ["-C", folder, "stack", "init", name, "--non-interactive"], { env });
        if (site !== undefined) await stack.configure(site);
        return stack;
    }

    /** @param {string[]} args `["up", "--yes"]` @returns {import("./measure.mjs").Command} */
    command(args) {
        const selection = ["--stack", name, "--config-file", this.#config, "--non-interactive"];
        return { file: "pulumi", args: [...args, ...selection], cwd: this.program, env: this.#env };
    }

    /** JSON is YAML; `stack init` has written the salt into it. @param {object} site `registry-passthrough:site` */
    async configure(site) {
        const before = parse(readFileSync(this.#config, "utf8"));
        const config = { "registry-passthrough:site": site, "registry-passthrough:registryUsername": "bench" };
        writeFileSync(this.#config, JSON.stringify({ ...before, config }));
        const key = "registry-passthrough:registryPassword";
        const set = this.command(["config", "set", "--secret", key]);
        await captureOrThrow(set.file, set.args, { ...set, input: "bench-password" });
    }
}

/**
 * With the project's runtime options, so that nothing but the program and its resources differs.
 *
 * @param {string} folder
 */
function writeEmptyProgram(folder) {
    const { name: project, runtime } = parse(readFileSync(join(projectRoot, "Pulumi.yaml"), "utf8"));
    writeFileSync(join(folder, "Pulumi.yaml"), JSON.stringify({ name: project, runtime, main: "program/" }));
    mkdirSync(join(folder, "program"));
    writeFileSync(join(folder, "program", "index.js"), "");
    writeFileSync(join(folder, "program", "package.json"), JSON.stringify({ name: "empty", main: "index.js" }));
    symlinkSync(join(projectRoot, "node_modules"), join(folder, "program", "node_modules"));
}
