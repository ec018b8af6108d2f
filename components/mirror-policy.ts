import type { Site } from "../config";
import type { ImageMark } from "../lib/oci/content";
import { parseSourceKey } from "../lib/oci/reference";
import {
    type MirroredHost,
    formatMirrorRules,
    formatRegistriesConf,
    mirrorRules,
    registriesConf,
} from "../lib/openshift";

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
    const rules = mirrorRules({
        base: site.registry.mirrorBase,
        hosts: mirroredHosts(images, marks),
        contactSource: site.cluster.contactSource,
        clusterVersion: site.cluster.version,
    });
    const idle = site.upstreams.filter((host) => !rules.sources.includes(host));
    const noRule = idle.length === 0 ? [] : [`no rule yet, since there is no content, for: ${idle.join(", ")}`];
    return {
        mirrorRules: formatMirrorRules(rules.objects),
        registriesConf: formatRegistriesConf(registriesConf(rules.objects, site.cluster.version)),
        notes: [...rules.notes, ...noRule],
    };
}

/** An image whose digest is not upstream's is no content for pulls by digest. */
function mirroredHosts(
    images: Readonly<Record<string, string>>,
    marks: Readonly<Record<string, ImageMark>>,
): MirroredHost[] {
    const hosts = new Map<string, { tags: boolean; digests: boolean }>();
    for (const source of Object.keys(images)) {
        const { registry, tag } = parseSourceKey(source);
        const host = hosts.get(registry) ?? { tags: false, digests: false };
        hosts.set(registry, {
            tags: host.tags || tag !== undefined,
            digests: host.digests || marks[source] === undefined,
        });
    }
    return [...hosts].map(([host, forms]) => ({ host, ...forms }));
}
