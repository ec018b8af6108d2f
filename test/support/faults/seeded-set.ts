import { MemoryImageSet } from "../image-set";
import type { Random } from "./random";

export interface SeededShape {
    /** Each in a repository of its own. */
    readonly images?: number;
    /** Layers of its own that each image has. */
    readonly layers?: number;
    /** Bytes of a layer, from and to. */
    readonly size?: readonly [least: number, most: number];
    /** Layers that all images have, to be mounted. */
    readonly shared?: number;
}

/** A set whose every byte comes from the round's seed; the first image is an index of two. */
export function seededSet(random: Random, shape: SeededShape = {}): MemoryImageSet {
    const { images = 2, layers = 1, size = [1000, 200_000], shared = 1 } = shape;
    const set = new MemoryImageSet((length) => random.bytes(length));
    const layer = () => set.blob(random.bytes(random.between(...size)));
    const bases = Array.from({ length: shared }, layer);
    const manifest = () => set.manifest([...bases, ...Array.from({ length: layers }, layer)]);
    for (let number = 0; number < images; number++) {
        const digest = number === 0 ? set.index([manifest(), manifest()]) : manifest();
        set.image(`quay.io/org${number % 2}/app${number}:1`, digest);
    }
    return set;
}
