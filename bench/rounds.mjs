import { checkArrival } from "./contenders/contender.mjs";
import { FreshRegistry } from "./fresh-registry.mjs";
import { measure } from "./measure.mjs";

/**
 * @typedef {Omit<import("./measure.mjs").Measured, "stdout"> & {registryCpuSeconds: number, requests: Record<string, number>, phases?: Record<string, number>}} Run
 * @typedef {{name: string, role: string, placesImages: boolean, runs: Run[]}} Series one contender, by round
 */

/**
 * Runs every contender in every round, each against a registry of its own; each round begins with another one.
 *
 * @param {object} plan
 * @param {import("./contenders/contender.mjs").Contender[]} plan.contenders
 * @param {import("./data/layout.mjs").Content} plan.content
 * @param {number} plan.rounds
 * @param {string} plan.registry the program
 * @param {import("../tools/progress.mjs").Progress} plan.progress
 * @returns {Promise<Series[]>}
 */
export async function runRounds({ contenders, content, rounds, registry, progress }) {
    const series = contenders.map(({ name, role, placesImages }) => ({ name, role, placesImages, runs: [] }));
    for (let round = 0; round < rounds; round += 1) {
        for (let turn = 0; turn < contenders.length; turn += 1) {
            const at = (round + turn) % contenders.length;
            const run = await runOnce(contenders[at], content, registry);
            series[at].runs.push(run);
            progress.note(`      round ${round + 1}: ${contenders[at].name} ${run.seconds.toFixed(2)} s`);
        }
    }
    return series;
}

/** @returns {Promise<Run>} */
export async function runOnce(contender, content, executable) {
    const registry = await FreshRegistry.start(executable);
    try {
        const before = registry.cpuSeconds();
        const { stdout, ...measured } = await measure(await contender.command(registry));
        const registryCpuSeconds = Math.round((registry.cpuSeconds() - before) * 100) / 100;
        checkArrival(contender, registry, content);
        const phases = contender.phasesOf === undefined ? {} : { phases: contender.phasesOf(stdout) };
        return { ...measured, registryCpuSeconds, requests: registry.requests(), ...phases };
    } finally {
        await registry.stop();
    }
}
