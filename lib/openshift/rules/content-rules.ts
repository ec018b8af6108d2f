import type { ImageMark } from "../../mirror/image-set";
import type { MirrorBase } from "../../mirror/mirror-reference";
import { parseSourceKey, repositoryName } from "../../oci/reference";
import { type MirrorRuleOptions, type MirrorRules, type MirroredHost, mirrorRules } from "./create-mirror-objects";
import { registriesConf } from "./registries-conf";
import { formatRegistriesConf } from "./registries-toml";

/** What the cluster's side of a site says about its rules. */
export interface ClusterPolicy {
    /** Absent: the newest. */
    readonly version?: string | undefined;
    readonly contactSource: "allow" | "never";
    /** Of the objects; default: those of `mirrorRules`. */
    readonly names?: MirrorRuleOptions["names"];
}

/** A site's images, by source reference. */
export interface ContentImages {
    readonly images: Readonly<Record<string, string>>;
    /** Those whose digest is not upstream's. */
    readonly marks?: Readonly<Record<string, ImageMark>> | undefined;
    /** `host/path` of those that have no upstream: nothing pulls them by that name, so they need no rule. */
    readonly local?: ReadonlySet<string> | undefined;
}

/** The rules for some content, and what a node makes of them. */
export interface ContentRules extends MirrorRules {
    /** TOML. */
    readonly registriesConf: string;
}

/**
 * The mirror rules for a site's content: only for hosts that have some.
 * @throws PassthroughError as `mirrorRules` and `registriesConf` do
 */
export function contentRules(
    base: MirrorBase,
    content: ContentImages,
    { version, contactSource, names = {} }: ClusterPolicy,
): ContentRules {
    const rules = mirrorRules({ base, hosts: mirroredHosts(content), contactSource, clusterVersion: version, names });
    return { ...rules, registriesConf: formatRegistriesConf(registriesConf(rules.objects, version)) };
}

/** An image whose digest is not upstream's is no content for pulls by digest. */
function mirroredHosts({ images, marks = {}, local }: ContentImages): MirroredHost[] {
    const hosts = new Map<string, { tags: boolean; digests: boolean }>();
    for (const source of Object.keys(images)) {
        const { registry, repository, tag } = parseSourceKey(source);
        if (local?.has(repositoryName({ registry, repository })) === true) continue;
        const host = hosts.get(registry) ?? { tags: false, digests: false };
        hosts.set(registry, {
            tags: host.tags || tag !== undefined,
            digests: host.digests || marks[source] === undefined,
        });
    }
    return [...hosts].map(([host, forms]) => ({ host, ...forms }));
}
