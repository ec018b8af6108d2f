import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import checkout from "./checkout.cjs";
import {
    asksForHelp,
    completeArguments,
    isWatch,
    namedConfigFile,
    refusedUpdate,
    runsProviders,
    selectedStack,
} from "./command-line.mjs";
import { toolsAtHand } from "./get-tools.mjs";
import { prepare, runMain } from "./prepare.mjs";
import { withPreviewFindings } from "./preview-findings.mjs";
import { runThrough } from "./process.mjs";
import { withProgressLine } from "./progress-line.mjs";
import { createProgress } from "./progress.mjs";
import { defaultStack, pulumiEnvironment, stackFiles, workspace } from "./workspace.mjs";

/**
 * The Pulumi CLI with the project's environment: its tools, its compiled code, its backend, the stack's own config.
 * stdin, stdout, stderr and the exit code are Pulumi's; what this adds goes to stderr.
 *
 * @param {string[]} args
 * @returns {Promise<number>} exit code
 */
async function main(args) {
    const place = workspace();
    if (args.length > 0 && asksForHelp(args)) return printHelp(args, place);
    const refusal = refusedUpdate(args, process.env);
    if (refusal !== undefined) throw new Error(refusal);
    const stack = selectedStack(args, process.env);
    const files = stackFiles(place, stack);
    const progress = createProgress();
    const toolbox = await prepare(place, progress, ["pulumi"]);
    // The YAML package is there only after prepare().
    const { checkPulumiFiles } = await import("./yaml-file.mjs");
    checkPulumiFiles([join(place.root, "Pulumi.yaml"), files.tracked, files.config, ...namedConfigFile(args)]);
    if (existsSync(files.config)) {
        const { writeStackConfig } = await import("./stack-config.mjs");
        writeStackConfig(files);
    }
    const prepared = pulumiEnvironment(place, stack, toolbox.directories);
    const env = isWatch(args) ? checkout.withoutCompared(prepared) : prepared;
    if (runsProviders(args)) {
        const { ensureKubernetesPlugin } = await import("./resource-plugins.mjs");
        await ensureKubernetesPlugin(place, files, toolbox.tools.pulumi.file, env, progress);
    }
    const lost = new LostProvider();
    const options = {
        cwd: place.root,
        ...(runsProviders(args) && !isTerminal() ? { onText: (/** @type {string} */ text) => lost.read(text) } : {}),
    };
    const run = (/** @type {NodeJS.ProcessEnv} */ env) =>
        runThrough(toolbox.tools.pulumi.file, completeArguments(args, place, stack), { ...options, env });
    const code = await withPreviewFindings({ args, env }, (env) => withProgressLine({ args, env }, run));
    if (code !== 0) {
        const found = [...lost.hints(), ...(await hints(args, place, stack, env))];
        for (const hint of found) process.stderr.write(`\n${hint}\n`);
    }
    return code;
}

/**
 * Help is Pulumi's own; it needs no packages, no compiled code and no stack, so nothing is fetched for it.
 *
 * @param {string[]} args
 * @param {import("./workspace.mjs").Workspace} place
 * @returns {Promise<number>} exit code
 */
async function printHelp(args, place) {
    const { pulumi } = await toolsAtHand(["pulumi"], { cache: place.tools });
    if (pulumi !== undefined) return runThrough(pulumi.file, args);
    process.stdout.write(
        "usage: npm run pulumi -- COMMAND, npm run up, npm run preview: the Pulumi CLI with this project's tools, backend\n" +
            "and configuration. The CLI is not here yet; the first command that needs it downloads it.\n" +
            "Its commands: https://www.pulumi.com/docs/iac/cli/commands/\n",
    );
    return 0;
}

/** Pulumi draws rows on a terminal: its output must not pass through a pipe then. */
function isTerminal() {
    return process.stdout.isTTY || process.stderr.isTTY;
}

/** What gRPC reports when the process at the other end was killed, for example for want of memory. */
const lostConnection = "error reading from server: EOF";

/** Finds in the output of Pulumi that a provider process has died. */
class LostProvider {
    isLost = false;
    /** The end of the last piece: the message may be cut in two. */
    rest = "";

    /** @param {string} text */
    read(text) {
        const recent = this.rest + text;
        this.isLost ||= recent.includes(lostConnection);
        this.rest = recent.slice(-lostConnection.length);
    }

    /** @returns {string[]} */
    hints() {
        if (!this.isLost) return [];
        return [
            `"${lostConnection}": the process that ran the operation was killed (out of memory? see dmesg). ` +
                "Run the same command again: what is at the registry already is not sent again",
        ];
    }
}

/**
 * What Pulumi cannot know about this project.
 *
 * @param {string[]} args
 * @param {import("./workspace.mjs").Workspace} place
 * @param {string} stack
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string[]>}
 */
async function hints(args, place, stack, env) {
    const found = [];
    const asks = ["up", "update", "destroy", "refresh"].some((command) => args.includes(command));
    const isAnswered = ["--yes", "-y", "--preview-only", "--skip-preview", "-f"].some((flag) => args.includes(flag));
    if (asks && !isAnswered && !process.stdin.isTTY) {
        found.push("Without a terminal there is no prompt to confirm: run the same command with --yes");
    }
    const lock = lockFile(env.PULUMI_BACKEND_URL, stack);
    if (lock !== undefined) {
        found.push(
            `Stack ${stack} is locked (${lock}). If that run has ended (it was killed), release the lock: ` +
                `npm run pulumi -- cancel --yes${stack === defaultStack ? "" : ` --stack ${stack}`}`,
        );
    }
    const { dir } = stackFiles(place, stack);
    if (existsSync(join(dir, "registry.yml"))) {
        const { registryStatus } = await import("./registry.mjs");
        if (registryStatus(dir).pid === undefined) {
            found.push(`The registry of stack ${stack} is not running. Start it with: npm run quickstart`);
        }
    } else if (stack === defaultStack) {
        found.push(`Stack ${stack} is made by: npm run quickstart`);
    }
    return found;
}

/**
 * The engine's lock of the file backend: one JSON file per run.
 *
 * @param {string | undefined} backend URL
 * @param {string} stack
 * @returns {string | undefined} undefined if there is none
 */
function lockFile(backend, stack) {
    if (!backend?.startsWith("file:///")) return undefined;
    const folder = join(fileURLToPath(backend), ".pulumi", "locks", "organization", "registry-passthrough", stack);
    if (!existsSync(folder)) return undefined;
    const lock = readdirSync(folder).find((name) => name.endsWith(".json"));
    return lock && join(folder, lock);
}

await runMain(() => main(process.argv.slice(2)));
