"use strict";
const { createHash } = require("node:crypto");
const { existsSync, readFileSync, readdirSync } = require("node:fs");
const { join, relative } = require("node:path");

/*
 * Whether a checkout can run as it is: Node.js, packages, compiled code. CommonJS and Node built-ins only, so that the
 * Pulumi program and the provider process can ask before they load anything else (pulumi/).
 */

/** What undici, the HTTP client, needs; the other packages need less. */
const minimumNode = [20, 18, 1];
const sourceFolders = ["config", "components", "dynamic-providers", "lib", "cli"];
const sourceFiles = ["index.ts", "tsconfig.json", "tsconfig.build.json", "package-lock.json"];

/**
 * @param {string} [version] `process.versions.node`
 * @returns {string | undefined} problem and fix; undefined if the version is supported
 */
function nodeProblem(version = process.versions.node) {
    const parts = version.split(".").map(Number);
    const difference = minimumNode.map((minimum, index) => (parts[index] || 0) - minimum).find((part) => part !== 0);
    if (difference === undefined || difference > 0) return undefined;
    return (
        `Node.js ${minimumNode.join(".")} or newer is needed, 24 is recommended; this is ${version}: ` +
        "get one from https://nodejs.org/"
    );
}

/**
 * npm leaves its own list of what it installed (`node_modules/.package-lock.json`).
 *
 * @param {string} root
 * @param {{development: boolean}} needed whether packages for development count too
 * @returns {boolean} whether it lists the versions of package-lock.json
 */
function hasLockedPackages(root, { development }) {
    const installed = readPackages(join(root, "node_modules", ".package-lock.json"));
    const locked = readPackages(join(root, "package-lock.json"));
    if (installed === undefined || locked === undefined) return false;
    return Object.entries(locked).every(
        ([path, { version, optional, dev }]) =>
            path === "" ||
            (dev === true && !development) ||
            installed[path]?.version === version ||
            (optional === true && installed[path] === undefined),
    );
}

/**
 * @param {string} file
 * @returns {Record<string, {version?: string, optional?: boolean, dev?: boolean}> | undefined} undefined without it
 */
function readPackages(file) {
    return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : undefined;
}

/** @param {string} root @returns {string} holds the fingerprint of the sources that `dist/` was compiled from */
function buildMark(root) {
    return join(root, "dist", ".sources.sha256");
}

/**
 * Compared by content: times of files say little after a checkout or a copy.
 *
 * @param {string} root
 * @returns {boolean} whether `dist/` was compiled from exactly these sources
 */
function isBuilt(root) {
    const mark = buildMark(root);
    return existsSync(mark) && readFileSync(mark, "utf8").trim() === fingerprint(root);
}

/** Set by the npm scripts for what they start. */
const COMPARED = "REGISTRY_PASSTHROUGH_SOURCES";

/**
 * For the environment of a command whose script has just compared the sources with `dist/`: its program and each of its
 * provider processes would read and hash them all again.
 *
 * @param {string} root
 * @returns {Record<string, string>}
 */
function comparedSources(root) {
    const mark = buildMark(root);
    return existsSync(mark) ? { [COMPARED]: readFileSync(mark, "utf8").trim() } : {};
}

/**
 * For a command that goes on while sources are edited.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv} without what `comparedSources` says
 */
function withoutCompared({ [COMPARED]: _, ...env }) {
    return env;
}

/** @param {string} root @returns {boolean} whether `dist/` is still what the script has compared */
function isCompared(root) {
    const compared = process.env[COMPARED];
    return compared !== undefined && compared === comparedSources(root)[COMPARED];
}

/** @param {string} root @returns {string[]} the files that `dist/` is compiled from, relative to it, sorted */
function listSources(root) {
    const inFolders = sourceFolders.flatMap((folder) => filesBelow(join(root, folder)));
    const single = sourceFiles.map((file) => join(root, file)).filter((file) => existsSync(file));
    return [...single, ...inFolders.filter((file) => file.endsWith(".ts"))].map((file) => relative(root, file)).sort();
}

/** @param {string} folder @returns {string[]} absolute; none if there is no such folder */
function filesBelow(folder) {
    if (!existsSync(folder)) return [];
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const path = join(folder, entry.name);
        return entry.isDirectory() ? filesBelow(path) : [path];
    });
}

/** @param {string} root @returns {string} SHA-256 of names and contents of the sources, hex */
function fingerprint(root) {
    const hash = createHash("sha256");
    for (const source of listSources(root)) {
        const text = readFileSync(join(root, source));
        hash.update(`${source}\0${text.length}\0`).update(text);
    }
    return hash.digest("hex");
}

/**
 * What keeps a checkout from running its current code.
 *
 * @param {string} root
 * @returns {string | undefined} one line that ends with the command that is missing; undefined if nothing is
 */
function checkoutProblem(root) {
    const node = nodeProblem();
    if (node !== undefined) return node;
    if (isCompared(root)) return undefined;
    const run = `run in ${root}: npm run build`;
    if (!existsSync(join(root, "node_modules", "@pulumi", "pulumi"))) return `the packages are not installed; ${run}`;
    if (!hasLockedPackages(root, { development: false })) {
        return `the packages in node_modules are not those of package-lock.json; ${run}`;
    }
    if (isBuilt(root)) return undefined;
    return existsSync(buildMark(root))
        ? `the compiled code in dist/ is older than the sources; ${run}`
        : `the program is not compiled; ${run}`;
}

module.exports = {
    ...{ nodeProblem, hasLockedPackages, checkoutProblem },
    ...{ buildMark, isBuilt, comparedSources, withoutCompared, listSources, filesBelow, fingerprint },
};
