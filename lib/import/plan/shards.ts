import { isAttachment } from "../../mirror/attachment-tag";
import type { ImageSet } from "../../mirror/image-set";
import type { Digest } from "../../oci/digest";
import { manifestTree } from "../image-task";
import type { ImagesBySource } from "./offline-plan";
import { type ImagePlan, type ImportPlan, imagesPayload } from "./plan";

/** One of several importers that push the same images side by side. */
export interface Shard {
    /** From 0. */
    readonly index: number;
    readonly of: number;
}

/** Which importer sends which blob. */
export type BlobOwners = ReadonlyMap<Digest, number>;

interface Weighed {
    readonly source: string;
    readonly blobs: readonly Digest[];
    readonly bytes: number;
}

/**
 * Splits the blobs of images among importers, by the lock alone: everybody comes to the same result, whatever the registry
 * has. A blob that several images share is sent by one importer. Blobs of an image stay together as far as the parts stay
 * even: no part differs from the mean by more than the largest blob.
 * @returns the blobs that the archive has
 * @throws PassthroughError `LOCK_INCOMPLETE`
 */
export function splitBlobs(images: ImagesBySource, set: ImageSet, shards: number): BlobOwners {
    const weighed = Object.entries(images).map(([source, digest]) => weigh(set, source, digest));
    const sizes = new Map(weighed.flatMap(({ blobs }) => blobs.map((digest) => [digest, set.blobs[digest] ?? 0])));
    const mean = [...sizes.values()].reduce((sum, size) => sum + size, 0) / shards;
    const loads = Array.from({ length: shards }, () => 0);
    const least = () => loads.indexOf(Math.min(...loads));
    const owners = new Map<Digest, number>();
    for (const { blobs } of weighed.sort(largestFirst)) {
        const home = least();
        const fresh = blobs.filter((digest) => !owners.has(digest));
        for (const digest of fresh.sort((a, b) => (sizes.get(b) ?? 0) - (sizes.get(a) ?? 0) || (a < b ? -1 : 1))) {
            const size = sizes.get(digest) ?? 0;
            const shard = (loads[home] ?? 0) + size <= mean ? home : least();
            owners.set(digest, shard);
            loads[shard] = (loads[shard] ?? 0) + size;
        }
    }
    return owners;
}

function weigh(set: ImageSet, source: string, digest: Digest): Weighed {
    const blobs = imageBlobs(set, digest);
    return { source, blobs, bytes: blobs.reduce((sum, blob) => sum + (set.blobs[blob] ?? 0), 0) };
}

function largestFirst(a: Weighed, b: Weighed): number {
    return b.bytes - a.bytes || (a.source < b.source ? -1 : 1);
}

/** Blobs of the archive that an image consists of, each once; none of an image that an earlier archive has. */
function imageBlobs(set: ImageSet, digest: Digest): Digest[] {
    if (set.manifests[digest] === undefined) return [];
    const blobs = manifestTree(set, digest).flatMap((node) => node.blobs ?? []);
    return [...new Set(blobs)].filter((blob) => set.blobs[blob] !== undefined);
}

/** The importer that puts an image of which nothing but manifests is missing. */
function homeOf(set: ImageSet, digest: Digest, owners: BlobOwners): number {
    return owners.get(imageBlobs(set, digest)[0] ?? digest) ?? 0;
}

/** The images that an importer has to ask the registry about: those with blobs of which it sends some. */
export function imagesOfShard(images: ImagesBySource, set: ImageSet, owners: BlobOwners, { index }: Shard) {
    const isOwn = ([, digest]: readonly [string, Digest]) =>
        homeOf(set, digest, owners) === index || imageBlobs(set, digest).some((blob) => owners.get(blob) === index);
    return Object.fromEntries(Object.entries(images).filter(isOwn));
}

/**
 * What one importer does of a plan: the images of which no other one sends a blob, and its blobs of the others, whose
 * manifests follow when all blobs are there. So do signatures: none may be seen before its image.
 * @param plan of `imagesOfShard`
 */
export function shardPlan(plan: ImportPlan, set: ImageSet, owners: BlobOwners, { index }: Shard): ImportPlan {
    const isOthers = (digest: Digest) => (owners.get(digest) ?? index) !== index;
    const push = plan.push.flatMap((image): ImagePlan[] => {
        const isHere = image.needs.length > 0 || homeOf(set, image.task.digest, owners) === index;
        if (isHere && !isAttachment(image.task) && !image.needs.some(isOthers)) return [image];
        const needs = image.needs.filter((digest) => !isOthers(digest));
        if (needs.length === 0) return [];
        const blobs = image.blobs.filter(({ digest }) => !isOthers(digest));
        return [{ ...image, needs, blobs, manifests: [], copies: [], isPart: true }];
    });
    return { ...plan, push, ...imagesPayload(push) };
}
