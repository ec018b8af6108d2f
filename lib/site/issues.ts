import { PassthroughError, toProblem } from "../errors/errors";
import { formatReason } from "../errors/format";
import { escapedLines, printable } from "../errors/text";
import { ACCOUNT_KEYS } from "./account-keys";
import type { ConfigIssue } from "./config-issue";
import { ANY_NAME, accountKeys, siteKeys } from "./key-documentation";

const PREFIX = "registry-passthrough:";
const KEYS: readonly string[] = ["site", "defaults", ...ACCOUNT_KEYS];
/** The kubeconfig of one of several clusters. */
const KUBECONFIG = /^kubeconfig-(.*)$/;

/**
 * Keys that this program does not have: a flat key with a typo would otherwise be ignored, and another account be used.
 * @param names keys of the whole configuration, with their namespaces
 * @param clusters names in `site.clusters`; undefined: not known
 */
export function unknownKeyIssues(names: readonly string[], clusters: readonly string[] | undefined): ConfigIssue[] {
    return names
        .filter((name) => name.startsWith(PREFIX))
        .map((name) => name.slice(PREFIX.length))
        .filter((key) => !KEYS.includes(key))
        .flatMap((key) => {
            const cluster = KUBECONFIG.exec(key)?.[1];
            return cluster === undefined ? [unknownKey(key)] : unknownCluster(key, cluster, clusters);
        });
}

function unknownKey(key: string): ConfigIssue {
    const fix = `use one of: ${[...KEYS, "kubeconfig-<cluster>"].join(", ")}`;
    return { key, problem: "there is no such key", fix };
}

function unknownCluster(key: string, cluster: string, clusters: readonly string[] | undefined): ConfigIssue[] {
    const known = clusters?.filter((name) => name !== "");
    if (known === undefined || known.includes(cluster)) return [];
    const fix =
        known.length === 0 ? "use kubeconfig for site.cluster, or name clusters" : `use one of: ${known.join(", ")}`;
    return [{ key, problem: `site.clusters has no cluster ${JSON.stringify(cluster)}`, fix }];
}

/** All issues of a configuration, by key with their fixes, for people. */
export function issuesText(issues: readonly ConfigIssue[]): string {
    const lines = issues.map(({ key, problem, fix }) => escapedLines(`  ${key}: ${problem}; ${fix}`));
    const count = issues.length === 1 ? "1 problem" : `${issues.length} problems`;
    return [
        `${count} in the configuration of this stack (registry-passthrough:…); nothing was changed:`,
        ...lines,
    ].join("\n");
}

/** All issues of a configuration as one error. */
export function configurationError(issues: readonly ConfigIssue[]): PassthroughError {
    return new PassthroughError(issuesText(issues), { code: "CONFIG_INVALID", isMultiline: true });
}

/**
 * What the action returns; an error becomes an issue of the key.
 * @param fix default: that of the key, which is looked up only if it is needed: that takes milliseconds
 */
export function collectIssue<T>(key: string, issues: ConfigIssue[], action: () => T, fix?: string): T | undefined {
    try {
        return action();
    } catch (error) {
        const found = toProblem(error);
        const { place } = found;
        const file = place !== undefined && "file" in place ? `${printable(place.file)}: ` : "";
        issues.push({ key, problem: `${file}${formatReason(found)}`, fix: found.fix ?? fix ?? keyFix(key) });
        return undefined;
    }
}

/** How a wrong value of a key is corrected: `site.registry.ca`. */
export function keyFix(key: string): string {
    const name = key
        .replace(/^site\.?/, "")
        .replace(/\[\d+\]/g, "[]")
        .replace(/^clusters\.[^.]+(?=\.)/, `clusters.${ANY_NAME}`);
    return [...siteKeys(), ...accountKeys()].find((known) => known.key === name)?.fix ?? "see docs/configuration.md";
}
