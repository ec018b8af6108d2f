const { default: Sequencer } = require("@jest/test-sequencer");
const { relative, sep } = require("node:path");

/** Suites in the order of how long they take. */
const slowestFirst = ["stack", "faults", "root", "integration", "unit"];

/**
 * Starts what takes long first, so that no worker is left alone with it at the end. jest knows the times of earlier
 * runs only, and a fresh clone has none.
 */
module.exports = class SlowestFirst extends Sequencer {
    /**
     * @override
     * @param {Parameters<Sequencer["sort"]>[0]} tests
     */
    async sort(tests) {
        /** @param {(typeof tests)[number]} test */
        const rank = ({ path, context }) =>
            slowestFirst.indexOf(relative(context.config.rootDir, path).split(sep)[1] ?? "");
        // Array.sort is stable: within a suite the order of jest stays.
        return [...(await super.sort(tests))].sort((a, b) => rank(a) - rank(b));
    }
};
