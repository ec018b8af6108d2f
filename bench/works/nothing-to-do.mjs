import { withPreviewFindings } from "../../tools/preview-findings.mjs";
import { BenchStack } from "../bench-stack.mjs";
import { ours } from "../contenders/ours.mjs";
import { mirrorPath } from "../contenders/places.mjs";
import { layoutData } from "../data/content.mjs";
import { FreshRegistry } from "../fresh-registry.mjs";
import { measure } from "../measure.mjs";
import { emptySeries, more, turned } from "../rounds.mjs";

/** @import { Command } from "../measure.mjs" */
/** @import { Run, Series } from "../rounds.mjs" */
/** @import { BenchContext } from "../toolbox.mjs" */

/** How a contender of the other checkout is named. */
export const BASELINE = ", baseline";

const up = ["up", "--yes", "--suppress-outputs"];

/**
 * Work E: 1,000 images that are all there. The importer without a state, `up`, `npm run up` (which refreshes), and `up`
 * of an empty program.
 *
 * @param {BenchContext} context
 * @returns {Promise<Series[]>}
 */
export async function nothingToDo(context) {
    const data = await context.progress.beat("making the work data", () => layoutData("E"));
    const registry = await FreshRegistry.start(context.registry);
    try {
        const stack = await BenchStack.create(context.toolbox, "stack", siteDocument(registry, data));
        const empty = await BenchStack.create(context.toolbox, "empty-stack", undefined);
        const commands = {
            up: stack.command(up),
            "importer that knows no state": await ours(data).command(registry),
            "npm run up": stack.command([...up, "--refresh", "--run-program"]),
            "up of an empty program": empty.command(up),
        };
        await context.progress.beat("importing 1,000 images", () => measure(stack.command(up)));
        return await repeat(commands, registry, context);
    } finally {
        await registry.stop();
    }
}

/** @param {FreshRegistry} registry @param {import("../data/content.mjs").WorkData} data */
export function siteDocument({ host, ca }, { archive, lock }) {
    const registry = { type: "distribution", mirrorBase: `${host}/${mirrorPath}`, ca };
    return { registry, content: [{ archive, lock }] };
}

/**
 * Runs every command in every round against the same registry.
 *
 * @param {Record<string, Command>} commands by the contender's name
 * @param {FreshRegistry} registry
 * @param {BenchContext} context
 * @returns {Promise<Series[]>}
 */
export async function repeat(commands, registry, { rounds, progress }) {
    const contenders = Object.entries(commands).map(([name, command]) => ({
        command,
        series: emptySeries({ name, role: contenderRole(name), placesImages: true }),
    }));
    for (let round = 0; round < rounds; round += 1) {
        for (const { command, series } of turned(contenders, round)) {
            const run = await counted(command, registry);
            series.runs.push(run);
            progress.note(`      round ${round + 1}: ${series.name} ${run.seconds.toFixed(2)} s`);
        }
    }
    return contenders.map(({ series }) => series);
}

/** @param {string} name @returns {Series["role"]} */
function contenderRole(name) {
    if (name.endsWith(BASELINE)) return "baseline";
    return name.includes("empty program") ? "floor" : "ours";
}

/** @param {Command} command @param {FreshRegistry} registry @returns {Promise<Run>} */
export async function counted(command, registry) {
    const before = { cpu: registry.cpuSeconds(), requests: registry.requests() };
    // As the npm scripts do it.
    const { stdout: _, ...measured } = await withPreviewFindings({ env: {}, ...command }, (env) =>
        measure({ ...command, env }),
    );
    const requests = more(before.requests, registry.requests());
    const registryCpuSeconds = Math.round((registry.cpuSeconds() - before.cpu) * 100) / 100;
    return { ...measured, registryCpuSeconds, requests };
}
