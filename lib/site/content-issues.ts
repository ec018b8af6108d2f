import { tidyMirrorBase } from "../mirror/mirror-base-problems";
import { type MirrorBase, mirrorConflicts, mirrorReference } from "../mirror/mirror-reference";
import { DEFAULT_UPSTREAM_HOSTS, classifyUpstream } from "../mirror/upstreams";
import { type Reference, canonicalRegistry, hostProblem, parseSourceKey, repositoryName } from "../oci/reference";
import { mirrorKinds } from "../openshift";
import { type Content, allMarks, localRepositories } from "./content";
import { clusterKey, withClusterName } from "./clusters";
import type { ConfigIssue } from "./config-issue";
import { collectIssue } from "./issues";
import type { SiteCluster } from "./mirror-policy";
import type { SiteDocument } from "./schema";

/** Canonical hosts that content may come from. */
export function readUpstreams({ upstreams }: SiteDocument, issues: ConfigIssue[]): string[] {
    return (upstreams ?? DEFAULT_UPSTREAM_HOSTS).flatMap((text, i) => {
        const key = `site.upstreams[${i}]`;
        const upstream = classifyUpstream(text);
        if (upstream?.class === "egress-only") {
            const fix = "leave it out: no image is ever pulled by this name; it belongs in a firewall's allow-list";
            issues.push({ key, problem: `${text} is ${upstream.reason}`, fix });
            return [];
        }
        const host = canonicalRegistry(text);
        if (host !== undefined) return [host];
        // As people copy it from a browser or a pull spec.
        const [name = ""] = tidyMirrorBase(text).split("/");
        const own = canonicalRegistry(name) === undefined ? "write host or host:port" : `write ${name}`;
        const [problem, fix = own] = hostProblem(text, "registry host");
        issues.push({ key, problem, fix });
        return [];
    });
}

/** Images that lost their upstream digest, where a cluster (up to 4.12) redirects pulls by digest only. */
export function tagOnlyIssues(content: readonly Content[], cluster: SiteCluster): ConfigIssue[] {
    const { version } = cluster;
    // A version that is none has an issue of its own.
    const kinds = collectIssue(clusterKey(cluster), [], () => mirrorKinds(version).kinds);
    const lost = Object.entries(allMarks(content)).flatMap(([source, mark]) => (mark === "tag-only" ? [source] : []));
    if (kinds?.includes("ITMS") !== false || lost.length === 0) return [];
    const reason = `OpenShift ${version ?? ""} redirects pulls by digest only, and these images lost theirs: ${lost.join(", ")}`;
    const fix = "archive them with their digests: skopeo copy --all --preserve-digests docker://<image> dir:<folder>";
    return [{ key: "site.content", problem: withClusterName(cluster, reason), fix }];
}

/** What only all images together can show: hosts that are not allowed, names that do not fit, names that collide. */
export function imageIssues(
    content: readonly Content[],
    mirror: MirrorBase | undefined,
    upstreams: readonly string[],
): ConfigIssue[] {
    const issues: ConfigIssue[] = [];
    const references = content.map((set, i) => readReferences(set, `site.content[${i}].lock`, mirror, issues));
    const local = localRepositories(content);
    const unlisted = new Map<string, string>();
    references.forEach((all, i) => {
        for (const reference of all) {
            if (upstreams.includes(reference.registry) || local.has(repositoryName(reference))) continue;
            unlisted.set(reference.registry, content[i]?.lock ?? "");
        }
    });
    for (const [host, lock] of unlisted) {
        const fix = `add ${host} to the list if its images are wanted here`;
        issues.push({ key: "site.upstreams", problem: `${lock} has images of ${host}, which is not listed`, fix });
    }
    for (const { location, hosts } of mirror === undefined ? [] : mirrorConflicts(mirror, references.flat())) {
        const problem = `${hosts.join(" and ")} would both be stored at ${location}`;
        issues.push({ key: "site.content", problem, fix: "mirror one of them under another host name" });
    }
    return issues;
}

function readReferences(
    { images }: Content,
    key: string,
    mirror: MirrorBase | undefined,
    issues: ConfigIssue[],
): Reference[] {
    return Object.keys(images).flatMap((source) => {
        const reference = collectIssue(key, issues, () => parseSourceKey(source), "create the lock again");
        if (reference === undefined) return [];
        if (mirror !== undefined) {
            const fix = "shorten site.registry.mirrorBase";
            collectIssue(key, issues, () => mirrorReference(mirror, reference), fix);
        }
        return [reference];
    });
}
