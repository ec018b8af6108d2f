import { existsSync, readFileSync } from "node:fs";
import { stringify } from "yaml";
import { writePrivate } from "./workspace.mjs";
import { readYamlFile } from "./yaml-file.mjs";

const notice = [
    " Made by tools/: your settings belong into the tracked file of the same name in the project's root folder,",
    " which wins over this one. Holds no secret in the clear.",
].join("\n");

/**
 * @typedef {Record<string, unknown>} Document
 * @typedef {Document & {config?: Document}} StackConfig a `Pulumi.<stack>.yaml`
 */

/**
 * Writes the config that Pulumi reads for a stack with run-time settings: the tracked file, and under it what was made
 * at run time and what `config set` added. Writes only if something changed.
 *
 * @param {import("./workspace.mjs").StackFiles} files
 * @param {Document} [runtime] values of config keys made at run time; absent: those of the last time
 */
export function writeStackConfig(files, runtime) {
    const generated = readYamlFile(files.config);
    const tracked = readYamlFile(files.tracked) ?? {};
    const before = readOrigins(files.origins);
    const now = { tracked: Object.keys(tracked.config ?? {}).sort(), runtime: runtime ?? before.runtime };
    const merged = mergeConfig({ tracked, generated: generated ?? {}, before, runtime: now.runtime });
    if (JSON.stringify(merged) !== JSON.stringify(generated)) {
        writePrivate(files.config, `#${notice.replaceAll("\n", "\n#")}\n${stringify(merged)}`);
    }
    if (JSON.stringify(now) !== JSON.stringify(before)) writePrivate(files.origins, JSON.stringify(now));
}

/** @param {string} file @returns {{tracked: string[], runtime: Document}} what the last run merged */
function readOrigins(file) {
    return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { tracked: [], runtime: {} };
}

/**
 * @public its test calls it by name, in a process of its own
 * @param {object} layers
 * @param {StackConfig} layers.tracked the tracked file
 * @param {StackConfig} layers.generated the generated file as it is; `encryptionsalt` and secrets live here only
 * @param {{tracked: string[], runtime: Document}} layers.before what the last run merged in: it does not stay by itself
 * @param {Document} layers.runtime values of config keys made at run time
 * @returns {StackConfig}
 */
export function mergeConfig({ tracked, generated, before, runtime }) {
    const { config: own, ...top } = generated;
    const { config: written, ...trackedTop } = tracked;
    const passing = new Set([...before.tracked, ...Object.keys(before.runtime)]);
    const kept = Object.fromEntries(Object.entries(own ?? {}).filter(([key]) => !passing.has(key)));
    // A tracked value of a key that has run-time settings too stands above them, field by field.
    const made = Object.entries(runtime).map(([key, value]) => [key, deepMerge(value, written?.[key])]);
    return {
        ...top,
        ...trackedTop,
        config: { ...(written ?? {}), ...Object.fromEntries(made), ...absent(kept, written) },
    };
}

/** @param {Document} kept @param {Document | undefined} written @returns {Document} */
function absent(kept, written) {
    return Object.fromEntries(Object.entries(kept).filter(([key]) => !(key in (written ?? {}))));
}

/**
 * @param {unknown} under
 * @param {unknown} over wins, field by field
 * @returns {unknown}
 */
function deepMerge(under, over) {
    if (over === undefined) return under;
    if (!isRecord(under) || !isRecord(over)) return over;
    const keys = new Set([...Object.keys(under), ...Object.keys(over)]);
    return Object.fromEntries([...keys].map((key) => [key, deepMerge(under[key], over[key])]));
}

/** @param {unknown} value @returns {value is Document} */
function isRecord(value) {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}
