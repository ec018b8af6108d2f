import type { ClusterFacts } from "../lib/mirror/cluster-facts";
import { digestHex } from "../lib/oci/digest";
import { parseSourceKey, repositoryName } from "../lib/oci/reference";
import { parseClusterVersion } from "../lib/openshift";

/** From here on a cluster pulls no release image without a sigstore signature (cluster-update-keys, ClusterImagePolicy). */
const SIGSTORE_SINCE = { major: 4, minor: 21 };

/**
 * What would stop an update to a site's releases, as sentences.
 * @param served the repositories of releases at the mirror, if there is an update service for them
 */
export function releaseNotes(
    { releases, signatures }: ClusterFacts,
    images: Readonly<Record<string, string>>,
    served: readonly string[],
): string[] {
    const computeDigest = (source: string): string => images[source] ?? "";
    const sources = Object.keys(releases).sort();
    const unsigned = sources.filter((source) => signatures[computeDigest(source)] === undefined);
    const unsealed = sources.filter((source) => {
        const tag = `sha256-${digestHex(computeDigest(source))}.sig`;
        return (
            needsSigstore(releases[source] ?? "") &&
            images[`${repositoryName(parseSourceKey(source))}:${tag}`] === undefined
        );
    });
    const [first, ...others] = served;
    return [
        ...note(unsigned, (named) => {
            return (
                `no signature came with ${named}: clusters refuse to update to a release without one; mirror it again ` +
                "without --ignore-release-signature"
            );
        }),
        ...note(unsealed, (named) => {
            return (
                `no sigstore signature (sha256-….sig) came with ${named}: from 4.21 on nodes refuse such a release image; ` +
                "mirror it again with oc-mirror of 4.19 or later, without --remove-signatures"
            );
        }),
        ...(others.length === 0
            ? []
            : [`the update service offers the releases of ${first ?? ""} only, not those of ${others.join(", ")}`]),
    ];
}

function needsSigstore(version: string): boolean {
    try {
        const { major, minor } = parseClusterVersion(version);
        return major > SIGSTORE_SINCE.major || minor >= SIGSTORE_SINCE.minor;
    } catch {
        return false;
    }
}

function note(sources: readonly string[], sentence: (named: string) => string): string[] {
    return sources.length === 0 ? [] : [sentence(sources.join(", "))];
}
