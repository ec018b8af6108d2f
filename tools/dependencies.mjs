import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import checkout from "./checkout.cjs";
import { npmCi } from "./npm.mjs";

/**
 * @param {string} [version] `process.versions.node`
 * @throws {Error} that names both versions
 */
export function checkNode(version = process.versions.node) {
    const problem = checkout.nodeProblem(version);
    if (problem !== undefined) throw new Error(problem);
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
    // An `npm ci` that somebody ran before needs no second one.
    const install = !checkout.hasLockedPackages(root, { development: true });
    if (install) await cleanInstall(root, progress);
    writeFileSync(mark, `${sum}\n`);
    return install;
}

/** @param {string} root @param {import("./progress.mjs").Progress} progress */
async function cleanInstall(root, progress) {
    progress.note("      npm ci: fetching the packages that package-lock.json names");
    await progress.beat("running npm ci", () => npmCi(root, ["--include=dev"], process.env));
}
