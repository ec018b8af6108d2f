import { PassthroughError } from "../errors/errors";

/** A cluster version, as far as rules depend on it. */
export interface ClusterVersion {
    readonly major: number;
    readonly minor: number;
    /** Absent where only `4.18` was given. */
    readonly patch?: number;
}

/** ImageContentSourcePolicy, ImageDigestMirrorSet, ImageTagMirrorSet. */
export type MirrorKind = "ICSP" | "IDMS" | "ITMS";

/** Which kinds a cluster takes, and what people should know about them. */
export interface MirrorKinds {
    readonly kinds: readonly MirrorKind[];
    /** Whole sentences. */
    readonly notes: readonly string[];
}

const VERSION = /^(\d+)\.(\d+)(?:\.(\d+))?(?:[-+][0-9A-Za-z.+-]+)?$/;

/** The first patch releases in which an ICSP may exist beside the new kinds, by minor release of OpenShift 4. */
const COEXISTENCE: Readonly<Record<number, number>> = { 13: 27, 14: 3 };

/**
 * Reads `4.18.20`, `4.18` or `4.20.0-rc.1`.
 * @throws PassthroughError `CLUSTER_VERSION_INVALID`
 */
export function parseClusterVersion(text: string): ClusterVersion {
    const match = VERSION.exec(text);
    const [, major, minor, patch] = match ?? [];
    if (Number(major ?? 0) < 4) {
        throw new PassthroughError(match === null ? "not a version" : "older than OpenShift 4", {
            code: "CLUSTER_VERSION_INVALID",
            thing: `cluster version ${JSON.stringify(text)}`,
            fix: 'write an OpenShift version such as "4.18.20" or "4.18", in quotes',
        });
    }
    return {
        major: Number(major),
        minor: Number(minor),
        ...(patch === undefined ? {} : { patch: Number(patch) }),
    };
}

/** True if the cluster knows IDMS and ITMS: 4.13 and later. */
export function hasMirrorSets(version: ClusterVersion | undefined): boolean {
    return version === undefined || version.major > 4 || version.minor >= 13;
}

/** True if one invalid source or mirror of an ICSP stops the operator from writing any rule: 4.16 and later. */
export function checksNames(version: ClusterVersion | undefined): boolean {
    return version === undefined || version.major > 4 || version.minor >= 16;
}

/** True if the cluster has OLM v1 and its ClusterCatalog: 4.18 and later. */
export function hasClusterCatalogs(version: ClusterVersion | undefined): boolean {
    return version === undefined || version.major > 4 || version.minor >= 18;
}

/** True if the cluster takes ClusterImagePolicy v1: 4.20 and later (before, v1alpha1 as a technology preview). */
export function hasImagePolicies(version: ClusterVersion | undefined): boolean {
    return version === undefined || version.major > 4 || version.minor >= 20;
}

/**
 * True if nodes pin images on request: PinnedImageSet v1, of 4.19.12 and later (openshift-docs#92741). A version without a
 * patch number is taken for the first one.
 */
export function hasPinnedImages(version: ClusterVersion | undefined): boolean {
    if (version === undefined || version.major > 4 || version.minor > 19) return true;
    return version.minor === 19 && (version.patch ?? 0) >= 12;
}

/**
 * True if the machine-config operator writes CAs of registries to nodes: 4.14 and later. Before, the DaemonSet `node-ca` of
 * the image registry's operator does.
 */
export function hasMachineTrust(version: ClusterVersion | undefined): boolean {
    return version === undefined || version.major > 4 || version.minor >= 14;
}

/** True if two versions get the same kinds of objects, and their nodes get CAs of registries in the same way. */
export function haveSameObjects(one: ClusterVersion | undefined, other: ClusterVersion | undefined): boolean {
    return [hasMirrorSets, hasClusterCatalogs, hasMachineTrust].every((has) => has(one) === has(other));
}

/**
 * True if ICSP and the new kinds may exist side by side (4.13.27, 4.14.3, 4.15 and later; a version without a patch
 * number is taken for the first one).
 */
export function mayMixKinds(version: ClusterVersion | undefined): boolean {
    if (version === undefined || version.major > 4) return true;
    return hasMirrorSets(version) && (version.patch ?? 0) >= (coexistenceStart(version) ?? 0);
}

/** The patch release from which on ICSP and the new kinds may exist side by side; undefined where all of them allow it, or none. */
export function coexistenceStart({ major, minor }: ClusterVersion): number | undefined {
    return major === 4 ? COEXISTENCE[minor] : undefined;
}

/**
 * Which kinds of mirror object to write for a cluster; undefined stands for the newest.
 * @throws PassthroughError `CLUSTER_VERSION_INVALID`
 */
export function mirrorKinds(clusterVersion: string | undefined): MirrorKinds {
    const version = clusterVersion === undefined ? undefined : parseClusterVersion(clusterVersion);
    if (!hasMirrorSets(version)) {
        return {
            kinds: ["ICSP"],
            notes: [
                `OpenShift ${clusterVersion} redirects pulls by digest only: pulls by tag go upstream. ` +
                    "Name images by digest, or upgrade to 4.13 or later.",
            ],
        };
    }
    return { kinds: ["IDMS", "ITMS"], notes: version === undefined ? [] : mirrorSetNotes(version) };
}

function mirrorSetNotes(version: ClusterVersion): string[] {
    if (version.major > 4) return [];
    const first = COEXISTENCE[version.minor];
    if (first !== undefined && !mayMixKinds(version)) {
        return [
            `Before 4.${version.minor}.${first} these objects are refused while the cluster has any ` +
                "ImageContentSourcePolicy: migrate every one of them first, or upgrade the patch release.",
        ];
    }
    if (version.minor === 20) {
        return [
            "On recent releases of 4.20 any mirror makes ClusterVersion report Upgradeable=False until the " +
                "acknowledgement ack-4.20-sigstore-in-4.21 is set in ConfigMap openshift-config/admin-acks: " +
                "mirror the sha256-….sig tags of the release before setting it.",
        ];
    }
    return [];
}
