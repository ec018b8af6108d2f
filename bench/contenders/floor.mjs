import { join } from "node:path";
import { projectRoot } from "../../tools/workspace.mjs";

/** How many PUTs at once are tried to find the floor's best. */
export const floorConcurrencies = [2, 3, 4, 6, 10, 16];

/**
 * Parallel PUTs of the same distinct blobs and nothing else.
 *
 * @param {import("../data/content.mjs").WorkData} data
 * @param {number} concurrency
 * @returns {import("./contender.mjs").Contender}
 */
export function floor({ folder }, concurrency) {
    const client = join(projectRoot, "bench", "clients", "put-blobs.mjs");
    const blobs = join(folder, "layout", "blobs", "sha256");
    return {
        name: `floor (${concurrency} PUTs)`,
        role: "floor",
        placesImages: false,
        command: ({ host, ca }) => ({
            file: process.execPath,
            args: [client, blobs, join(folder, "facts.json"), host, ca, String(concurrency)],
        }),
    };
}
