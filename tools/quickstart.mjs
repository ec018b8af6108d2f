import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ensureBuild } from "./build.mjs";
import { checkNode, ensureDependencies } from "./dependencies.mjs";
import { openToolbox, prepare, requireSafeEnvironment, runMain } from "./prepare.mjs";
import { runThrough } from "./process.mjs";
import { withProgressLine } from "./progress-line.mjs";
import { createProgress } from "./progress.mjs";
import { proofTable } from "./proof-table.mjs";
import { defaultStack, stackFiles, workspace } from "./workspace.mjs";

/*
 * Node built-ins only up to here, and in every file imported above: on a fresh clone this runs before `npm ci`. What
 * needs packages (registry.mjs, stack.mjs) is imported when they are there.
 */

const place = workspace();
const stack = defaultStack;
const files = stackFiles(place, stack);
/** @type {("pulumi" | "registry")[]} */
const toolNames = ["pulumi", "registry"];

/** @typedef {import("./prepare.mjs").Toolbox<"pulumi" | "registry">} Toolbox */
/** @typedef {import("./registry.mjs").SecureRegistry} SecureRegistry */
/** @typedef {import("./stack.mjs").PulumiCli} PulumiCli */
/** @typedef {import("./progress.mjs").Progress} Progress */

async function up() {
    const progress = createProgress({ stream: process.stdout, steps: 8 });
    const { step, note } = progress;
    await step(`Node.js ${process.versions.node}`, async () => checkNode());
    await step("Packages", async () => {
        if (!(await ensureDependencies(place.root, progress))) note("      up to date");
    });
    const toolbox = await step("Tools: Pulumi CLI, its Node.js language host, a registry server", async () =>
        describeTools(await openToolbox(place, progress, toolNames), note),
    );
    await step("Compile", async () => {
        if (!(await ensureBuild(place.root, progress))) note("      up to date");
    });
    await requireSafeEnvironment(place.root);
    const registry = await step("Registry on loopback, with TLS and a password", () => startOwnRegistry(toolbox, note));
    const cli = await step(`Stack ${stack}`, () => prepareStack(toolbox, registry));
    await step("pulumi up --refresh --run-program", () => update(cli));
    await step("Mirror rules as files", () => render(cli));
    await report(cli, note);
    return 0;
}

/** @param {Toolbox} toolbox @param {Progress["note"]} note @returns {Toolbox} */
function describeTools(toolbox, note) {
    for (const { file, version, origin } of Object.values(toolbox.tools)) note(`      ${file} ${version} (${origin})`);
    return toolbox;
}

/** @param {Toolbox} toolbox @param {Progress["note"]} note @returns {Promise<SecureRegistry>} */
async function startOwnRegistry(toolbox, note) {
    const { startRegistry } = await import("./registry.mjs");
    const registry = await startRegistry({ dir: files.dir, executable: toolbox.tools.registry.file });
    note(`      https://${registry.host} (${registry.started ? "started" : "running"}, process ${registry.pid})`);
    return registry;
}

/** @param {Toolbox} toolbox @param {SecureRegistry} registry @returns {Promise<PulumiCli>} */
async function prepareStack(toolbox, registry) {
    const { ensureStack } = await import("./stack.mjs");
    return ensureStack(place, stack, toolbox, registry);
}

/** @param {PulumiCli} cli */
async function update(cli) {
    // Nobody is asked, so a preview would only say everything twice; the table at the end says more than the outputs.
    const flags = ["--yes", "--skip-preview", "--suppress-outputs", "--config-file", files.config];
    const args = ["up", "--refresh", "--run-program", ...flags];
    const run = (/** @type {NodeJS.ProcessEnv} */ env) => runThrough(cli.file, args, { cwd: cli.cwd, env });
    requireSuccess(await withProgressLine({ args, env: cli.env }, run), "pulumi up");
}

/** @param {PulumiCli} cli */
async function render(cli) {
    const script = join(place.root, "dist", "cli", "main.js");
    await passThrough(process.execPath, [script, "render", "--stack", stack], cli, "passthrough render");
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {PulumiCli} cli
 * @param {string} name of the command, for the error
 */
async function passThrough(command, args, { cwd, env }, name) {
    requireSuccess(await runThrough(command, args, { cwd, env }), name);
}

/** @param {number} code exit code @param {string} name of the command */
function requireSuccess(code, name) {
    if (code === 0) return;
    throw new Error(
        `${name} ended with exit code ${code}; the reason is above. Once it is gone, run this again: it continues ` +
            "where it stopped. A stack that a killed run left locked: npm run pulumi -- cancel --yes",
    );
}

/** @param {PulumiCli} cli @param {Progress["note"]} note */
async function report(cli, note) {
    const { pulumi } = await import("./stack.mjs");
    const outputs = JSON.parse(await pulumi(cli, ["stack", "output", "--json"]));
    note(`\n${proofTable(outputs, process.stdout.columns ?? 160)}`);
    note(`\nRules for a cluster: out/${stack}/   Look around: npm run pulumi -- stack   Change and run: npm run up`);
    note("Take it down: npm run quickstart -- --down");
}

async function down() {
    const progress = createProgress({ stream: process.stdout });
    if (!existsSync(files.dir)) {
        progress.note(`There is no stack ${stack} here: nothing to take down.`);
        return 0;
    }
    checkNode();
    await ensureDependencies(place.root, progress);
    if (existsSync(files.config)) await destroy(progress);
    const { stopRegistry } = await import("./registry.mjs");
    const stopped = await stopRegistry(files.dir);
    progress.note(stopped ? "The registry is stopped." : "The registry was not running.");
    progress.note(
        "Tools, packages and the registry's storage are kept. .local/ also holds the state of every other stack of this " +
            "folder: look with `npm run pulumi -- stack ls` before you remove it.",
    );
    return 0;
}

/** Removing what the stack holds may ask the registry, so it runs until that is done. @param {Progress} progress */
async function destroy(progress) {
    const toolbox = await prepare(place, progress, toolNames);
    const { pulumiCli, resourceCount } = await import("./stack.mjs");
    const cli = pulumiCli(place, stack, toolbox);
    if ((await resourceCount(cli, stack)) === 0) {
        progress.note(`Stack ${stack} is empty.`);
        return;
    }
    const registry = await startOwnRegistry(toolbox, () => {});
    await prepareStack(toolbox, registry);
    await passThrough(cli.file, ["destroy", "--yes", "--config-file", files.config], cli, "pulumi destroy");
}

const usage = `usage: npm run quickstart [-- --down]

Imports the images of ${JSON.parse(readFileSync(join(place.root, "package.json"), "utf8")).name}'s example archive into a registry on this machine and prints the result.
  --down   destroys the stack and stops the registry`;

await runMain(async () => {
    const [argument, ...more] = process.argv.slice(2);
    if (argument === undefined) return up();
    if (argument === "--down" && more.length === 0) return down();
    process.stdout.write(`${usage}\n`);
    return argument === "--help" || argument === "-h" ? 0 : 2;
});
