import { existsSync } from "node:fs";
import { join } from "node:path";
import { passthroughArguments, stackOf } from "./command-line.mjs";
import { prepare, runMain } from "./prepare.mjs";
import { runThrough } from "./process.mjs";
import { createProgress } from "./progress.mjs";
import { pulumiEnvironment, stackFiles, workspace } from "./workspace.mjs";

/** Commands that read a stack, and so cannot do without the Pulumi CLI. */
const readStacks = ["render", "selftest"];

/**
 * The project's own command line, compiled first if its sources have changed. Those of its commands that only take what
 * the Pulumi CLI knows if it is there get nothing from anywhere for that: they run offline.
 *
 * @param {string[]} args
 * @returns {Promise<number>} exit code
 */
async function main(args) {
    const place = workspace();
    const stack = stackOf(args, process.env);
    const needed = readStacks.includes(args[0] ?? "") ? ["pulumi"] : [];
    const toolbox = await prepare(place, createProgress(), needed, ["pulumi"]);
    const files = stackFiles(place, stack);
    if (existsSync(files.config)) {
        // The YAML package is there only after prepare().
        const { writeStackConfig } = await import("./stack-config.mjs");
        writeStackConfig(files);
    }
    const env = pulumiEnvironment(place, stack, toolbox.directories);
    const command = [join(place.root, "dist", "cli", "main.js"), ...passthroughArguments(args, files)];
    return runThrough(process.execPath, command, { env });
}

await runMain(() => main(process.argv.slice(2)));
