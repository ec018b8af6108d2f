import type { ConfigIssue } from "./schema";

const PREFIX = "registry-passthrough:";
const FLAT_KEYS = [
    "registryUsername",
    "registryPassword",
    "registryToken",
    "superuserPassword",
    "pullerUsername",
    "pullerPassword",
];
const KEYS = ["site", "defaults", ...FLAT_KEYS];

/**
 * A flat key with a typo would otherwise be ignored, and another account used than was meant.
 * @param names keys of the whole configuration, with their namespaces
 */
export function unknownKeyIssues(names: readonly string[]): ConfigIssue[] {
    return names
        .filter((name) => name.startsWith(PREFIX))
        .map((name) => name.slice(PREFIX.length))
        .filter((key) => !KEYS.includes(key))
        .map((key) => ({ key, problem: "there is no such key", fix: `use one of: ${KEYS.join(", ")}` }));
}

/** Every fault of a configuration, by key with its cure, for people. */
export function issuesText(issues: readonly ConfigIssue[]): string {
    const lines = issues.map(({ key, problem, fix }) => `  ${key}: ${problem}${fix === "" ? "" : `; ${fix}`}`);
    const count = issues.length === 1 ? "1 problem" : `${issues.length} problems`;
    return [
        `${count} in the configuration of this stack (registry-passthrough:…); nothing was changed:`,
        ...lines,
    ].join("\n");
}
