import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { arch, platform } from "node:os";
import { basename, join } from "node:path";
import { captureOrThrow, errorMessage } from "./process.mjs";

/**
 * `npm ci` in a folder, without install scripts.
 *
 * @param {string} folder holds package.json and package-lock.json
 * @param {string[]} flags added to the command
 * @param {NodeJS.ProcessEnv} env in `npm run`, its npm is used
 * @returns {Promise<void>}
 * @throws {Error} with an excerpt of npm's output
 */
export async function npmCi(folder, flags, env) {
    const npm = env.npm_execpath;
    /** @type {[string, string[]]} */
    const [command, first] = npm?.endsWith(".js") ? [process.execPath, [npm]] : ["npm", []];
    // --prefix: in `npm run` the environment names the project that npm was started for.
    const args = [...first, "ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", ...flags];
    await captureOrThrow(command, args, { cwd: folder, env });
}

/**
 * A program in an npm package; each kind of machine has a package of its own.
 *
 * @typedef {object} NpmPin
 * @property {string} project folder below tools/ with package.json and package-lock.json
 * @property {Record<string, string>} packages name in that project by `<platform>-<arch>`
 * @property {string} program path in the package
 *
 * @typedef {{version: string, integrity: string, optional?: boolean}} LockedPackage
 * @typedef {{lockfileVersion: number, packages: Record<string, LockedPackage>}} LockFile what is read of a lock file
 */

/**
 * Installs one package of a pinned project; npm verifies it with the hash in the lock file.
 *
 * @param {NpmPin} pin
 * @param {string} folder gets the program, and nothing else of the package
 * @param {{modules: string, machine: string, env: NodeJS.ProcessEnv}} context `modules`: the folder tools/
 * @returns {Promise<string | undefined>} why it did not work
 */
export async function installProgram(pin, folder, { modules, machine, env }) {
    const name = pin.packages[machine];
    if (name === undefined) return `there is no npm package for ${machine}`;
    const project = join(folder, "npm");
    try {
        writeProject(project, name, join(modules, pin.project));
        // npm refuses a package for another kind of machine otherwise; its hash is checked all the same.
        const foreign = machine === `${platform()}-${arch()}` ? [] : ["--force"];
        await npmCi(project, ["--no-bin-links", ...foreign], env);
        renameSync(join(project, "node_modules", name, pin.program), join(folder, basename(pin.program)));
    } catch (error) {
        return errorMessage(error);
    }
    rmSync(project, { recursive: true });
    return undefined;
}

/**
 * Copies one package out of a pinned project. There every package is optional, because each is for one kind of machine,
 * and npm skips an optional package without an error if its download fails or its hash is wrong. Here it is required.
 *
 * @param {string} folder
 * @param {string} name
 * @param {string} pinned
 */
function writeProject(folder, name, pinned) {
    const { optionalDependencies } = readJson(join(pinned, "package.json"));
    /** @type {LockFile} */
    const { lockfileVersion, packages } = readJson(join(pinned, "package-lock.json"));
    const path = `node_modules/${name}`;
    const dependencies = { [name]: optionalDependencies[name] };
    const required = { ...packages[path], optional: false };
    const lock = { lockfileVersion, requires: true, packages: { "": { dependencies }, [path]: required } };
    mkdirSync(folder);
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
    writeFileSync(join(folder, "package-lock.json"), JSON.stringify(lock));
}

/** @param {string} file package.json or package-lock.json */
function readJson(file) {
    return JSON.parse(readFileSync(file, "utf8"));
}
