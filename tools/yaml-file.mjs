import { existsSync, readFileSync } from "node:fs";
import { YAMLParseError, parse } from "yaml";

/**
 * What a YAML file holds: the configuration of a stack, or Pulumi.yaml. Its words and those of the engine name no file.
 *
 * @param {string} file
 * @returns {any} undefined if there is no such file, or it is empty
 * @throws {Error} that names the file and the line
 */
export function readYamlFile(file) {
    if (!existsSync(file)) return undefined;
    try {
        return parse(readFileSync(file, "utf8"), { logLevel: "error" }) ?? undefined;
    } catch (error) {
        if (!(error instanceof YAMLParseError)) throw error;
        // The rest of the message is the line itself, which may have a secret in it.
        const [reason = ""] = error.message.split(/ at line \d|\n/);
        const { line, col } = error.linePos?.[0] ?? { line: 1, col: 1 };
        const problem = `${file}:${line}:${col}: not YAML: ${reason}; correct it there, then run the same command again`;
        throw new Error(problem, { cause: error });
    }
}

/**
 * Checks the files that the engine is about to read.
 *
 * @param {string[]} files of which some may not exist
 * @throws {Error} that names the first one that is not YAML, or has no keys where Pulumi wants some, or has one elsewhere
 */
export function checkPulumiFiles(files) {
    for (const file of files) {
        const document = readYamlFile(file) ?? {};
        const config = isMapping(document) ? (document.config ?? {}) : undefined;
        if (isMapping(config)) {
            refuseMisplaced(file, Object.keys(document));
            continue;
        }
        const what = config === undefined ? "the file" : "config:";
        throw new Error(
            `${file}: ${what} is not a group of keys; write config: and below it, indented, a line for each key`,
        );
    }
}

/**
 * Pulumi ignores such a key, and drops it with everything below it when it writes the file.
 *
 * @param {string} file
 * @param {string[]} keys those at its start
 * @throws {Error} that names a key of the configuration that is not below config:
 */
function refuseMisplaced(file, keys) {
    const key = keys.find((name) => name.includes(":"));
    if (key === undefined) return;
    throw new Error(
        `${file}: ${key} is not below config:, so Pulumi would delete it with its next change of the file; ` +
            "write config: above it, and indent it with everything below it",
    );
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isMapping(value) {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}
