import type { ClusterFacts } from "../../mirror/cluster-facts";
import { parseSourceKey, repositoryName } from "../../oci/reference";
import { signatureTag } from "../../signatures";
import { parseClusterVersion } from "../versions";

/** From here on a cluster pulls no release image without a sigstore signature (cluster-update-keys, ClusterImagePolicy). */
const SIGSTORE_SINCE = { major: 4, minor: 21 };

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
    const withoutSigstore = sources.filter(
        (source) => needsSigstore(releases[source] ?? "") && !hasSigstoreImage(source, images),
    );
    const [first, ...others] = served;
    return [
        ...noteFor(
            unsigned,
            (names) =>
                `no signature came with ${names}: clusters refuse to update to a release without one; mirror it again ` +
                "without --ignore-release-signature",
        ),
        ...noteFor(
            withoutSigstore,
            (names) =>
                `no sigstore signature (sha256-….sig) came with ${names}: from 4.21 on nodes refuse such a release image; ` +
                "mirror it again with oc-mirror of 4.19 or later, without --remove-signatures",
        ),
        ...(others.length === 0
            ? []
            : [`the update service offers the releases of ${first ?? ""} only, not those of ${others.join(", ")}`]),
    ];
}

function hasSigstoreImage(source: string, images: Readonly<Record<string, string>>): boolean {
    const tag = signatureTag(images[source] ?? "");
    return images[`${repositoryName(parseSourceKey(source))}:${tag}`] !== undefined;
}

function needsSigstore(version: string): boolean {
    try {
        const { major, minor } = parseClusterVersion(version);
        return major > SIGSTORE_SINCE.major || minor >= SIGSTORE_SINCE.minor;
    } catch {
        return false;
    }
}

function noteFor(sources: readonly string[], sentence: (names: string) => string): string[] {
    return sources.length === 0 ? [] : [sentence(sources.join(", "))];
}
