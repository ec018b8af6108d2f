import { FLATTEN, flattenKubeconfigFile, readKubeconfig } from "../kubernetes";
import { clusterKey, kubeconfigKey } from "./clusters";
import type { ConfigIssue } from "./config-issue";
import { collectIssue } from "./issues";
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
    { apply, ...cluster }: ReachedCluster,
    secret: string | undefined,
    issues: ConfigIssue[],
    stack: string,
): string | undefined {
    if (apply === undefined) return undefined;
    const { kubeconfigFile: file, context } = apply;
    if (file !== undefined) {
        const key = `${clusterKey(cluster)}.apply.kubeconfigFile`;
        return collectIssue(key, issues, () => flattenKubeconfigFile(file, context), "write the path of a kubeconfig");
    }
    const { problems = [] } = readKubeconfig(secret ?? "", { context });
    const key = kubeconfigKey(cluster);
    for (const { field, problem, fix } of problems) {
        const where = field === undefined ? "" : `${field}: `;
        issues.push({ key, problem: `${where}${problem}`, fix: fix.replace(FLATTEN, setSecret(key, stack)) });
    }
    return problems.length === 0 ? secret : undefined;
}

function setSecret(key: string, stack: string): string {
    return `${FLATTEN} | npm run -s pulumi -- config set --secret ${key} --stack ${stack}`;
}
