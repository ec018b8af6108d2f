import type { MirrorBase } from "../mirror/mirror-reference";
import { type ClusterFunction, type MirrorObject, type Target, contentRules } from "../openshift";
import { type Content, allImages, allMarks, localRepositories } from "./content";

/** The clusters that pull from a site. */
export interface SiteCluster {
    /** `4.18.20` or `4.18`; absent: the newest. */
    readonly version?: string;
    /** Whether nodes may pull from the upstream what the mirror lacks. */
    readonly contactSource: "allow" | "never";
    /** What else pulls from the mirror. */
    readonly targets?: readonly Target[];
    /** What the program does there, for roles. */
    readonly roles?: readonly ClusterFunction[];
}

/** What redirects a cluster's pulls to the mirror. */
export interface MirrorPolicy {
    readonly objects: readonly MirrorObject[];
    /** What a node generates from them, TOML. */
    readonly registriesConf: string;
    /** What people should know, as sentences. */
    readonly notes: readonly string[];
}

/** What a cluster pulls from a mirror. */
export interface MirroredContent {
    readonly content: readonly Content[];
    /** Hosts that were configured by name. Those without content are named in a note. */
    readonly upstreams?: readonly string[] | undefined;
    readonly cluster: SiteCluster;
}

/**
 * The mirror rules for a site's content: only for hosts that have some.
 * @throws PassthroughError as `contentRules` does
 */
export function mirrorPolicy({ content, upstreams = [], cluster }: MirroredContent, mirror: MirrorBase): MirrorPolicy {
    const images = { images: allImages(content), marks: allMarks(content), local: localRepositories(content) };
    const { objects, registriesConf, sources, notes } = contentRules(mirror, images, cluster);
    const unused = upstreams.filter((host) => !sources.includes(host));
    const noRule = unused.length === 0 ? [] : [`no rule yet, since there is no content, for: ${unused.join(", ")}`];
    return { objects, registriesConf, notes: [...notes, ...noRule] };
}
