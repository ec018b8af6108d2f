import { splitPlace } from "./places.mjs";

/**
 * A registry as its clients reach it.
 *
 * @typedef {Pick<import("../fresh-registry.mjs").FreshRegistry, "host" | "ca" | "certificates">} ReachedRegistry
 */

/**
 * One way to bring a work's content into a registry.
 *
 * @typedef {object} Contender
 * @property {string} name
 * @property {"ours" | "baseline" | "floor" | "peer"} role "baseline": another checkout of this project
 * @property {boolean} placesImages each image ends where it belongs: only then it is a peer, else a second floor
 * @property {(registry: ReachedRegistry) => import("../measure.mjs").Command | Promise<import("../measure.mjs").Command>} command
 * @property {import("../line.mjs").LineProfile} [line] between it and the registry
 * @property {(registry: ReachedRegistry) => Promise<void>} [prepare] what is in the registry before it; not measured
 * @property {(stdout: string) => number} [sentBytesOf] what it says that it sent of blobs
 * @property {(stdout: string) => Record<string, number>} [phasesOf] what it says its parts took, in seconds
 */

/**
 * Whether everything has arrived, read from the registry's own store.
 *
 * @param {Contender} contender
 * @param {import("../fresh-registry.mjs").FreshRegistry} registry
 * @param {import("../data/layout.mjs").Content} content
 * @throws {Error} if something is missing: such a run is not measured
 */
export function checkArrival(contender, registry, content) {
    const lost = Object.keys(content.blobs).filter((digest) => !registry.hasBlob(digest));
    const missing = contender.placesImages ? content.images.filter((image) => !isPlaced(registry, image)) : [];
    if (lost.length + missing.length === 0) return;
    throw new Error(`${contender.name} left out ${lost.length} blobs and ${missing.length} images`);
}

/**
 * @param {import("../fresh-registry.mjs").FreshRegistry} registry
 * @param {import("../data/layout.mjs").MadeImage} image
 */
function isPlaced(registry, { source, digest }) {
    const { repository, tag } = splitPlace(source);
    return registry.tag(repository, tag) === digest;
}
