import { accessSync, constants, statSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { capture } from "./process.mjs";

/**
 * Looks for a tool on PATH that is good enough.
 *
 * @param {import("./pins.mjs").ToolPin} pin
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{file: string, version: string} | {reason: string}>} the first that will do, or why none does
 */
export async function installedTool(pin, env) {
    const reasons = [];
    for (const name of pin.names) {
        for (const file of onPath(name, env)) {
            const verdict = await judge(pin, file, env);
            if ("version" in verdict) return { file, version: verdict.version };
            reasons.push(`${file} ${verdict.reason}`);
        }
    }
    return { reason: reasons.length > 0 ? reasons.join("; ") : `no ${pin.names.join(" or ")} there` };
}

/**
 * @param {import("./pins.mjs").ToolPin} pin
 * @param {string} file
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{version: string} | {reason: string}>}
 */
async function judge(pin, file, env) {
    const version = await reportedVersion(file, pin.versionArguments, env);
    if (version === undefined) return { reason: "does not print its version" };
    if (compareVersions(version, pin.acceptFrom) < 0 || compareVersions(version, pin.acceptBelow) >= 0) {
        return { reason: `is ${version}, not from ${pin.acceptFrom} to below ${pin.acceptBelow}` };
    }
    const missing = pin.companions.find(
        (name) => !runnable(join(dirname(file), name)) && onPath(name, env).length === 0,
    );
    return missing === undefined ? { version } : { reason: `has no ${missing} beside it or on PATH` };
}

/**
 * What a tool says its version is.
 *
 * @param {string} file
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string | undefined>} `1.2.3`, no `v`, no suffix
 */
export async function reportedVersion(file, args, env) {
    try {
        const quiet = { ...env, PULUMI_SKIP_UPDATE_CHECK: "true" };
        const { code, stdout, stderr } = await capture(file, args, { env: quiet, timeout: 20_000 });
        // A module path may hold a version-like part ("distribution/v3 v3.1.2"): only a full version counts.
        return code === 0 ? /(?:^|[\sv])(\d+\.\d+\.\d+)/.exec(`${stdout}\n${stderr}`)?.[1] : undefined;
    } catch {
        return undefined;
    }
}

/** @param {string} name @param {NodeJS.ProcessEnv} env @returns {string[]} every runnable file of that name, in order */
export function onPath(name, env) {
    const folders = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
    return [...new Set(folders.map((folder) => join(folder, name)))].filter(runnable);
}

/** @param {string} file @returns {boolean} */
export function runnable(file) {
    try {
        accessSync(file, constants.X_OK);
        return statSync(file).isFile();
    } catch {
        return false;
    }
}

/** @param {string} left `1.2.3` @param {string} right @returns {number} below, equal to or above zero */
function compareVersions(left, right) {
    const other = right.split(".").map(Number);
    const differences = left.split(".").map((part, index) => Number(part) - (other[index] ?? 0));
    return differences.find((difference) => difference !== 0) ?? 0;
}
