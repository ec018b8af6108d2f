import { intendedMirrorBase } from "../mirror/mirror-reference";
import type { OnRemove } from "../mirror/on-remove";
import type { NetworkAccess } from "../openshift";
import type { SignaturePolicy } from "../signatures";
import { archivePlaceIssues } from "./archive-place-issues";
import { type Content, readContent } from "./content";
import { DEFAULT_CLUSTER, clusterIssues, clusterKey, readClusters } from "./clusters";
import { imageIssues, readUpstreams, tagOnlyIssues } from "./content-issues";
import type { ConfigIssue } from "./config-issue";
import { mergeDocuments, parseSiteDocument } from "./document";
import { type ClusterDeployment, readDeployment } from "./deploy";
import type { HostDeployment } from "./host-deploy";
import { type InstallerDeployment, readInstallation } from "./installer-deploy";
import { collectIssue } from "./issues";
import { kindIssues } from "./kind-issues";
import { quotaIssues } from "./quota-issues";
import { pinIssues } from "./pinned-images";
import { type SiteCluster, mirrorPolicy } from "./mirror-policy";
import { readNetworkAccess } from "./network-access";
import { targetFiles } from "./target-files";
import { type SiteContext, plainHttpIssues, readRegistry } from "./read-registry";
import type { SiteRegistry } from "./registry";
import { type SiteCertificate, readSiteCertificate } from "./registry-certificate";
import { readSignaturePolicies } from "./signatures";
import { robotsKeys } from "./robot-keys";
import { type SiteDocument, onRemoveKey, transferKeys, validationKeys } from "./schema";

/** A site, read and checked: everything that decides which resources there are. Holds no secret. */
export interface Site {
    readonly registry: SiteRegistry;
    /** How the registry's certificate comes about; absent: it is no part of the site. */
    readonly certificate?: SiteCertificate;
    /** Where the program runs the registry itself; absent: the registry is there. */
    readonly deployment?: ClusterDeployment | HostDeployment;
    /** Where the registry's own installer sets it up; absent: the registry is there. */
    readonly installation?: InstallerDeployment;
    /** Canonical hosts that content may come from; absent: the default list. */
    readonly upstreams?: readonly string[];
    readonly content: readonly Content[];
    /** At least one; the name of the only one of `site.cluster` is "". */
    readonly clusters: readonly SiteCluster[];
    /** Who must have signed images; empty: nobody. */
    readonly signatures: readonly SignaturePolicy[];
    /** Who may reach the registry; absent: no files for firewalls. */
    readonly networkAccess?: NetworkAccess;
    /** Blobs uploaded at the same time. */
    readonly concurrency: number;
    /** Images that each validation reads byte for byte. */
    readonly wholeImages: number;
    /** Whether a namespace that already exists may be taken over. */
    readonly adopt: boolean;
    /** Bytes for the namespace. */
    readonly quota?: number;
    readonly robots: SiteRobots;
    /** What happens to images of this stack that no set lists any more. */
    readonly onRemove: OnRemove;
}

/** When robot accounts are replaced: lifetimes in days, and texts that replace them whenever they change. */
export interface SiteRobots {
    /** Of both accounts. */
    readonly rotate?: string;
    readonly importer: { readonly maxAge: number; readonly rotate?: string; readonly rotation?: "in-place" };
    readonly puller: {
        /** Absent: each rotation creates a new generation. */
        readonly rotation?: "in-place";
        readonly rotate?: string;
        readonly maxAge: number;
        /** For which a puller that was replaced stays valid. */
        readonly overlap: number;
    };
}

/**
 * Reads a site from its configuration: defaults merged under it, every issue reported at once, by key, without access to
 * the network, an archive or a cluster.
 * @returns the site only if there is no issue
 */
export function readSite(
    document: unknown,
    defaults: unknown,
    context: SiteContext,
): { site?: Site; issues: ConfigIssue[] } {
    const { site: parsed, issues } = parseSiteDocument(mergeDocuments(defaults, document) ?? {});
    if (parsed === undefined) return { issues };
    const { content, locked, issues: contentIssues } = readContent(parsed.content, context);
    const registry = readRegistry(parsed, context, issues);
    const mirror = registry?.mirror ?? intendedMirrorBase(parsed.registry.mirrorBase);
    const certificate = readSiteCertificate(parsed.registry, { mirror, ca: registry?.ca }, context, issues);
    const upstreams = readUpstreams(parsed, issues);
    const networkAccess = readNetworkAccess(parsed, mirror?.host, issues);
    const signatures = readSignaturePolicies(parsed.signatures, context.read, issues);
    issues.push(
        ...contentIssues,
        ...clusterIssues(parsed, issues),
        ...plainHttpIssues(parsed, mirror),
        ...kindIssues(parsed, mirror),
        ...quotaIssues(parsed.registry.quota, locked),
    );
    const clusters = readClusters(parsed, context.stack);
    const deployment = readDeployment(parsed, { registry, clusters, certificate }, context, issues);
    const installation = readInstallation(parsed, { certificate }, issues);
    issues.push(
        ...archivePlaceIssues(parsed, clusters),
        ...imageIssues(content, mirror, upstreams),
        ...clusters.flatMap((cluster) => [...tagOnlyIssues(content, cluster), ...pinIssues(content, cluster)]),
    );
    if (registry === undefined || issues.length > 0) return { issues };
    const site = {
        ...createSite(parsed, { registry, content, clusters, upstreams, signatures }),
        ...(certificate === undefined ? {} : { certificate }),
        ...(deployment === undefined ? {} : { deployment }),
        ...(installation === undefined ? {} : { installation }),
        ...(networkAccess === undefined ? {} : { networkAccess }),
    };
    for (const cluster of clusters) {
        const key = clusterKey(cluster);
        // Rules that would forbid their own mirror.
        collectIssue(`${key}.contactSource`, issues, () => mirrorPolicy({ ...site, cluster }, registry.mirror));
        collectIssue(`${key}.targets`, issues, () => targetFiles({ ...site, cluster }, registry));
    }
    return issues.length > 0 ? { issues } : { site, issues };
}

/** What is not taken from the document as it is. */
type SiteParts = Required<Pick<Site, "registry" | "content" | "clusters" | "upstreams" | "signatures">>;

function createSite(parsed: SiteDocument, { upstreams, ...read }: SiteParts): Site {
    const { transfer, validation } = parsed;
    return {
        ...read,
        ...(parsed.upstreams === undefined ? {} : { upstreams }),
        concurrency: transfer.concurrency,
        wholeImages: validation.wholeImages,
        adopt: parsed.registry.adopt ?? false,
        ...(parsed.registry.quota === undefined ? {} : { quota: parsed.registry.quota }),
        robots: robotLifetimes(parsed.robots ?? robotsKeys.parse({})),
        onRemove: parsed.onRemove,
    };
}

/** Days. */
const DEFAULT_OVERLAP = 7;

function robotLifetimes({ rotate, rotation, importer, puller }: NonNullable<SiteDocument["robots"]>): SiteRobots {
    const { maxAge, overlap = Math.min(DEFAULT_OVERLAP, Math.floor(maxAge / 3)) } = puller;
    return {
        ...rotateValue(rotate),
        importer: {
            maxAge: importer.maxAge,
            ...rotateValue(importer.rotate),
            ...rotationValue(importer.rotation ?? rotation),
        },
        puller: { maxAge, overlap, ...rotateValue(puller.rotate), ...rotationValue(puller.rotation ?? rotation) },
    };
}

/** Absent for generations, which the state of stacks does not name. */
function rotationValue(rotation: "generations" | "in-place"): { readonly rotation?: "in-place" } {
    return rotation === "in-place" ? { rotation } : {};
}

function rotateValue(rotate: string | undefined): { readonly rotate?: string } {
    return rotate === undefined ? {} : { rotate };
}

/** What a site has that sets none of this. */
export const SITE_DEFAULTS = {
    ...transferKeys.parse({}),
    ...validationKeys.parse({}),
    onRemove: onRemoveKey.parse(undefined),
    clusters: [DEFAULT_CLUSTER],
    robots: robotLifetimes(robotsKeys.parse({})),
} as const;
