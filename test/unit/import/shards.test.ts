import fc from "fast-check";
import { imagesOfShard, shardPlan, splitBlobs } from "../../../lib/import";
import type { ImagePlan, ImportPlan } from "../../../lib/import/plan/plan";
import { type Digest, computeDigest } from "../../../lib/oci/digest";
import { MemoryImageSet } from "../../support/image-set";

/** A set by the sizes of blobs, and which of them each image has. */
function setOf(sizes: readonly number[], images: readonly (readonly number[])[]): MemoryImageSet {
    let made = 0;
    const content = new MemoryImageSet((length) => Buffer.alloc(length, `${++made}-`));
    const blobs = sizes.map((size, index) => content.blob(Buffer.alloc(size, `blob ${index}-`)));
    images.forEach((has, index) => {
        const layers = [...new Set(has)].flatMap((one) => blobs[one] ?? []);
        content.image(`quay.io/org/app${index}:1`, content.manifest(layers));
    });
    return content;
}

const shapes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 60 }).chain((sizes) =>
    fc.tuple(
        fc.constant(sizes),
        fc.array(fc.array(fc.nat(sizes.length - 1), { minLength: 1, maxLength: 8 }), {
            minLength: 1,
            maxLength: 20,
        }),
        fc.integer({ min: 1, max: 8 }),
    ),
);

function loadsOf({ set }: MemoryImageSet, owners: ReadonlyMap<Digest, number>, shards: number): number[] {
    const loads = Array.from({ length: shards }, () => 0);
    for (const [digest, shard] of owners) loads[shard] = (loads[shard] ?? 0) + (set.blobs[digest] ?? 0);
    return loads;
}

test("every blob has one owner, and no part differs from the mean by more than the largest blob", () => {
    fc.assert(
        fc.property(shapes, ([sizes, images, shards]) => {
            const content = setOf(sizes, images);
            const { set } = content;
            const owners = splitBlobs(set.images, set, shards);
            const wanted = Object.values(set.manifests).flatMap(({ blobs = [] }) => blobs);
            expect(new Set(owners.keys())).toEqual(new Set(wanted));
            const loads = loadsOf(content, owners, shards);
            const mean = loads.reduce((sum, load) => sum + load, 0) / shards;
            const largest = Math.max(...wanted.map((digest) => set.blobs[digest] ?? 0));
            for (const load of loads) expect(Math.abs(load - mean)).toBeLessThanOrEqual(largest + 1e-6);
            // The order of the images decides nothing.
            const reversed = Object.fromEntries(Object.entries(set.images).reverse());
            expect([...splitBlobs(reversed, set, shards)].sort()).toEqual([...owners].sort());
        }),
        { numRuns: 60 },
    );
});

test("blobs that share much are split within 10 % where none of them is a tenth of a part", () => {
    const sizes = Array.from({ length: 240 }, (_, index) => 500 + ((index * 7919) % 3000));
    const images = Array.from({ length: 60 }, (_, index) => [0, 1, 2, 3, index * 4, index * 4 + 1, index * 4 + 2]);
    const content = setOf(sizes, images);
    for (const shards of [2, 3, 5, 8]) {
        const loads = loadsOf(content, splitBlobs(content.images, content.set, shards), shards);
        const mean = loads.reduce((sum, load) => sum + load, 0) / shards;
        for (const load of loads) expect(Math.abs(load - mean) / mean).toBeLessThan(0.1);
    }
});

/** The plan of an empty registry, one repository for each image. */
function planOf({ set }: MemoryImageSet, images: Readonly<Record<string, Digest>>): ImportPlan {
    const push = Object.entries(images).map(([source, digest]): ImagePlan => {
        const repository = `mirror/${source.slice(0, source.indexOf(":"))}`;
        const needs = set.manifests[digest]?.blobs ?? [];
        const blobs = needs.map((blob) => ({ repository, digest: blob, size: set.blobs[blob] ?? 0 }));
        const root = { mediaType: "m", size: 1, digest };
        const task = { source, digest, repository, tag: source.slice(source.indexOf(":") + 1) };
        return { task, blobs, needs, rootIsThere: false, manifests: [], copies: [], root, rootReference: "1" };
    });
    return { present: [], push, problems: [], bytes: 0, uploads: 0, mounts: 0 };
}

test("shards push whole images of which nobody else sends a blob, and blobs alone of the others; none pushes a signature", () => {
    const content = setOf([4000, 3900, 10, 20], [[0], [1], [0, 1, 2]]);
    const about = computeDigest("image").slice("sha256:".length);
    content.image(`quay.io/org/app0:sha256-${about}.sig`, content.manifest([content.blob(Buffer.alloc(30, "s"))]));
    const { set } = content;
    const owners = splitBlobs(set.images, set, 2);
    const parts = [0, 1].map((index) => {
        const shard = { index, of: 2 };
        return shardPlan(planOf(content, imagesOfShard(set.images, set, owners, shard)), set, owners, shard);
    });
    const whole = parts.map(({ push }) => push.filter(({ isPart }) => isPart !== true).map(({ task }) => task.source));
    const isOwn = (source: string, index: number) =>
        set.manifests[set.images[source] as Digest]?.blobs?.every((blob) => owners.get(blob) === index);
    const images = Object.keys(set.images).filter((source) => !source.endsWith(".sig"));
    expect(whole).toEqual([0, 1].map((index) => images.filter((source) => isOwn(source, index))));
    expect(whole.flat()).toHaveLength(1);
    // Each blob by its owner alone.
    parts.forEach(({ push }, index) => {
        for (const { digest } of push.flatMap(({ blobs }) => blobs)) expect(owners.get(digest)).toBe(index);
    });
    const sent = new Set(parts.flatMap(({ push }) => push.flatMap(({ needs }) => needs)));
    expect(sent).toEqual(new Set(owners.keys()));
});
