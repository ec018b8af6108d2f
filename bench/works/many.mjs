import { copyFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BenchStack } from "../bench-stack.mjs";
import { mirrorPath } from "../contenders/places.mjs";
import { shapedData } from "../data/content.mjs";
import { smallSet } from "../data/shapes.mjs";
import { FreshRegistry } from "../fresh-registry.mjs";
import { emptySeries } from "../rounds.mjs";
import { counted, repeat } from "./nothing-to-do.mjs";

/** @import { Series } from "../rounds.mjs" */
/** @import { BenchContext } from "../toolbox.mjs" */

const SETS = 20;
const up = ["up", "--yes", "--suppress-outputs"];

/**
 * Work I: 10,000 images in 20 sets, 60,000 blobs. The first `up`, once; then, in each round, `up` and `npm run up` (which
 * refreshes) with nothing to do, and `up` of an empty program. At last each set once more as a site of its own, whose
 * content is in the registry.
 *
 * @param {BenchContext} context
 * @returns {Promise<Series[]>}
 */
export async function many(context) {
    const { toolbox, progress } = context;
    const sets = await progress.beat("making the work data", async () => {
        const made = [];
        for (let set = 0; set < SETS; set += 1) {
            const { archive, lock } = await shapedData(`I-${set}`, () => smallSet(set));
            // A site tells its sets apart by the names of their locks.
            const named = join(dirname(lock), `set-${set}.lock.json`);
            copyFileSync(lock, named);
            made.push({ archive, lock: named });
        }
        return made;
    });
    const registry = await FreshRegistry.start(context.registry);
    try {
        const document = {
            registry: { type: "distribution", mirrorBase: `${registry.host}/${mirrorPath}`, ca: registry.ca },
            content: sets,
        };
        const stack = await BenchStack.create(toolbox, "stack", document);
        const empty = await BenchStack.create(toolbox, "empty-stack", undefined);
        const first = emptySeries({ name: "first up", role: "ours", placesImages: true });
        first.runs.push(await progress.beat("importing 10,000 images", () => counted(stack.command(up), registry)));
        progress.note(`      first up: ${first.runs[0]?.seconds.toFixed(2)} s`);
        const commands = {
            up: stack.command(up),
            "npm run up": stack.command([...up, "--refresh", "--run-program"]),
            "up of an empty program": empty.command(up),
        };
        const repeated = await repeat(commands, registry, context);
        return [first, ...repeated, await furtherSites(document, registry, context)];
    } finally {
        await registry.stop();
    }
}

/**
 * The first `up` of one site after the other, each with one of the sets, which is there.
 *
 * @param {{registry: object, content: object[]}} document
 * @param {FreshRegistry} registry
 * @param {BenchContext} context
 * @returns {Promise<Series>} a run for each site
 */
async function furtherSites({ registry: settings, content }, registry, { toolbox, progress }) {
    const series = emptySeries({ name: "a further site", role: "ours", placesImages: true });
    for (const [at, set] of content.entries()) {
        const site = await BenchStack.create(toolbox, `site-${at}`, { registry: settings, content: [set] });
        series.runs.push(await counted(site.command(up), registry));
    }
    progress.note(
        `      ${content.length} sites: ${series.runs.map(({ seconds }) => seconds.toFixed(1)).join(", ")} s`,
    );
    return series;
}
