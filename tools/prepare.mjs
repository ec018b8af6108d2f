import { accessSync, constants, existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBuild } from "./build.mjs";
import { checkNode, ensureDependencies } from "./dependencies.mjs";
import { getTools, toolsAtHand } from "./get-tools.mjs";
import { errorCode } from "./process.mjs";
import { linkProgram } from "./workspace.mjs";

/**
 * The tools of a command.
 *
 * @template {string} [N=string] keys of tools.json
 * @typedef {object} Toolbox
 * @property {Record<N, import("./get-tools.mjs").Tool>} tools
 * @property {string[]} directories what PATH needs in front for tools that were not found on it
 */

/**
 * Everything a command needs before it can run: packages, tools, compiled code, an environment that is safe. Quick and
 * offline when all is there.
 *
 * @template {string} N
 * @param {import("./workspace.mjs").Workspace} place
 * @param {import("./progress.mjs").Progress} progress
 * @param {N[]} toolNames keys of tools.json
 * @param {string[]} [optional] keys of tools.json that are used if they are at hand
 * @returns {Promise<Toolbox<N>>}
 */
export async function prepare(place, progress, toolNames, optional = []) {
    checkNode();
    await ensureDependencies(place.root, progress);
    const toolbox = await openToolbox(place, progress, toolNames, optional);
    await ensureBuild(place.root, progress);
    await requireSafeEnvironment(place.root);
    return toolbox;
}

/**
 * The check that the program itself makes (docs/security.md, "The environment"). Nothing before it has secrets.
 *
 * @param {string} root has compiled code
 * @throws {Error} if the environment switches TLS verification off, or has secrets printed
 */
export async function requireSafeEnvironment(root) {
    const compiled = join(root, "dist", "lib", "distribution", "http", "tls-environment.js");
    const check = await import(pathToFileURL(compiled).href);
    check.requireSafeEnvironment();
}

/**
 * The tools alone. Programs whose file is called otherwise ("docker-registry") become findable by their first name.
 *
 * @template {string} N
 * @param {import("./workspace.mjs").Workspace} place
 * @param {import("./progress.mjs").Progress} progress
 * @param {N[]} toolNames
 * @param {string[]} [optional] keys of tools.json that are used if they are at hand
 * @returns {Promise<Toolbox<N>>}
 */
export async function openToolbox(place, progress, toolNames, optional = []) {
    const atHand = await toolsAtHand(optional, { cache: place.tools });
    const tools = await getTools(toolNames, { cache: place.tools, progress });
    /** @type {[string, import("./get-tools.mjs").Tool][]} */
    const all = Object.entries({ ...atHand, ...tools });
    for (const [name, { file }] of all) {
        if (basename(file) !== name) linkProgram(place.bin, name, file);
    }
    const cached = all.filter(([, { origin }]) => origin !== "PATH");
    return { tools, directories: cached.map(([, { file }]) => dirname(file)) };
}

/**
 * Runs a script's main function: its number is the exit code, its error one message without a stack trace.
 *
 * @param {() => Promise<number>} main
 */
export async function runMain(main) {
    try {
        process.exitCode = await main();
    } catch (error) {
        process.stderr.write(
            `\n${permissionProblem(error) ?? (error instanceof Error ? error.message : String(error))}\n`,
        );
        process.exitCode = 1;
    }
}

/** @param {unknown} error @returns {string | undefined} undefined unless a file or folder cannot be read or written */
function permissionProblem(error) {
    if (!(error instanceof Error)) return undefined;
    const path = "path" in error && typeof error.path === "string" ? error.path : undefined;
    // On a read-only file system, a recursive mkdir of Node.js fails with ENOENT.
    const isMissing = errorCode(error) === "ENOENT" && "syscall" in error && error.syscall === "mkdir";
    const code = isMissing && path !== undefined ? accessError(existingFolder(path), constants.W_OK) : errorCode(error);
    if (code === undefined || !["EROFS", "EACCES", "EPERM"].includes(code)) return undefined;
    if (path !== undefined && accessError(path, constants.R_OK) === "EACCES") {
        return `${path} cannot be read (${code}): run this as the user who owns it, or give it to this user`;
    }
    return (
        `${path ?? "a file"} cannot be written (${code}): the npm scripts write below .local/, dist/ and node_modules/ of ` +
        "the checkout. Use a checkout that you can write, or prepare it where you can and run: node dist/cli/main.js"
    );
}

/** @param {string} path @param {number} mode of `accessSync` @returns {string | undefined} its code; undefined if permitted */
function accessError(path, mode) {
    try {
        accessSync(path, mode);
        return undefined;
    } catch (error) {
        return errorCode(error);
    }
}

/** @param {string} path @returns {string} the nearest folder above it that exists */
function existingFolder(path) {
    const above = dirname(path);
    return existsSync(above) || above === path ? above : existingFolder(above);
}
