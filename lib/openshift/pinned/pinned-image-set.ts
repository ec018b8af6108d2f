import { createHash } from "node:crypto";
import type { KubernetesObject, ResourcePath } from "../../kubernetes/cluster-client";

/**
 * Images that every node of a pool pulls beforehand and keeps (machineconfiguration.openshift.io/v1, of OpenShift 4.19.12
 * and later).
 */
export interface PinnedImageSet {
    readonly apiVersion: "machineconfiguration.openshift.io/v1";
    readonly kind: "PinnedImageSet";
    readonly metadata: {
        readonly name: string;
        /** What pools select sets by: `machineconfiguration.openshift.io/role: worker`. */
        readonly labels: Readonly<Record<string, string>>;
    };
    readonly spec: { readonly pinnedImages: readonly { readonly name: string }[] };
}

/** One set as it is expected in a cluster and on the nodes of a pool. */
export interface ExpectedPins {
    /** `passthrough-site-a-worker-1` */
    readonly name: string;
    readonly pool: string;
    /** `imagesDigest` of what it pins. */
    readonly images: string;
}

export const PINNED_IMAGE_SETS: ResourcePath = {
    apiVersion: "machineconfiguration.openshift.io/v1",
    resource: "pinnedimagesets",
};

const ROLE = "machineconfiguration.openshift.io/role";
/** `maxItems` of `spec.pinnedImages`. */
const MAX_IMAGES_PER_SET = 500;

/**
 * Images that a node pins at most. Its daemon keeps 1024 images and sets in mind, and pulls with a time limit, after which
 * it goes on with those that it does not have in mind: with more of them it starts over each time, and never comes to the
 * end (machine-config-operator#6046; pkg/daemon/pinned_image_set.go).
 */
export const MAX_PINNED_IMAGES = 1000;
/** The same for daemons of before May 2026, which keep 256 in mind. */
export const MAX_PINNED_BEFORE = 250;

/** `maxLength`, and the rules of `spec.pinnedImages[].name`: a host with a dot, and at most two parts of a path. */
const MAX_NAME = 447;
const NAME =
    /^([a-zA-Z0-9-]+\.)+[a-zA-Z0-9-]+(:[0-9]{2,5})?\/([a-zA-Z0-9-_]{0,61}\/)?[a-zA-Z0-9-_.]*@sha256:[a-f0-9]{64}$/;

/** True for a name that the API takes: `host[:port][/namespace]/name@sha256:…`. */
export function isPinnable(image: string): boolean {
    return image.length <= MAX_NAME && NAME.test(image);
}

/**
 * The sets that pin images on the nodes of pools: for each pool the same ones. Which of a pool's sets an image is in depends
 * on its name alone, so that an image more or less changes one set; only where one would get more images than the API takes,
 * each of them becomes two.
 * @param images as `isPinnable` takes them, each once
 * @param prefix of the names of sets: `passthrough-site-a`
 */
export function pinnedImageSets(
    images: readonly string[],
    pools: readonly string[],
    prefix: string,
): readonly PinnedImageSet[] {
    const groups = groupImages(images).filter(({ names }) => names.length > 0);
    return pools.flatMap((pool) =>
        groups.map(({ names, number }) => ({
            apiVersion: "machineconfiguration.openshift.io/v1",
            kind: "PinnedImageSet",
            metadata: { name: `${prefix}-${pool}-${number}`, labels: { [ROLE]: pool } },
            spec: { pinnedImages: names.map((name) => ({ name })) },
        })),
    );
}

function groupImages(images: readonly string[]): { readonly names: readonly string[]; readonly number: number }[] {
    const hashed = [...images].sort().map((name) => ({ name, hash: sha256(name).readUInt32BE() }));
    for (let count = 1; ; count *= 2) {
        const groups = Array.from({ length: count }, (_, at) => ({
            names: hashed.filter(({ hash }) => hash % count === at).map(({ name }) => name),
            number: at + 1,
        }));
        if (groups.every(({ names }) => names.length <= MAX_IMAGES_PER_SET)) return groups;
    }
}

/** A set as a cluster has it. */
export interface LivePinnedImageSet extends KubernetesObject {
    readonly spec?: { readonly pinnedImages?: readonly { readonly name: string }[] };
}

export function pinnedNames(set: LivePinnedImageSet | undefined): string[] {
    return (set?.spec?.pinnedImages ?? []).map(({ name }) => name);
}

/** What tells sets with other images: the same for the same images in any order. */
export function imagesDigest(images: readonly string[]): string {
    return sha256([...images].sort().join("\n")).toString("hex");
}

/**
 * The images of one set.
 * @param images of all sets of its pool
 * @returns undefined if no set of these images is the expected one
 */
export function imagesOfSet(
    images: readonly string[],
    { images: digest }: ExpectedPins,
): readonly string[] | undefined {
    return groupImages(images).find(({ names }) => imagesDigest(names) === digest)?.names;
}

/** The sets as they are looked for on nodes. */
export function expectedPins(sets: readonly PinnedImageSet[]): ExpectedPins[] {
    return sets.map(({ metadata: { name, labels }, spec }) => ({
        ...{ name, pool: labels[ROLE] ?? "" },
        images: imagesDigest(spec.pinnedImages.map((image) => image.name)),
    }));
}

function sha256(text: string): Buffer {
    return createHash("sha256").update(text).digest();
}
