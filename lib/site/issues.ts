import type { ErrorCode } from "../errors/codes";
import { PassthroughError, toProblem } from "../errors/errors";
import { formatReason } from "../errors/format";
import { escapedLines, printable } from "../errors/text";
import { ACCOUNT_KEYS } from "./account-keys";
import type { ConfigIssue } from "./config-issue";
import { nearestName, unknownFlatKeyFix } from "./key-hints";
import { ANY_NAME, accountKeys, siteKeys } from "./key-documentation";

const PREFIX = "registry-passthrough:";
const KEYS: readonly string[] = ["site", "defaults", ...ACCOUNT_KEYS];
/** The kubeconfig of one of several clusters. */
const KUBECONFIG = /^kubeconfig-(.*)$/;

/**
 * Keys that this program does not have: a flat key with a typo would otherwise be ignored, and another account be used.
 * @param names keys of the whole configuration, with their namespaces
 * @param clusters names in `site.clusters`; undefined: not known
 * @param stack named in the commands that fix it
 */
export function unknownKeyIssues(
    names: readonly string[],
    clusters: readonly string[] | undefined,
    stack: string,
): ConfigIssue[] {
    return flatKeys(names)
        .filter((key) => !KEYS.includes(key))
        .flatMap((key) => {
            const cluster = KUBECONFIG.exec(key)?.[1];
            const found = cluster === undefined ? unknownKey(key) : unknownCluster(cluster, clusters);
            const remove = `remove it with: npm run pulumi -- config rm ${key} --stack ${stack}`;
            return found.map(([problem, instead]) => ({ key, problem, fix: `${remove}, and ${instead}` }));
        });
}

/** The keys of this program in a whole configuration, without their namespace. */
export function flatKeys(names: readonly string[]): string[] {
    return names.filter((name) => name.startsWith(PREFIX)).map((name) => name.slice(PREFIX.length));
}

type UnknownKey = readonly [problem: string, instead: string];

function unknownKey(key: string): UnknownKey[] {
    return [["there is no such key", unknownFlatKeyFix(key, [...KEYS, "kubeconfig-<cluster>"])]];
}

function unknownCluster(cluster: string, clusters: readonly string[] | undefined): UnknownKey[] {
    const known = clusters?.filter((name) => name !== "");
    if (known === undefined || known.includes(cluster)) return [];
    const problem = `site.clusters has no cluster ${JSON.stringify(cluster)}`;
    if (known.length === 0) return [[problem, "use kubeconfig for site.cluster, or name the cluster in site.clusters"]];
    const near = nearestName(cluster, known);
    const keys = (near === undefined ? known : [near]).map((name) => `kubeconfig-${name}`);
    return [[problem, `set it as ${keys.join(" or ")}, or name the cluster in site.clusters`]];
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
    return new PassthroughError(issuesText(issues), { code: issuesCode(issues), isMultiline: true });
}

/** `CONFIG_INVALID`, or that of a lock file if nothing but lock files is wrong: somebody else brings these. */
export function issuesCode(issues: readonly ConfigIssue[]): ErrorCode {
    const [code] = issues.map((issue) => issue.code);
    return code !== undefined && issues.every((issue) => issue.code !== undefined) ? code : "CONFIG_INVALID";
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
        const { code } = found;
        const { place } = found;
        const file = place !== undefined && "file" in place ? `${printable(place.file)}: ` : "";
        issues.push({
            key,
            problem: `${file}${formatReason(found)}`,
            fix: found.fix ?? fix ?? keyFix(key),
            ...(code.startsWith("LOCK_") ? { code } : {}),
        });
        return undefined;
    }
}

/** How a wrong value of a key is corrected: `site.registry.ca`. */
export function keyFix(key: string): string {
    const name = key
        .replace(/^site\.?/, "")
        .replace(/\[\d+\]/g, "[]")
        .replace(
            /^(clusters)\.[^.]+(?=\.)|^(signatures)\..+?(?=\.(scopes|policy|beforePush|namespaces)\b)/,
            `$1$2.${ANY_NAME}`,
        );
    return [...siteKeys(), ...accountKeys()].find((known) => known.key === name)?.fix ?? "see docs/configuration.md";
}
