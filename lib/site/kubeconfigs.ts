import { printable } from "../errors/text";
import { FLATTEN, type FlatKubeconfig, readKubeconfig, readKubeconfigFile } from "../kubernetes";
import { clusterKey, kubeconfigKey } from "./clusters";
import type { ConfigIssue } from "./config-issue";
import type { SiteCluster } from "./mirror-policy";

/** The part of a cluster that decides how it is reached. */
export type ReachedCluster = Pick<SiteCluster, "name" | "apply">;

export interface Kubeconfigs {
    /** Name of a cluster -> text that needs no other file, secret. Of clusters with `apply`. */
    readonly texts: Readonly<Record<string, string>>;
    readonly issues: readonly ConfigIssue[];
}

/**
 * The kubeconfigs of a site's clusters, from the files that they name or the stack's secrets, checked.
 * @param readSecret gives the text of a flat key; undefined if it is not set
 * @param stack named in the commands that fix a problem
 */
export function readKubeconfigs(
    clusters: readonly ReachedCluster[],
    readSecret: (key: string) => string | undefined,
    stack: string,
): Kubeconfigs {
    const texts: Record<string, string> = {};
    const issues: ConfigIssue[] = [];
    // The secret of the one cluster, where there are several.
    const single = clusters.some(({ name }) => name === "") ? [] : [{ name: "" }];
    for (const cluster of [...single, ...clusters]) {
        const secret = readSecret(kubeconfigKey(cluster));
        const placed = sourceIssues(cluster, secret, stack);
        issues.push(...placed);
        const text = placed.length > 0 ? undefined : readText(cluster, secret, issues, stack);
        if (text !== undefined) texts[cluster.name] = text;
    }
    return { texts, issues };
}

/** A kubeconfig that is there twice, not at all, or for nothing. */
function sourceIssues(cluster: ReachedCluster, secret: string | undefined, stack: string): ConfigIssue[] {
    const key = kubeconfigKey(cluster);
    const apply = `${clusterKey(cluster)}.apply`;
    const issue = (problem: string, fix: string) => [{ key, problem, fix }];
    const remove = `remove it with: npm run pulumi -- config rm ${key} --stack ${stack}`;
    const file = cluster.apply?.kubeconfigFile;
    if (cluster.apply === undefined)
        return secret === undefined ? [] : issue(`${apply}, which it is for, is not set`, remove);
    if (file !== undefined && secret !== undefined) return issue(`${apply}.kubeconfigFile is set as well`, remove);
    if (file !== undefined || (secret ?? "").trim() !== "") return [];
    return issue(
        "it is not set, and the cluster has no other kubeconfig",
        `set ${apply}.kubeconfigFile, or: ${setSecret(key, stack)}`,
    );
}

function readText(
    cluster: ReachedCluster,
    secret: string | undefined,
    issues: ConfigIssue[],
    stack: string,
): string | undefined {
    const found = configuredKubeconfig(cluster, secret);
    if (found === undefined) return undefined;
    const { key, file, text, context } = found;
    const { problems = [] } = file ?? readKubeconfig(text ?? "", { context });
    const path = cluster.apply?.kubeconfigFile;
    for (const { field, problem, fix, isOfContext = false } of problems) {
        const where = [path, field].flatMap((part) => (part === undefined ? [] : [`${printable(part)}: `]));
        issues.push({
            key: isOfContext ? `${clusterKey(cluster)}.apply.context` : key,
            problem: `${where.join("")}${problem}`,
            fix: path === undefined ? fix.replace(FLATTEN, setSecret(key, stack)) : fix,
        });
    }
    return problems.length === 0 ? text : undefined;
}

/** A cluster's kubeconfig as it is configured. */
export interface ConfiguredKubeconfig {
    /** Where: `site.cluster.apply.kubeconfigFile`, or the flat key of the secret. */
    readonly key: string;
    /** Secret, and not checked yet if it is from a secret; undefined: it is not set, or its file cannot be used. */
    readonly text: string | undefined;
    /** What the text selects its context by, beside its `current-context`. */
    readonly context?: string;
    /** What was found in the file, if it is from one. */
    readonly file?: FlatKubeconfig;
}

/**
 * The kubeconfig of a cluster, from the file that the site names or else the secret.
 * @returns undefined if nothing is written to the cluster
 */
export function configuredKubeconfig(
    cluster: ReachedCluster,
    secret: string | undefined,
    readFile: typeof readKubeconfigFile = readKubeconfigFile,
): ConfiguredKubeconfig | undefined {
    if (cluster.apply === undefined) return undefined;
    const { kubeconfigFile: path, context } = cluster.apply;
    if (path === undefined) {
        return { key: kubeconfigKey(cluster), text: secret, ...(context === undefined ? {} : { context }) };
    }
    const file = readFile(path, context);
    return { key: `${clusterKey(cluster)}.apply.kubeconfigFile`, text: file.text, file };
}

function setSecret(key: string, stack: string): string {
    return `${FLATTEN} | npm run -s pulumi -- config set --secret ${key} --stack ${stack}`;
}
