import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { captureOrThrow } from "./process.mjs";

const sourceFolders = ["config", "components", "dynamic-providers", "lib", "cli"];
const sourceFiles = ["index.ts", "tsconfig.json", "tsconfig.build.json", "package-lock.json"];

/**
 * Compiles the TypeScript into `dist/`, unless it was compiled from exactly these sources. Compared by content: times of
 * files say little after a checkout or a copy.
 *
 * @param {string} root
 * @param {import("./progress.mjs").Progress} progress
 * @returns {Promise<boolean>} whether it compiled
 */
export async function ensureBuild(root, progress) {
    const sources = listSources(root);
    const sum = fingerprint(root, sources);
    if (builtFrom(root) === sum) return false;
    const dist = join(root, "dist");
    const mark = markFile(root);
    mkdirSync(dist, { recursive: true });
    rmSync(mark, { force: true });
    removeOrphans(dist, sources);
    const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
    const args = [compiler, "-p", join(root, "tsconfig.build.json"), "--pretty", "false"];
    await progress.beat("compiling", () => captureOrThrow(process.execPath, args, { cwd: root }));
    writeFileSync(mark, `${sum}\n`);
    return true;
}

/**
 * @param {string} root
 * @returns {boolean} whether `dist/` was compiled from exactly these sources
 */
export function isBuilt(root) {
    return builtFrom(root) === fingerprint(root, listSources(root));
}

/** @param {string} root */
function markFile(root) {
    return join(root, "dist", ".sources.sha256");
}

/** @param {string} root @returns {string | undefined} the fingerprint of the sources of the last build */
function builtFrom(root) {
    const mark = markFile(root);
    return existsSync(mark) ? readFileSync(mark, "utf8").trim() : undefined;
}

/** @param {string} root @returns {string[]} relative to it, sorted */
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

/** @param {string} root @param {string[]} sources @returns {string} SHA-256 of their names and contents, hex */
function fingerprint(root, sources) {
    const hash = createHash("sha256");
    for (const source of sources) {
        const text = readFileSync(join(root, source));
        hash.update(`${source}\0${text.length}\0`).update(text);
    }
    return hash.digest("hex");
}

/**
 * The output of a file that is gone (`x.ts`, now `x/index.ts`) would still be found, before the new one.
 *
 * @param {string} dist
 * @param {string[]} sources
 */
function removeOrphans(dist, sources) {
    const known = new Set(sources.map((source) => source.replace(/\.ts$/, "")));
    for (const file of filesBelow(dist)) {
        const source = /^(.*?)(?:\.js(?:\.map)?|\.d\.ts)$/.exec(relative(dist, file))?.[1];
        if (source !== undefined && !known.has(source)) rmSync(file);
    }
}
