import { join } from "node:path";
import { projectRoot } from "../../tools/workspace.mjs";
import { BenchStack } from "../bench-stack.mjs";
import { ours } from "../contenders/ours.mjs";
import { up } from "../contenders/up.mjs";
import { layoutData } from "../data/content.mjs";
import { scratchFolder } from "../data/scratch.mjs";
import { FreshRegistry } from "../fresh-registry.mjs";
import { measure } from "../measure.mjs";
import { runRounds } from "../rounds.mjs";
import { plainPreview } from "./cluster-preview.mjs";
import { compare, preparations, prepareLocks } from "./lock-and-preview.mjs";
import { BASELINE, repeat, siteDocument } from "./nothing-to-do.mjs";

/** @import { BenchContext } from "../toolbox.mjs" */
/** @import { Series } from "../rounds.mjs" */

const UP = ["up", "--yes", "--suppress-outputs"];
const PREVIEW = ["preview", "--suppress-outputs"];

/**
 * What this checkout and another one do in the same rounds, by the letter of the work; both must be built.
 *
 * @type {Record<string, (context: BenchContext, baseline: string) => Promise<Series[]>>}
 */
export const comparisons = {
    B: async (context, baseline) => {
        const data = await context.progress.beat("making the work data", () => layoutData("B"));
        const contenders = [
            ours(data),
            { ...ours(data, `ours${BASELINE}`, baseline), role: /** @type {const} */ ("baseline") },
            up(data, context.toolbox),
            {
                ...up(data, context.toolbox, baseline),
                name: `first up${BASELINE}`,
                role: /** @type {const} */ ("baseline"),
            },
        ];
        return runRounds({ ...context, contenders, content: data.content });
    },
    E: async (context, baseline) => {
        const data = await context.progress.beat("making the work data", () => layoutData("E"));
        const registry = await FreshRegistry.start(context.registry);
        try {
            const site = siteDocument(registry, data);
            const stack = await BenchStack.create(context.toolbox, "stack", site);
            const other = await BenchStack.create(context.toolbox, "baseline-stack", site, baseline);
            await context.progress.beat("importing 1,000 images", () => measure(stack.command(UP)));
            await context.progress.beat("and into the state of the baseline", () => measure(other.command(UP)));
            const refreshing = [...UP, "--refresh", "--run-program"];
            const importer = "importer that knows no state";
            return await repeat(
                {
                    up: stack.command(UP),
                    [`up${BASELINE}`]: other.command(UP),
                    [importer]: await ours(data).command(registry),
                    [`${importer}${BASELINE}`]: await ours(data, "", baseline).command(registry),
                    "npm run up": stack.command(refreshing),
                    [`npm run up${BASELINE}`]: other.command(refreshing),
                },
                registry,
                context,
            );
        } finally {
            await registry.stop();
        }
    },
    F: async ({ toolbox, rounds, progress }, baseline) => {
        const { archive, site } = await prepareLocks();
        const out = join(scratchFolder(), "wide.lock.json");
        const { fromMemory } = preparations(archive, out);
        const measurements = [];
        for (const [checkout, suffix] of /** @type {const} */ ([
            [projectRoot, ""],
            [baseline, BASELINE],
        ])) {
            const role = /** @type {Series["role"]} */ (suffix === "" ? "ours" : "baseline");
            const node = (/** @type {string[]} */ [script = "", ...args]) => ({
                file: process.execPath,
                args: [join(checkout, script), ...args],
                cwd: checkout,
            });
            const stack = await BenchStack.create(toolbox, `stack${suffix.slice(2)}`, site, checkout);
            const lock = node(["dist/cli/main.js", "lock", archive, "--out", out]);
            const index = node(["bench/clients/open-archive.mjs", archive]);
            measurements.push(
                { name: `lock${suffix}`, role, command: lock, prepare: fromMemory },
                { name: `index${suffix}`, role, command: index, prepare: fromMemory },
                { name: `preview${suffix}`, role, command: stack.command(PREVIEW) },
            );
        }
        return compare(rounds, progress, measurements);
    },
    K: plainPreview,
};
