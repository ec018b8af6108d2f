import { checkArrival } from "./contenders/contender.mjs";
import { FreshRegistry } from "./fresh-registry.mjs";
import { Line } from "./line.mjs";
import { measure } from "./measure.mjs";

/** @import { Contender } from "./contenders/contender.mjs" */
/** @import { Content } from "./data/layout.mjs" */

/**
 * @typedef {Omit<import("./measure.mjs").Measured, "stdout"> & {registryCpuSeconds: number, requests: Record<string, number>, sentBytes?: number, phases?: Record<string, number>}} Run
 * @typedef {{name: string, role: Contender["role"], placesImages: boolean, runs: Run[]}} Series one contender, by round
 */

/**
 * Runs every contender in every round, each against a registry of its own; each round begins with another one.
 *
 * @param {object} plan
 * @param {Contender[]} plan.contenders
 * @param {Content} plan.content
 * @param {number} plan.rounds
 * @param {string} plan.registry the program
 * @param {import("../tools/progress.mjs").Progress} plan.progress
 * @returns {Promise<Series[]>}
 */
export async function runRounds({ contenders, content, rounds, registry, progress }) {
    const entries = contenders.map((contender) => ({ contender, series: emptySeries(contender) }));
    for (let round = 0; round < rounds; round += 1) {
        for (const { contender, series } of turned(entries, round)) {
            const run = await runOnce(contender, content, registry);
            series.runs.push(run);
            progress.note(`      round ${round + 1}: ${contender.name} ${run.seconds.toFixed(2)} s`);
        }
    }
    return entries.map(({ series }) => series);
}

/** @param {Omit<Series, "runs">} contender @returns {Series} without a run */
export function emptySeries({ name, role, placesImages }) {
    return { name, role, placesImages, runs: [] };
}

/**
 * The order of a round: each begins with another contender.
 *
 * @template T
 * @param {T[]} contenders
 * @param {number} round
 * @returns {T[]}
 */
export function turned(contenders, round) {
    const first = round % contenders.length;
    return [...contenders.slice(first), ...contenders.slice(0, first)];
}

/** @param {Contender} contender @param {Content} content @param {string} executable @returns {Promise<Run>} */
export async function runOnce(contender, content, executable) {
    const registry = await FreshRegistry.start(executable);
    const line = contender.line && (await Line.open(registry, contender.line));
    try {
        await contender.prepare?.(registry);
        const [before, asked] = [registry.cpuSeconds(), registry.requests()];
        const { stdout, ...measured } = await measure(await contender.command(line ?? registry));
        const registryCpuSeconds = Math.round((registry.cpuSeconds() - before) * 100) / 100;
        checkArrival(contender, registry, content);
        const phases = contender.phasesOf === undefined ? {} : { phases: contender.phasesOf(stdout) };
        const sent = contender.sentBytesOf === undefined ? {} : { sentBytes: contender.sentBytesOf(stdout) };
        return { ...measured, registryCpuSeconds, requests: more(asked, registry.requests()), ...sent, ...phases };
    } finally {
        await line?.close();
        await registry.stop();
    }
}

/**
 * @param {Record<string, number>} before requests by method
 * @param {Record<string, number>} after
 * @returns {Record<string, number>} those between, without methods that had none
 */
export function more(before, after) {
    const counts = Object.entries(after).map(([method, count]) => [method, count - (before[method] ?? 0)]);
    return Object.fromEntries(counts.filter(([, count]) => Number(count) > 0));
}
