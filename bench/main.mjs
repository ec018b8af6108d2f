import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { runMain } from "../tools/prepare.mjs";
import { createProgress } from "../tools/progress.mjs";
import { summary, tables } from "./report.mjs";
import { keepResults } from "./results.mjs";
import { openBench } from "./toolbox.mjs";
import { comparisons } from "./works/baseline.mjs";
import { works } from "./works.mjs";

const usage = `usage: npm run bench [-- --work A,B… --runs N --json --save | --baseline FOLDER]
  --work   only these works (bench/README.md); without it all, and the results are kept
  --runs   rounds, each contender once in each; default 7
  --json   one JSON object per work and line on stdout: medians in seconds; with npm's -s nothing else is there
  --save   keep the results of these works in docs/benchmarks.json and docs/benchmarks.md
  --baseline  B, E, F and K by this checkout and by the one in FOLDER, in the same rounds; both must be built`;

async function main() {
    if (process.argv.includes("--help")) {
        process.stdout.write(`${usage}\n`);
        return 0;
    }
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
            baseline: { type: "string" },
        },
    });
    const available = values.baseline === undefined ? works : compared(values.baseline);
    const names = values.work?.toUpperCase().split(",");
    const chosen = Object.entries(available).filter(([name]) => names?.includes(name) ?? true);
    const rounds = Number(values.runs);
    const isKnown = names === undefined || names.every((name) => name in available);
    const isUsable = isKnown && Number.isInteger(rounds) && rounds >= 1;
    if (!isUsable || (values.baseline !== undefined && values.save)) throw new Error(usage);
    const save = values.save || (values.work === undefined && values.baseline === undefined);
    return { chosen, rounds, json: values.json, save };
}

/** The works that can be compared with a checkout in another folder. @param {string} folder */
function compared(folder) {
    const baseline = resolve(folder);
    return Object.fromEntries(
        Object.entries(comparisons).map(([name, run]) => [
            name,
            {
                title: `${works[name]?.title}, compared with ${baseline}`,
                run: (/** @type {import("./toolbox.mjs").BenchContext} */ context) => run(context, baseline),
            },
        ]),
    );
}

await runMain(main);
