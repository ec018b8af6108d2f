import type { MirrorBase } from "../mirror/mirror-reference";
import { type MirrorObject, contentRules } from "../openshift";
import { allImages, allMarks, localRepositories } from "./content";
import type { Site } from "./site";

/** What redirects a cluster's pulls to the mirror. */
export interface MirrorPolicy {
    readonly objects: readonly MirrorObject[];
    /** What a node generates from them, TOML. */
    readonly registriesConf: string;
    /** What people should know, as sentences. */
    readonly notes: readonly string[];
}

/**
 * The mirror rules for a site's content: only for hosts that have some; the notes name the other allowed hosts.
 * @throws PassthroughError as `contentRules` does
 */
export function mirrorPolicy(
    { content, upstreams, cluster }: Pick<Site, "content" | "upstreams" | "cluster">,
    mirror: MirrorBase,
): MirrorPolicy {
    const images = { images: allImages(content), marks: allMarks(content), local: localRepositories(content) };
    const { objects, registriesConf, sources, notes } = contentRules(mirror, images, cluster);
    const unused = upstreams.filter((host) => !sources.includes(host));
    const noRule = unused.length === 0 ? [] : [`no rule yet, since there is no content, for: ${unused.join(", ")}`];
    return { objects, registriesConf, notes: [...notes, ...noRule] };
}
