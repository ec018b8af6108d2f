import type { ClusterFacts } from "../../mirror/cluster-facts";
import { unsignedComponentNotes, unsignedReleaseNotes, unsignedReleases } from "./unsigned-releases";

/**
 * What would stop an update to a site's releases, as sentences.
 * @param images source reference -> digest
 * @param served the repositories of releases at the mirror, if there is an update service for them
 */
export function releaseNotes(
    { releases, signatures }: Pick<ClusterFacts, "releases" | "signatures">,
    images: Readonly<Record<string, string>>,
    served: readonly string[],
): string[] {
    const sources = Object.keys(releases).sort();
    const unsigned = sources.filter((source) => signatures[images[source] ?? ""] === undefined);
    const [first, ...others] = served;
    return [
        ...(unsigned.length === 0
            ? []
            : [
                  `no signature came with ${unsigned.join(", ")}: clusters refuse to update to a release without one; ` +
                      "mirror it again without --ignore-release-signature",
              ]),
        ...unsignedReleaseNotes(unsignedReleases({ releases }, images)),
        ...unsignedComponentNotes({ releases }, images),
        ...(others.length === 0
            ? []
            : [`the update service offers the releases of ${first ?? ""} only, not those of ${others.join(", ")}`]),
    ];
}
