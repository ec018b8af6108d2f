import { type ClusterVersion, hasImagePolicies, mayMixKinds, parseClusterVersion } from "../openshift/versions";
import { mirrorRuleNames } from "../openshift/rules/rule-names";
import type { ConfigIssue } from "./config-issue";
import { collectIssue } from "./issues";
import type { SiteCluster } from "./mirror-policy";
import { patternIssues } from "./pattern-issues";
import { clusterKeys, PINNED_POOLS } from "./cluster-keys";
import type { PinRules } from "./pin-rules";
import { type SiteDocument } from "./schema";

type ClusterDocument = NonNullable<SiteDocument["cluster"]>;

/** What a site has that configures no cluster. */
export const DEFAULT_CLUSTER: SiteCluster = toCluster("", clusterKeys.parse({}), "");

/** The clusters of a site, in the order in which they are written; at least one. */
export function readClusters(
    { cluster, clusters }: Pick<SiteDocument, "cluster" | "clusters">,
    stack = "",
): SiteCluster[] {
    const named = Object.entries(clusters ?? {}).map(([name, document]) => toCluster(name, document, stack));
    if (named.length > 0) return named;
    return [cluster === undefined ? DEFAULT_CLUSTER : toCluster("", cluster, stack)];
}

/** @param stack in the names of the mirror objects that are written to the cluster */
function toCluster(name: string, document: ClusterDocument, stack: string): SiteCluster {
    const { version, contactSource, targets, roles, apply, adopt, allowRemoval, coverage, rollout, proof } = document;
    const { oldRules = {}, signaturePolicies } = document;
    const pin = readPinRules(document.pin);
    return {
        name,
        contactSource,
        ...(version === undefined ? {} : { version }),
        ...(targets === undefined ? {} : { targets: [...new Set(targets)] }),
        ...(roles === undefined ? {} : { roles: [...new Set(roles)] }),
        ...(apply === undefined ? {} : { apply, names: mirrorRuleNames(stack) }),
        ...(pin === undefined ? {} : { pin }),
        adopt,
        allowRemoval,
        ...(Object.keys(oldRules).length === 0 ? {} : { oldRules }),
        ...(coverage === undefined ? {} : { coverage }),
        ...(rollout === undefined ? {} : { rollout }),
        ...(proof === undefined ? {} : { proof }),
        ...(signaturePolicies ? { signaturePolicies } : {}),
    };
}

/** `true` is short for all that the keys of the long form have as their default. */
function readPinRules(pin: ClusterDocument["pin"]): PinRules | undefined {
    if (pin === false) return undefined;
    const { pools = PINNED_POOLS, images } = pin === true ? {} : pin;
    return { pools: [...new Set(pools)].sort(), ...(images === undefined ? {} : { images }) };
}

/** `site.cluster`, or `site.clusters.east`. */
export function clusterKey({ name }: Pick<SiteCluster, "name">): string {
    return name === "" ? "site.cluster" : `site.clusters.${name}`;
}

/** The flat key with a cluster's kubeconfig: `kubeconfig`, or `kubeconfig-east`. */
export function kubeconfigKey({ name }: Pick<SiteCluster, "name">): string {
    return name === "" ? "kubeconfig" : `kubeconfig-${name}`;
}

/** A name before a text, where a site has several clusters. */
export function withClusterName({ name }: Pick<SiteCluster, "name">, text: string): string {
    return name === "" ? text : `${name}: ${text}`;
}

/**
 * Both ways to write clusters at once, none, and versions that are none or say too little.
 * @param known issues of the schema: what they name is not in the document any more
 */
export function clusterIssues(document: SiteDocument, known: readonly ConfigIssue[]): ConfigIssue[] {
    const { cluster, clusters } = document;
    const issues: ConfigIssue[] = [];
    if (cluster !== undefined && clusters !== undefined) {
        const fix = "write one of them: cluster for one, clusters.<name> for several";
        issues.push({ key: "site.clusters", problem: "site.cluster is set as well", fix });
    } else if (clusters !== undefined && Object.keys(clusters).length === 0 && !known.some(isOfClusters)) {
        issues.push({ key: "site.clusters", problem: "it names no cluster", fix: "name one, or leave it out" });
    }
    const all = [
        ...(cluster === undefined ? [] : readClusters({ cluster })),
        ...(clusters ? readClusters({ clusters }) : []),
    ];
    const patterns = all.flatMap((one) => patternIssues(`${clusterKey(one)}.coverage.accept`, one.coverage?.accept));
    const hasPolicies = Object.keys(document.signatures ?? {}).length > 0;
    return [
        ...issues,
        ...all.flatMap(versionIssues),
        ...patterns,
        ...all.flatMap(proofIssues),
        ...all.flatMap(oldRulesIssues),
        ...all.flatMap((one) => signaturePolicyIssues(one, hasPolicies)),
    ];
}

/** Nothing would remove or keep them. */
function oldRulesIssues(cluster: SiteCluster): ConfigIssue[] {
    if (cluster.oldRules === undefined || cluster.apply !== undefined) return [];
    const name = clusterKey(cluster);
    const fix = `set ${name}.apply, or leave it out and follow docs/how-to/migrate.md with oc`;
    return [{ key: `${name}.oldRules`, problem: `it needs ${name}.apply, which is not set`, fix }];
}

/** Policies that there are not, that the cluster does not know, or that would come before the rules. */
function signaturePolicyIssues(cluster: SiteCluster, hasPolicies: boolean): ConfigIssue[] {
    if (cluster.signaturePolicies !== true) return [];
    const name = clusterKey(cluster);
    const issue = (problem: string, fix: string) => [{ key: `${name}.signaturePolicies`, problem, fix }];
    if (cluster.apply === undefined) {
        return issue(
            `it needs ${name}.apply, which is not set`,
            `set ${name}.apply, or apply what \`passthrough render\` writes`,
        );
    }
    if (!hasPolicies) return issue("site.signatures has no policy", "write one there, or leave it out");
    if (cluster.version !== undefined && !hasImagePolicies(tryParse(cluster.version))) {
        const fix = `leave it out until the cluster is 4.20, or correct ${name}.version`;
        return issue(`OpenShift ${cluster.version} has no ClusterImagePolicy v1`, fix);
    }
    if (cluster.rollout?.wait !== false) return [];
    const problem = `${name}.rollout.wait is false: nodes without the rules would look for signatures upstream`;
    return issue(problem, "leave one of them out");
}

/** A version that is none is another issue. */
function tryParse(version: string): ClusterVersion | undefined {
    return collectIssue("", [], () => parseClusterVersion(version));
}

/** What nothing would create, or what comes before the nodes have what it proves. */
function proofIssues(cluster: SiteCluster): ConfigIssue[] {
    if (cluster.proof === undefined) return [];
    const name = clusterKey(cluster);
    const key = `${name}.proof`;
    if (cluster.apply === undefined) {
        const fix = `set ${name}.apply, or leave it out: \`passthrough selftest --kubeconfig\` proves the same without it`;
        return [{ key, problem: `it needs ${name}.apply, which is not set`, fix }];
    }
    if (cluster.rollout?.wait !== false) return [];
    const problem = `${name}.rollout.wait is false: nodes may not have the rules yet that it proves`;
    return [{ key, problem, fix: `leave one of them out: \`passthrough selftest --kubeconfig\` proves it later` }];
}

function isOfClusters({ key }: ConfigIssue): boolean {
    return key.startsWith("site.clusters");
}

function versionIssues(cluster: SiteCluster): ConfigIssue[] {
    const { version: text, apply } = cluster;
    if (text === undefined) return [];
    const key = `${clusterKey(cluster)}.version`;
    const issues: ConfigIssue[] = [];
    const fix = "write a version such as 4.18.20 or 4.18";
    const version = collectIssue(key, issues, () => parseClusterVersion(text), fix);
    if (apply === undefined || version === undefined || !dependsOnPatch(version)) return issues;
    const problem = `OpenShift ${text} accepts these rules beside an ImageContentSourcePolicy from some patch release on only`;
    return [{ key, problem, fix: `write the whole version, as in ${version.major}.${version.minor}.30` }];
}

/** True if the patch release decides which kinds may exist side by side, and is not known. */
function dependsOnPatch(version: ClusterVersion): boolean {
    return version.patch === undefined && mayMixKinds(version) !== mayMixKinds({ ...version, patch: Infinity });
}
