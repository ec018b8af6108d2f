import { existsSync } from "node:fs";
import { join } from "node:path";

/**
 * An entry of package-lock.json, in part.
 *
 * @typedef {object} LockedPackage
 * @property {string} [version]
 * @property {boolean} [dev]
 * @property {boolean} [devOptional]
 * @property {boolean} [optional]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [optionalDependencies]
 *
 * @typedef {Record<string, LockedPackage>} LockedPackages by folder: `node_modules/yaml`
 */

/**
 * Folders of the packages that a kit holds: those that the program needs, and those that scripts need at a site.
 *
 * @param {LockedPackages} packages of package-lock.json
 * @param {string[]} scripts names of the packages that the scripts need besides
 * @returns {string[]} `node_modules/yaml`, sorted
 */
export function productionFolders(packages, scripts) {
    const found = new Set(
        Object.entries(packages)
            .filter(([folder, { dev, devOptional }]) => folder !== "" && !dev && !devOptional)
            .map(([folder]) => folder),
    );
    const add = (/** @type {string} */ folder) => {
        if (found.has(folder)) return;
        found.add(folder);
        const { dependencies, optionalDependencies } = packages[folder] ?? {};
        for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
            const place = resolveFolder(packages, folder, name);
            if (place !== undefined) add(place);
        }
    };
    for (const name of scripts) add(resolveFolder(packages, "", name) ?? missing(name));
    return [...found].sort();
}

/** @param {string} name @returns {never} */
function missing(name) {
    throw new Error(`package-lock.json has no ${name}`);
}

/**
 * Where Node.js finds a package: in the folder of the one that needs it, or in one above.
 *
 * @param {LockedPackages} packages
 * @param {string} from folder of the package that needs it; empty: the project
 * @param {string} name
 * @returns {string | undefined} undefined for an optional package that the lock leaves out
 */
function resolveFolder(packages, from, name) {
    for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
        const place = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
        if (packages[place] !== undefined) return place;
        if (folder === "") return undefined;
    }
}

/**
 * @param {string} root
 * @param {LockedPackages} packages
 * @param {string[]} folders
 * @returns {string[]} those that are installed
 * @throws {Error} if one that is not optional is missing
 */
export function installedFolders(root, packages, folders) {
    return folders.filter((folder) => {
        if (existsSync(join(root, folder, "package.json"))) return true;
        if (packages[folder]?.optional) return false;
        throw new Error(`${folder} is not installed: run npm ci`);
    });
}
