import type { ClusterFacts } from "../../mirror/cluster-facts";
import type { ImageSet } from "../../mirror/image-set";
import type { Digest } from "../../oci/digest";
import { parseSourceKey, repositoryName } from "../../oci/reference";
import { signatureTag } from "../../signatures";
import { type ClusterVersion, parseClusterVersion } from "../versions";

/** A release image for nodes of OpenShift 4.21 and later that has no sigstore signature: they refuse it. */
export interface UnsignedRelease {
    /** Source reference. */
    readonly image: string;
    readonly digest: Digest;
    /** `4.21.3` */
    readonly version: string;
}

/** What nodes run of an image: of an index, its children; of another one, itself. */
export type RunnableDigests = (digest: Digest) => readonly Digest[];

/** @param sets that hold the images; one that none of them holds counts as itself */
export function runnableDigests(sets: readonly Pick<ImageSet, "manifests">[]): RunnableDigests {
    return (digest) => sets.map(({ manifests }) => manifests[digest]?.manifests).find((found) => found) ?? [digest];
}

/** The scope of the policy that every cluster has from 4.21 on (openshift/cluster-update-keys, ClusterImagePolicy `openshift`). */
const RELEASE_SCOPE = "quay.io/openshift-release-dev/ocp-release";
/** What the policy covers, too, from 4.22 on: the images that a release is made of. */
const COMPONENT_SCOPE = /^quay\.io\/openshift-release-dev\/ocp-v\d+\.0-art-dev[:@]/;
const SIGNATURE_TAG = /:sha256-[0-9a-f]{64}\.sig$/;

/**
 * The releases of 4.21 and later under the scope of OpenShift's own policy, of which one of the manifests that nodes run
 * has no signature under its tag `sha256-<hex>.sig` among the images.
 * @param releases source reference -> the version that it says it is
 * @param images source reference -> digest
 */
export function unsignedReleases(
    { releases }: Pick<ClusterFacts, "releases">,
    images: Readonly<Record<string, Digest>>,
    runnable: RunnableDigests = (digest) => [digest],
): UnsignedRelease[] {
    return Object.entries(releases)
        .map(([image, version]) => ({ image, version, digest: images[image] ?? "" }))
        .filter(({ image, version, digest }) => {
            return digest !== "" && isPolicedRelease(image, version) && !isSigned(image, runnable(digest), images);
        })
        .sort((a, b) => (a.image < b.image ? -1 : 1));
}

/**
 * Those that were so before: the same release was there already, without a signature.
 * @param before source reference -> digest
 */
export function wasUnsigned(
    { image, digest }: UnsignedRelease,
    before: Readonly<Record<string, Digest>>,
    runnable: RunnableDigests,
): boolean {
    return before[image] === digest && !isSigned(image, runnable(digest), before);
}

/**
 * oc-mirror v2 can keep signatures from 4.19 on, and leaves them out by default until 4.20 (openshift/oc-mirror,
 * internal/pkg/cli/executor.go of release-4.19 to release-4.21).
 */
const SIGNATURES_KEPT = "oc-mirror of 4.21 or later (that of 4.19 or 4.20: with --remove-signatures=false)";

/** One sentence about all of them, with the fix; none if there are none. */
export function unsignedReleaseNotes(unsigned: readonly UnsignedRelease[]): string[] {
    if (unsigned.length === 0) return [];
    return [
        `no sigstore signature (sha256-….sig) came with ${unsigned.map(({ image }) => image).join(", ")}: from 4.21 on ` +
            `nodes refuse such a release image; mirror it again with ${SIGNATURES_KEPT}, and set ack-4.20-sigstore-in-4.21 in ConfigMap openshift-config/admin-acks only then`,
    ];
}

/** About images that releases are made of, where all releases are so new that their nodes ask for signatures of these, too. */
export function unsignedComponentNotes(
    { releases }: Pick<ClusterFacts, "releases">,
    images: Readonly<Record<string, Digest>>,
): string[] {
    const versions = Object.values(releases).map(tryParseVersion);
    if (versions.length === 0 || !versions.every((version) => isFrom(version, 22))) return [];
    const components = Object.keys(images).filter((image) => COMPONENT_SCOPE.test(image) && !SIGNATURE_TAG.test(image));
    const unsigned = components.filter((image) => !isSigned(image, [images[image] ?? ""], images));
    if (unsigned.length === 0) return [];
    return [
        `no sigstore signature (sha256-….sig) came with ${unsigned.length} of ${components.length} images that the ` +
            "releases are made of: the policy that clusters have from 4.22 on covers them; mirror them again with " +
            SIGNATURES_KEPT,
    ];
}

function isPolicedRelease(image: string, version: string): boolean {
    return repositoryName(parseSourceKey(image)) === RELEASE_SCOPE && isFrom(tryParseVersion(version), 21);
}

function isSigned(image: string, digests: readonly Digest[], images: Readonly<Record<string, Digest>>): boolean {
    const repository = repositoryName(parseSourceKey(image));
    return digests.every((digest) => images[`${repository}:${signatureTag(digest)}`] !== undefined);
}

/** Undefined where a release does not say its version, or says something else. */
function tryParseVersion(text: string): ClusterVersion | undefined {
    try {
        return parseClusterVersion(text);
    } catch {
        return undefined;
    }
}

function isFrom(version: ClusterVersion | undefined, minor: number): boolean {
    return version !== undefined && (version.major > 4 || version.minor >= minor);
}
