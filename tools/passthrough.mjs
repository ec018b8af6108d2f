import { join } from "node:path";
import { stackOf } from "./command-line.mjs";
import { prepare, runMain } from "./prepare.mjs";
import { runThrough } from "./process.mjs";
import { createProgress } from "./progress.mjs";
import { pulumiEnvironment, workspace } from "./workspace.mjs";

/**
 * The project's own command line, compiled first if its sources have changed. Only `render` reads a stack, so only it
 * needs the Pulumi CLI.
 *
 * @param {string[]} args
 * @returns {Promise<number>} exit code
 */
async function main(args) {
    const place = workspace();
    const toolbox = await prepare(place, createProgress(), args[0] === "render" ? ["pulumi"] : []);
    const env = pulumiEnvironment(place, stackOf(args, process.env), toolbox.directories);
    return runThrough(process.execPath, [join(place.root, "dist", "cli", "main.js"), ...args], { env });
}

await runMain(() => main(process.argv.slice(2)));
