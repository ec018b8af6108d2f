import { type Site, localRepositories } from "../lib/site";
import type { ImageMark } from "../lib/mirror/image-set";
import { contentRules, formatObjects } from "../lib/openshift";

/** What redirects a cluster's pulls to the mirror. Plain values: they follow from config and locks alone. */
export interface MirrorPolicy {
    /** The mirror objects as one YAML document each. */
    readonly mirrorRules: string;
    /** What a node makes of them, as TOML. */
    readonly registriesConf: string;
    /** What people should know, as sentences. */
    readonly notes: readonly string[];
}

/** The rules for a site's content: only for hosts that have some; the other allowed hosts are named in the notes. */
export function mirrorPolicy(
    site: Site,
    images: Readonly<Record<string, string>>,
    marks: Readonly<Record<string, ImageMark>>,
): MirrorPolicy {
    const local = localRepositories(site.content);
    const rules = contentRules(site.registry.mirror, { images, marks, local }, site.cluster);
    const idle = site.upstreams.filter((host) => !rules.sources.includes(host));
    const noRule = idle.length === 0 ? [] : [`no rule yet, since there is no content, for: ${idle.join(", ")}`];
    return {
        mirrorRules: formatObjects(rules.objects),
        registriesConf: rules.registriesConf,
        notes: [...rules.notes, ...noRule],
    };
}
