import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * One entry of tools.json.
 *
 * @typedef {object} ToolPin
 * @property {string} title for people
 * @property {string} version what is downloaded or built
 * @property {string} acceptFrom the lowest version that will do when found on PATH
 * @property {string} acceptBelow the first version that will not
 * @property {[string, ...string[]]} names names of the program on PATH
 * @property {string[]} versionArguments make it print its version
 * @property {string[]} companions programs that must be beside it or on PATH
 * @property {string} homepage where people get it
 * @property {Record<string, {url: string, sha256: string | null}>} downloads by `<platform>-<arch>`; without a sum: never
 * @property {import("./npm.mjs").NpmPin} [npm] the package it comes in
 * @property {GoBuild[]} builds
 */

/**
 * @typedef {object} GoBuild
 * @property {string} binary
 * @property {string} module folder below tools/
 * @property {string} package
 * @property {string} [tags] build tags
 * @property {string} versionVariable
 */

/** @returns {Record<string, ToolPin>} */
export function pinnedTools() {
    return readJson("tools.json");
}

/** @returns {Record<string, string | null>} SHA-256 of archives of Pulumi's plugins, by file name; null: not known */
export function pinnedPluginSums() {
    return readJson("plugins.json");
}

/** @param {string} name of a file of this folder */
function readJson(name) {
    return JSON.parse(readFileSync(join(dirname(fileURLToPath(import.meta.url)), name), "utf8"));
}
