import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { npmCi } from "./npm.mjs";

/** The HTTP client asks for this; the rest of the packages are content with less. */
const minimumNode = [20, 18, 1];

/**
 * @param {string} [version] `process.versions.node`
 * @throws {Error} that names both versions
 */
export function checkNode(version = process.versions.node) {
    const parts = version.split(".").map(Number);
    const difference = minimumNode.map((minimum, index) => (parts[index] || 0) - minimum).find((part) => part !== 0);
    if (difference === undefined || difference > 0) return;
    throw new Error(
        `Node.js ${minimumNode.join(".")} or newer is needed, 24 is recommended; this is ${version}: get one from https://nodejs.org/`,
    );
}

/**
 * Installs the packages that package-lock.json names, unless they are there.
 *
 * @param {string} root
 * @param {import("./progress.mjs").Progress} progress
 * @returns {Promise<boolean>} whether anything was installed
 */
export async function ensureDependencies(root, progress) {
    const lock = readFileSync(join(root, "package-lock.json"));
    const sum = createHash("sha256").update(lock).digest("hex");
    const mark = join(root, "node_modules", ".package-lock.sha256");
    if (existsSync(mark) && readFileSync(mark, "utf8").trim() === sum) return false;
    const install = !installedByHand(root, lock);
    if (install) await cleanInstall(root, progress);
    writeFileSync(mark, `${sum}\n`);
    return install;
}

/**
 * npm leaves its own list of what it installed: an `npm ci` that somebody ran before needs no second one.
 *
 * @param {string} root
 * @param {Buffer} lock package-lock.json
 */
function installedByHand(root, lock) {
    const list = join(root, "node_modules", ".package-lock.json");
    if (!existsSync(list)) return false;
    const installed = JSON.parse(readFileSync(list, "utf8")).packages;
    return Object.entries(JSON.parse(lock.toString("utf8")).packages).every(
        ([path, { version, optional }]) =>
            path === "" || installed[path]?.version === version || (optional === true && installed[path] === undefined),
    );
}

/** @param {string} root @param {import("./progress.mjs").Progress} progress */
async function cleanInstall(root, progress) {
    progress.note("      npm ci: fetching the packages that package-lock.json names");
    await progress.beat("running npm ci", () => npmCi(root, ["--include=dev"], process.env));
}
