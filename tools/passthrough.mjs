import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import checkout from "./checkout.cjs";
import { asksForHelp, passthroughArguments, pulumiUse, selectedStack } from "./command-line.mjs";
import { prepare, runMain } from "./prepare.mjs";
import { runThrough } from "./process.mjs";
import { createProgress } from "./progress.mjs";
import { heapFlags, pulumiEnvironment, stackFiles, workspace } from "./workspace.mjs";

const place = workspace();
const compiled = join(place.root, "dist", "cli", "main.js");

/**
 * The project's own command line, compiled first if its sources have changed. Only commands that cannot do without the
 * Pulumi CLI download it; the others run offline.
 *
 * @param {string[]} args
 * @returns {Promise<number>} exit code
 */
async function main(args) {
    const stack = selectedStack(args, process.env);
    const { needed, optional } = pulumiUse(args);
    const progress = createProgress();
    const toolbox = await prepare(place, progress, needed, optional);
    const files = stackFiles(place, stack);
    if (existsSync(files.config)) {
        // The YAML package is there only after prepare().
        const { writeStackConfig } = await import("./stack-config.mjs");
        writeStackConfig(files);
    }
    const env = pulumiEnvironment(place, stack, toolbox.directories);
    if (["check", "up"].includes(args[0] ?? "") && toolbox.tools.pulumi !== undefined) {
        const { ensureKubernetesPlugin } = await import("./resource-plugins.mjs");
        await ensureKubernetesPlugin(place, files, toolbox.tools.pulumi.file, env, progress);
    }
    return runThrough(process.execPath, [...heapFlags, compiled, ...passthroughArguments(args, files)], { env });
}

/**
 * Help needs no tool, no stack and no build: what was compiled last prints it.
 *
 * @param {string[]} args
 * @returns {Promise<number>} exit code
 */
async function printHelp(args) {
    const code = await runThrough(process.execPath, [compiled, ...args]);
    if (!checkout.isBuilt(place.root)) {
        process.stderr.write("\nnote: dist/ may be older than the sources; the next command compiles them\n");
    }
    return code;
}

/** Before the first build: the commands as docs/command-line.md lists them. */
function printUsage() {
    const page = readFileSync(join(place.root, "docs", "command-line.md"), "utf8");
    const commands = [...page.matchAll(/^`passthrough (.+)`:\s(.+)$/gm)].map(
        ([, usage, what]) => `  ${usage}\n      ${what}`,
    );
    const more = "The program is not compiled yet; then --help prints every option. Compile it: npm run build";
    process.stdout.write(`${["usage: npm run -s passthrough -- COMMAND", ...commands, "", more].join("\n")}\n`);
}

const args = process.argv.slice(2);
const canPrintHelp = existsSync(compiled) && existsSync(join(place.root, "node_modules", "commander"));
if (asksForHelp(args) && canPrintHelp) process.exitCode = await printHelp(args);
else if (asksForHelp(args)) printUsage();
else await runMain(() => main(args));
