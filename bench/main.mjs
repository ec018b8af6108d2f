import { parseArgs } from "node:util";
import { runMain } from "../tools/prepare.mjs";
import { createProgress } from "../tools/progress.mjs";
import { summary, tables } from "./report.mjs";
import { keepResults } from "./results.mjs";
import { openBench } from "./toolbox.mjs";
import { works } from "./works.mjs";

const usage = `usage: npm run bench [-- --work A,B… --runs N --json --save]
  --work   only these works (bench/README.md); without it all, and the results are kept
  --runs   rounds, each contender once in each; default 7
  --json   one JSON object per work and line on stdout: medians in seconds; with npm's -s nothing else is there
  --save   keep the results of these works in docs/benchmarks.json and docs/benchmarks.md`;

async function main() {
    const { chosen, rounds, json, save } = options();
    const progress = createProgress({ steps: chosen.length });
    const context = await openBench(progress, rounds);
    /** @type {Record<string, import("./rounds.mjs").Series[]>} */
    const measured = {};
    for (const [work, { title, run }] of chosen) {
        const series = await progress.step(`${work}: ${title}`, () => run(context));
        measured[work] = series;
        const text = json ? JSON.stringify(summary(work, series, context.missing)) : `\n${tables(work, series)}`;
        process.stdout.write(`${text}\n`);
    }
    if (save) await keepResults(measured, context);
    return 0;
}

function options() {
    const { values } = parseArgs({
        options: {
            work: { type: "string" },
            runs: { type: "string", default: "7" },
            json: { type: "boolean", default: false },
            save: { type: "boolean", default: false },
        },
    });
    const names = values.work?.toUpperCase().split(",");
    const chosen = Object.entries(works).filter(([name]) => names?.includes(name) ?? true);
    const rounds = Number(values.runs);
    const isKnown = names === undefined || names.every((name) => name in works);
    if (!isKnown || !Number.isInteger(rounds) || rounds < 1) throw new Error(usage);
    return { chosen, rounds, json: values.json, save: values.save || values.work === undefined };
}

await runMain(main);
