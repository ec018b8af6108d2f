import { BenchStack } from "../bench-stack.mjs";
import { mirrorPath } from "./places.mjs";

/**
 * The whole program in a stack of its own, as people run it: engine, program and provider; it also proves every image.
 *
 * @param {import("../data/content.mjs").WorkData} data
 * @param {import("../../tools/prepare.mjs").Toolbox} toolbox
 * @param {string} [checkout] whose program runs
 * @returns {import("./contender.mjs").Contender}
 */
export function up({ archive, lock }, toolbox, checkout) {
    return {
        name: "first up",
        role: "ours",
        placesImages: true,
        command: async ({ host, ca }) => {
            const registry = { type: "distribution", mirrorBase: `${host}/${mirrorPath}`, ca };
            const stack = await BenchStack.create(
                toolbox,
                "stack",
                { registry, content: [{ archive, lock }] },
                checkout,
            );
            return stack.command(["up", "--yes", "--suppress-outputs"]);
        },
    };
}
