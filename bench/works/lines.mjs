import { ours } from "../contenders/ours.mjs";
import { crane, regctl, skopeo } from "../contenders/peers.mjs";
import { layoutData } from "../data/content.mjs";
import { runOnce, runRounds } from "../rounds.mjs";

/** @import { Contender } from "../contenders/contender.mjs" */
/** @import { WorkData } from "../data/content.mjs" */
/** @import { BenchContext } from "../toolbox.mjs" */

/** What Quay on SQLite says. */
const LOCKED = { status: 500, body: '{"error": "(sqlite3.OperationalError) database is locked"}' };

/** @type {{profile: import("../line.mjs").LineProfile, data: "H" | "H-thin", levels: number[]}[]} */
const profiles = [
    { profile: { name: "loopback" }, data: "H", levels: [2, 4, 6, 8, 12, 16, 32] },
    {
        profile: { name: "80 ms, 200 Mbit/s", roundTrip: 80, rate: 25_000 },
        data: "H",
        levels: [4, 8, 12, 16, 24, 32, 64],
    },
    { profile: { name: "20 ms, 10 Mbit/s", roundTrip: 20, rate: 1250 }, data: "H-thin", levels: [1, 2, 4, 8, 16, 32] },
    { profile: { name: "429 above 4", takes: 4 }, data: "H", levels: [1, 2, 3, 4, 5, 6] },
    { profile: { name: "locked above 2", takes: 2, refusal: LOCKED }, data: "H", levels: [1, 2, 3, 4] },
];

/**
 * Work H: the importer that finds out how many requests to have in flight, and the best fixed number, searched in the same
 * run. Peers take part where nothing is refused: they do not repeat everything that is.
 *
 * @param {BenchContext} context
 * @returns {Promise<import("../rounds.mjs").Series[]>}
 */
export async function lines(context) {
    const all = [];
    for (const { profile, data: content, levels } of profiles) {
        const data = await context.progress.beat("making the work data", () => layoutData(content));
        /** @param {Contender} contender @returns {Contender} */
        const over = (contender) => ({
            ...contender,
            name: `${profile.name}: ${contender.name}`,
            ...(profile.name === "loopback" ? {} : { line: profile }),
        });
        const found = over(ours(data));
        const fixed = await bestFixed(
            levels.map((level) => over(fixedLevel(data, level))),
            data,
            context,
        );
        const peers = profile.takes === undefined ? availablePeers(data, context.peers).map(over) : [];
        all.push(...(await runRounds({ ...context, contenders: [found, fixed], content: data.content })));
        // A minute each on the far line, and no goal is about them: one round shows what they take.
        all.push(...(await runRounds({ ...context, contenders: peers, content: data.content, rounds: 1 })));
    }
    return all;
}

/** @param {WorkData} data @param {number} level @returns {Contender} */
function fixedLevel(data, level) {
    return { ...ours(data, `fixed at ${level}`, undefined, level), role: "floor" };
}

/** Each once; the fastest takes part in the rounds. @param {Contender[]} fixed @param {WorkData} data @param {BenchContext} context */
async function bestFixed(fixed, data, { registry, progress }) {
    const tried = [];
    for (const contender of fixed) {
        const { seconds } = await runOnce(contender, data.content, registry);
        progress.note(`      trying ${contender.name}: ${seconds.toFixed(2)} s`);
        tried.push({ contender, seconds });
    }
    return tried.reduce((best, one) => (one.seconds < best.seconds ? one : best)).contender;
}

/** @param {WorkData} data @param {BenchContext["peers"]} peers */
function availablePeers(data, { skopeo: skopeoFile, crane: craneFile, regctl: regctlFile }) {
    return [
        ...(skopeoFile ? [skopeo(skopeoFile, data, 4)] : []),
        ...(craneFile ? [crane(craneFile, data)] : []),
        ...(regctlFile ? [regctl(regctlFile, data)] : []),
    ];
}
