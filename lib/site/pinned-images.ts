import { listed } from "../errors/text";
import { isAttachment } from "../mirror/attachment-tag";
import { NamePattern } from "../mirror/name-pattern";
import { type Reference, parseSourceKey, repositoryName } from "../oci/reference";
import {
    MAX_PINNED_BEFORE,
    MAX_PINNED_IMAGES,
    type PinnedImageSet,
    hasPinnedImages,
    isPinnable,
    parseClusterVersion,
    pinnedImageSets,
} from "../openshift";
import type { ConfigIssue } from "./config-issue";
import { clusterKey } from "./clusters";
import { type Content, allImages, allMarks } from "./content";
import { collectIssue } from "./issues";
import type { ClusterRules, SiteCluster } from "./mirror-policy";
import { patternIssues } from "./pattern-issues";
import type { PinRules } from "./pin-rules";

/** What of a site's content is pinned on nodes. */
interface PinnedImages {
    /** `quay.io/org/app@sha256:…`, sorted, each once. */
    readonly images: readonly string[];
    /** Images that the patterns want, and whose names the API does not take. */
    readonly refused: readonly string[];
    /** Patterns that match no image. */
    readonly unused: readonly string[];
}

/** How many images a note names. */
const MAX_NAMES = 5;
/** Of the names of sets in files: `passthrough-worker-1`. */
const FILE_PREFIX = "passthrough";

/**
 * The images of a site that nodes can have beforehand, under the upstream names that pods have. Left out is what no node
 * pulls by the name and digest that it has upstream: images that lost their digest or were rebuilt, catalogs and the
 * update graph, which are pulled by their names at the mirror, and what is no image that runs: signatures, artifacts.
 */
function pinnedImages(content: readonly Content[], { images: texts }: PinRules): PinnedImages {
    const marks = allMarks(content);
    const others = new Set(
        content.flatMap(({ cluster, artifacts = [] }) => [
            ...(cluster?.catalogs ?? []),
            ...(cluster?.graphImage === undefined ? [] : [cluster.graphImage]),
            ...artifacts,
        ]),
    );
    const patterns = texts?.map((text) => ({ text, pattern: new NamePattern(text) }));
    const unused = new Set(texts);
    const found = new Set<string>();
    for (const [source, digest] of Object.entries(allImages(content))) {
        const reference = parseSourceKey(source);
        if (marks[source] !== undefined || others.has(source) || isAttachment(reference)) continue;
        const names = namesOf(source, reference, digest);
        const wanting = patterns?.filter(({ pattern }) => names.some((name) => pattern.matches(name)));
        for (const { text } of wanting ?? []) unused.delete(text);
        if (wanting?.length !== 0) found.add(`${repositoryName(reference)}@${digest}`);
    }
    const all = [...found].sort();
    return {
        images: all.filter(isPinnable),
        refused: all.filter((image) => !isPinnable(image)),
        unused: [...unused],
    };
}

/** Under which an image is known: `host/path`, `host/path:tag`, `host/path@digest`. */
function namesOf(source: string, reference: Reference, digest: string): string[] {
    const repository = repositoryName(reference);
    return [repository, source, `${repository}@${digest}`];
}

/** The objects that pin them, for a cluster that is to have some; and what people should know, as sentences. */
export function clusterPins(
    content: readonly Content[],
    { pin, names, version }: ClusterRules,
): { readonly sets: readonly PinnedImageSet[]; readonly notes: readonly string[] } {
    const isServed = hasPinnedImages(version === undefined ? undefined : parseClusterVersion(version));
    if (pin === undefined || !isServed) return { sets: [], notes: [] };
    const { images, refused, unused } = pinnedImages(content, pin);
    const notes = [
        ...(images.length === 0 && content.length > 0 ? ["pin: no image of the content can be pinned on nodes"] : []),
        ...(images.length <= MAX_PINNED_BEFORE
            ? []
            : [
                  `pin: ${images.length} images; nodes of releases before May 2026 may never be done with more than ` +
                      `${MAX_PINNED_BEFORE} (OCPBUGS-77140)`,
              ]),
        ...(unused.length === 0 ? [] : [`pin.images: no image of the content matches ${listed(unused, MAX_NAMES)}`]),
        ...(refused.length === 0
            ? []
            : [
                  `pin: a PinnedImageSet takes a host with a dot and at most two parts of a path, so these are not pinned: ` +
                      listed(refused, MAX_NAMES),
              ]),
    ];
    return { sets: pinnedImageSets(images, pin.pools, names?.policy ?? FILE_PREFIX), notes };
}

/** A version whose nodes pin nothing, patterns that can match none, and more images than a node keeps. */
export function pinIssues(content: readonly Content[], cluster: SiteCluster): ConfigIssue[] {
    const { pin, version: text } = cluster;
    if (pin === undefined) return [];
    const key = `${clusterKey(cluster)}.pin`;
    // A version that is none has an issue of its own.
    const version = text === undefined ? undefined : collectIssue(key, [], () => parseClusterVersion(text));
    const isServed = (text !== undefined && version === undefined) || hasPinnedImages(version);
    const issues = patternIssues(`${key}.images`, pin.images);
    if (!isServed) {
        const isUnclear = version?.minor === 19 && version.patch === undefined;
        const problem = `nodes pin images from OpenShift 4.19.12 on, and ${clusterKey(cluster)}.version is ${text ?? ""}`;
        const fix = isUnclear ? 'write the whole version, as in "4.19.12", or leave pin out' : "leave it out";
        issues.push({ key, problem, fix });
    }
    const { images } = pinnedImages(content, pin);
    if (images.length > MAX_PINNED_IMAGES) {
        const problem = `${images.length} images would be pinned, and a node keeps track of ${MAX_PINNED_IMAGES} at most`;
        const fix = "name those that must run without the registry: pin: { images: [quay.io/org/app] }";
        issues.push({ key: `${key}.images`, problem, fix });
    }
    return issues;
}
