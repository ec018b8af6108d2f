import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { withoutProject } from "./command-line.mjs";
import { capture, captureOrThrow, excerpt } from "./process.mjs";
import { writeStackConfig } from "./stack-config.mjs";
import { keptSecret, privateDirectory, pulumiEnvironment, stackFiles, writePrivate } from "./workspace.mjs";

const project = "registry-passthrough";

/**
 * A Pulumi CLI, bound to a stack and its environment.
 *
 * @typedef {object} PulumiCli
 * @property {string} file
 * @property {NodeJS.ProcessEnv} env
 * @property {string} cwd the project
 *
 * @typedef {{name: string, resourceCount?: number}} ListedStack an entry of `pulumi stack ls --json`, in part
 *
 * @param {import("./workspace.mjs").Workspace} place
 * @param {string} stack
 * @param {import("./prepare.mjs").Toolbox<"pulumi">} toolbox
 * @returns {PulumiCli}
 */
export function pulumiCli(place, stack, toolbox) {
    const env = pulumiEnvironment(place, stack, toolbox.directories);
    return { file: toolbox.tools.pulumi.file, env, cwd: place.root };
}

/**
 * Makes the stack and the config that Pulumi reads for it, or brings them up to date. No tracked file is written.
 *
 * @param {import("./workspace.mjs").Workspace} place
 * @param {string} stack
 * @param {import("./prepare.mjs").Toolbox<"pulumi">} toolbox
 * @param {import("./registry.mjs").SecureRegistry} registry its address, CA and account go into the config
 * @returns {Promise<PulumiCli>}
 */
export async function ensureStack(place, stack, toolbox, registry) {
    const files = stackFiles(place, stack);
    privateDirectory(files.dir);
    const own = process.env.PULUMI_CONFIG_PASSPHRASE ?? process.env.PULUMI_CONFIG_PASSPHRASE_FILE;
    if (own === undefined) keepPassphrase(files);
    const cli = pulumiCli(place, stack, toolbox);
    if ((await findStack(cli, stack)) === undefined) await initialise(cli, files, stack);
    const ca = relative(place.root, registry.ca);
    writeStackConfig(files, {
        [`${project}:defaults`]: { registry: { mirrorBase: `${registry.host}/mirror`, ca } },
        [`${project}:registryUsername`]: registry.username,
    });
    await keepPassword(cli, files, registry.password);
    return cli;
}

/** @param {import("./workspace.mjs").StackFiles} files */
function keepPassphrase(files) {
    if (!existsSync(files.passphrase) && existsSync(files.config)) {
        throw new Error(
            `${files.passphrase} is gone, and with it the key to the stack's secrets. Put it back, or start anew: ` +
                "stop the registry (npm run quickstart -- --down needs the file too, so: node tools/registry.mjs stop " +
                `--dir ${files.dir}), then remove .local/ and run: npm run quickstart`,
        );
    }
    keptSecret(files.passphrase);
}

/** @param {PulumiCli} cli @param {string} stack @returns {Promise<number>} of the backend's record; 0 without a stack */
export async function resourceCount(cli, stack) {
    return (await findStack(cli, stack))?.resourceCount ?? 0;
}

/** @param {PulumiCli} cli @param {string} stack @returns {Promise<ListedStack | undefined>} */
async function findStack(cli, stack) {
    /** @type {ListedStack[]} */
    const stacks = JSON.parse(await pulumi(cli, ["stack", "ls", "--json"]));
    return stacks.find(({ name }) => withoutProject(name) === stack);
}

/**
 * `stack init` writes the salt into the config file of the project it runs in, so it gets a project of its own.
 *
 * @param {PulumiCli} cli
 * @param {import("./workspace.mjs").StackFiles} files
 * @param {string} stack
 */
async function initialise(cli, files, stack) {
    writePrivate(files.project, `name: ${project}\nruntime: nodejs\n`);
    await pulumi(cli, ["-C", files.dir, "stack", "init", stack, "--secrets-provider", "passphrase"]);
}

/**
 * Sets the password only if it is another one: encrypting it again would change the file at every run.
 *
 * @param {PulumiCli} cli
 * @param {import("./workspace.mjs").StackFiles} files
 * @param {string} password
 */
async function keepPassword(cli, files, password) {
    const key = `${project}:registryPassword`;
    const get = await capture(cli.file, ["config", "get", key, "--config-file", files.config], cli);
    if (get.code === 0 && get.stdout.trim() === password) return;
    if (get.code !== 0 && readFileSync(files.config, "utf8").includes(`${key}:`)) {
        throw new Error(
            `the secrets in ${files.config} cannot be read; is the passphrase another one?\n${excerpt(get)}`,
        );
    }
    await pulumi(cli, ["config", "set", "--secret", key, "--config-file", files.config], password);
}

/**
 * @param {PulumiCli} cli
 * @param {string[]} args
 * @param {string} [input]
 * @returns {Promise<string>} stdout
 */
export async function pulumi({ file, env, cwd }, args, input) {
    return captureOrThrow(file, [...args, "--non-interactive"], { env, cwd, input });
}
