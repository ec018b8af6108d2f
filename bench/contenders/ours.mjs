import { existsSync } from "node:fs";
import { join } from "node:path";
import { heapFlags, projectRoot } from "../../tools/workspace.mjs";
import { mirrorPath } from "./places.mjs";

/**
 * The importer as the provider runs it, in a process of its own.
 *
 * @param {import("../data/content.mjs").WorkData} data
 * @param {string} [name]
 * @param {string} [checkout] whose compiled code runs
 * @param {number} [level] requests in flight; without it they are found
 * @returns {import("./contender.mjs").Contender}
 */
export function ours({ archive, lock }, name = "ours", checkout = projectRoot, level = undefined) {
    const client = join(checkout, "bench", "clients", "import-archive.mjs");
    const file = join(checkout, "tools", "engine", "parts-when-used.cjs");
    // A checkout from before it loads everything.
    const parts = existsSync(file) ? ["--require", file] : [];
    return {
        name,
        role: "ours",
        placesImages: true,
        sentBytesOf: (stdout) => JSON.parse(stdout).sent.bytes,
        phasesOf: (stdout) => JSON.parse(stdout).phases,
        command: ({ host, ca }) => ({
            file: process.execPath,
            args: [
                ...heapFlags,
                ...parts,
                client,
                archive,
                lock,
                `${host}/${mirrorPath}`,
                ca,
                ...(level === undefined ? [] : [String(level)]),
            ],
        }),
    };
}
