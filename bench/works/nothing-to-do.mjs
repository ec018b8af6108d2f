import { BenchStack } from "../bench-stack.mjs";
import { ours } from "../contenders/ours.mjs";
import { mirrorPath } from "../contenders/places.mjs";
import { layoutData } from "../data/content.mjs";
import { FreshRegistry } from "../fresh-registry.mjs";
import { measure } from "../measure.mjs";

const up = ["up", "--yes", "--suppress-outputs"];

/**
 * Work E: 1,000 images that are all there. The importer without a state, `up`, `npm run up` (which refreshes), and `up`
 * of an empty program.
 *
 * @param {import("../toolbox.mjs").BenchContext} context
 * @returns {Promise<import("../rounds.mjs").Series[]>}
 */
export async function nothingToDo(context) {
    const data = await context.progress.beat("making the work data", () => layoutData("E"));
    const registry = await FreshRegistry.start(context.registry);
    try {
        const stack = await BenchStack.create(context.toolbox, "stack", siteOf(registry, data));
        const empty = await BenchStack.create(context.toolbox, "empty-stack", undefined);
        const commands = {
            up: stack.command(up),
            "importer that knows no state": ours(data).command(registry),
            "npm run up": stack.command([...up, "--refresh", "--run-program"]),
            "up of an empty program": empty.command(up),
        };
        await context.progress.beat("importing 1,000 images", () => measure(stack.command(up)));
        return await againAndAgain(commands, registry, context);
    } finally {
        await registry.stop();
    }
}

function siteOf({ host, ca }, { archive, lock }) {
    const registry = { type: "distribution", mirrorBase: `${host}/${mirrorPath}`, ca };
    return { registry, content: [{ archive, lock }] };
}

async function againAndAgain(commands, registry, { rounds, progress }) {
    const names = Object.keys(commands);
    const series = names.map((name) => ({ name, role: roleOf(name), placesImages: true, runs: [] }));
    for (let round = 0; round < rounds; round += 1) {
        for (let turn = 0; turn < names.length; turn += 1) {
            const at = (round + turn) % names.length;
            const run = await counted(commands[names[at]], registry);
            series[at].runs.push(run);
            progress.note(`      round ${round + 1}: ${names[at]} ${run.seconds.toFixed(2)} s`);
        }
    }
    return series;
}

function roleOf(name) {
    return name.includes("empty program") ? "floor" : "ours";
}

async function counted(command, registry) {
    const before = { cpu: registry.cpuSeconds(), requests: registry.requests() };
    const measured = await measure(command);
    delete measured.stdout;
    const now = registry.requests();
    const requests = Object.entries(now).map(([method, count]) => [method, count - (before.requests[method] ?? 0)]);
    const registryCpuSeconds = Math.round((registry.cpuSeconds() - before.cpu) * 100) / 100;
    return { ...measured, registryCpuSeconds, requests: Object.fromEntries(requests.filter(([, count]) => count > 0)) };
}
