const MiB = 1024 * 1024;

/**
 * One image to be made: its layers by seed and size; layers of one seed are one blob.
 *
 * @typedef {{source: string, layers: {seed: string, size: number}[]}} ImageShape
 */

/**
 * The content of the works, as docs/benchmarks.md describes them.
 *
 * @type {Record<"A" | "B" | "C" | "E" | "G" | "G-next" | "G-changed" | "H" | "H-thin" | "K", () => ImageShape[]>}
 */
export const shapes = {
    A: () => [{ source: name("one", 0), layers: [{ seed: "A", size: 2048 * MiB }] }],
    B: () =>
        times(40, (at) => ({
            source: name("app", at),
            layers: [
                { seed: `B base ${at % 4}`, size: 128 * MiB },
                { seed: `B own ${at}`, size: 32 * MiB },
            ],
        })),
    C: () =>
        times(200, (at) => ({
            source: name("small", at),
            layers: times(10, (layer) => ({ seed: `C ${at} ${layer}`, size: 512 * 1024 })),
        })),
    G: () => releasedImages(0),
    "G-next": () => releasedImages(CHANGED),
    "G-changed": () => releasedImages(CHANGED).slice(0, CHANGED),
    H: () => lineImages(80, 720 * 1024),
    "H-thin": () => lineImages(20, 256 * 1024),
    K: () => times(20, (at) => ({ source: name("catalog", at), layers: [{ seed: `K ${at}`, size: 64 * 1024 }] })),
    E: () => times(1000, (at) => ({ source: name("tiny", at), layers: [{ seed: `E ${at}`, size: 1024 }] })),
};

/** Of the 100 images of work G. */
const CHANGED = 5;

/**
 * 100 images on four bases; the first of them have another layer of their own than in the release before.
 *
 * @param {number} changed
 */
function releasedImages(changed) {
    return times(100, (at) => ({
        source: name("app", at),
        layers: [
            { seed: `G base ${at % 4}`, size: 32 * MiB },
            { seed: `G own ${at}${at < changed ? " again" : ""}`, size: 16 * MiB },
        ],
    }));
}

/**
 * One of the sets of work I: 500 images of five small layers, which with their configs are 3,000 blobs.
 *
 * @param {number} set
 * @returns {ImageShape[]}
 */
export function smallSet(set) {
    return times(500, (at) => ({
        source: name(`set${String(set).padStart(2, "0")}-`, at),
        layers: times(5, (layer) => ({ seed: `I ${set} ${at} ${layer}`, size: 512 })),
    }));
}

/** Two blobs an image, one of them of its own size. @param {number} count @param {number} mean bytes */
function lineImages(count, mean) {
    return times(count, (at) => ({
        source: name("line", at),
        layers: [{ seed: `H ${mean} ${at}`, size: Math.round((mean * (1 + (at % 8) * 0.25)) / 1.875) }],
    }));
}

/** @param {string} stem @param {number} at */
function name(stem, at) {
    return `quay.io/bench/${stem}${String(at).padStart(4, "0")}:v1`;
}

/** @template T @param {number} count @param {(at: number) => T} make @returns {T[]} */
function times(count, make) {
    return Array.from({ length: count }, (_, at) => make(at));
}
