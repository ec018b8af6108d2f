import { parseHostKey } from "../ssh/connection";
import { clusterKey } from "./clusters";
import type { ConfigIssue } from "./config-issue";
import { collectIssue } from "./issues";
import type { SiteCluster } from "./mirror-policy";
import type { SiteDocument } from "./schema";

/** What keeps archives that are elsewhere from being imported there; logins of hosts are `hostLoginIssues`. */
export function archivePlaceIssues(document: SiteDocument, clusters: readonly SiteCluster[]): ConfigIssue[] {
    const { content, registry, signatures = {} } = document;
    const elsewhere = content.flatMap(({ at, archive }, index) => (at === undefined ? [] : [{ at, archive, index }]));
    const unused = roleIssues(
        elsewhere.map(({ at }) => at),
        clusters,
    );
    if (elsewhere.length === 0) return unused;
    const ofSets = elsewhere.flatMap(({ at, archive, index }) => {
        const key = `site.content[${index}]`;
        return [
            ...placeIssues(`${key}.at`, at),
            ...(at.host === undefined ? [] : hostIssues(`${key}.at.host`, at.host, archive)),
            ...(at.cluster === undefined ? [] : pathIssues(`${key}.archive`, archive)),
            ...(at.cluster === undefined ? [] : clusterIssues(`${key}.at.cluster`, at.cluster.name ?? "", clusters)),
            ...(at.cluster === undefined ? [] : shardIssues(`${key}.at.cluster.shards`, at.cluster.shards, document)),
        ];
    });
    const refusing = Object.entries(signatures).filter(([, { beforePush }]) => beforePush === "refuse");
    return [
        ...ofSets,
        ...unused,
        ...connectionIssues(registry),
        ...refusing.map(([name]) => ({
            key: `site.signatures.${name}.beforePush`,
            problem: "signatures are looked for in archives that are here, and site.content has an archive that is not",
            fix: "write beforePush: warn; the validation still judges what was pushed",
        })),
    ];
}

type PlaceDocument = NonNullable<SiteDocument["content"][number]["at"]>;

function placeIssues(key: string, { cluster, host }: PlaceDocument): ConfigIssue[] {
    if ((cluster === undefined) !== (host === undefined)) return [];
    const problem = cluster === undefined ? "it names no place" : "cluster and host are both set";
    return [{ key, problem, fix: "set one of them: cluster, or host" }];
}

function hostIssues(
    key: string,
    { hostKey }: NonNullable<PlaceDocument["host"]>,
    archive: string | readonly string[],
): ConfigIssue[] {
    const issues: ConfigIssue[] = [];
    collectIssue(`${key}.hostKey`, issues, () => parseHostKey(hostKey.trim()));
    const paths = typeof archive === "string" ? [archive] : archive;
    const relative = paths.filter((path) => !path.startsWith("/"));
    return [
        ...issues,
        ...relative.map((path) => ({
            key: key.replace(/at\.host$/, "archive"),
            problem: `${path} is relative, and no folder of the host is its beginning`,
            fix: "write an absolute path of the host",
        })),
    ];
}

function pathIssues(key: string, archive: string | readonly string[]): ConfigIssue[] {
    const paths = typeof archive === "string" ? [archive] : archive;
    return paths
        .filter((path) => path.split("/").includes(".."))
        .map((path) => ({ key, problem: `${path} leads out of the volume`, fix: "write a path without .." }));
}

function clusterIssues(key: string, name: string, clusters: readonly SiteCluster[]): ConfigIssue[] {
    const cluster = clusters.find((one) => one.name === name);
    if (cluster === undefined) {
        const known = clusters.map((one) => JSON.stringify(one.name)).join(", ");
        const problem = name === "" ? "the site has several clusters" : `site.clusters has no ${JSON.stringify(name)}`;
        return [{ key: `${key}.name`, problem, fix: `write one of: ${known}` }];
    }
    if (cluster.apply !== undefined) return [];
    const apply = `${clusterKey(cluster)}.apply`;
    return [{ key, problem: `it needs ${apply}, which is not set`, fix: `set ${apply}` }];
}

/** The role for imports is for namespaces that sets name. */
function roleIssues(places: readonly PlaceDocument[], clusters: readonly SiteCluster[]): ConfigIssue[] {
    const used = new Set(places.flatMap(({ cluster }) => (cluster === undefined ? [] : [cluster.name ?? ""])));
    return clusters
        .filter(({ name, roles = [] }) => roles.includes("imports") && !used.has(name))
        .map((cluster) => ({
            key: `${clusterKey(cluster)}.roles`,
            problem: "it has imports, and no archive of site.content is imported in this cluster",
            fix: "leave imports out, or set site.content[].at.cluster",
        }));
}

/** Each pod has at least one blob and one request in flight. */
function shardIssues(key: string, shards: number, { transfer }: SiteDocument): ConfigIssue[] {
    const caps = [
        ["site.transfer.concurrency", transfer.concurrency],
        ["site.transfer.requests", transfer.requests ?? Infinity],
    ] as const;
    return caps
        .filter(([, cap]) => shards > cap)
        .map(([name, cap]) => {
            const problem = `${shards} pods together cannot keep ${name}, which is ${cap}`;
            return { key, problem, fix: `write ${cap} or less, or raise ${name}` };
        });
}

function connectionIssues({ plainHttp, proxy }: SiteDocument["registry"]): ConfigIssue[] {
    const why = "site.content has an archive that is imported elsewhere";
    return [
        ...(plainHttp === true
            ? [
                  {
                      key: "site.registry.plainHttp",
                      problem: `it is for a registry on this machine, and ${why}`,
                      fix: "leave it out, and give the registry a certificate",
                  },
              ]
            : []),
        ...(proxy === "environment"
            ? [
                  {
                      key: "site.registry.proxy",
                      problem: `it is the environment of this machine, and ${why}`,
                      fix: "write the URL of the proxy",
                  },
              ]
            : []),
    ];
}
