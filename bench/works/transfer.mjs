import { floor, floorConcurrencies } from "../contenders/floor.mjs";
import { ours } from "../contenders/ours.mjs";
import { up } from "../contenders/up.mjs";
import { crane, craneIndex, regctl, skopeo } from "../contenders/peers.mjs";
import { archiveData, layoutData } from "../data/content.mjs";
import { runOnce, runRounds } from "../rounds.mjs";

/** @import { WorkData } from "../data/content.mjs" */
/** @import { BenchContext } from "../toolbox.mjs" */

/**
 * Works A, B and C: the same content by everybody.
 *
 * @param {"A" | "B" | "C"} work
 * @param {BenchContext} context
 * @returns {Promise<import("../rounds.mjs").Series[]>}
 */
export async function race(work, context) {
    const data = await context.progress.beat("making the work data", () => layoutData(work));
    const contenders = [ours(data), await bestFloor(data, context), ...availablePeers(data, context.peers)];
    // Once is enough to see what the provider takes; in the others the engine's share would be the same.
    if (work === "B") contenders.push(up(data, context.toolbox));
    return runRounds({ ...context, contenders, content: data.content });
}

/**
 * Work D: the content of B from a folder and from both kinds of tar.
 *
 * @param {BenchContext} context
 * @returns {Promise<import("../rounds.mjs").Series[]>}
 */
export async function forms(context) {
    const work = "B";
    const data = await context.progress.beat("making the work data", () => layoutData(work));
    /** @type {import("../contenders/contender.mjs").Contender[]} */
    const contenders = [{ ...ours(data, "layout in a folder"), role: "floor" }];
    for (const form of /** @type {const} */ (["oci-archive", "oc-mirror"])) {
        const packed = await context.progress.beat("making the work data", () => archiveData(work, form));
        contenders.unshift(ours(packed, form));
    }
    return runRounds({ ...context, contenders: contenders.reverse(), content: data.content });
}

/** @param {WorkData} data @param {BenchContext["peers"]} peers */
function availablePeers(data, { skopeo: skopeoFile, crane: craneFile, regctl: regctlFile }) {
    const isOne = data.content.images.length === 1;
    return [
        ...(skopeoFile ? [skopeo(skopeoFile, data)] : []),
        ...(skopeoFile && !isOne ? [skopeo(skopeoFile, data, 4)] : []),
        ...(craneFile ? [crane(craneFile, data), craneIndex(craneFile, data)] : []),
        ...(regctlFile ? [regctl(regctlFile, data)] : []),
    ];
}

/** Each concurrency once; the fastest takes part in the rounds. @param {WorkData} data @param {BenchContext} context */
async function bestFloor(data, { registry, progress }) {
    const blobs = Object.keys(data.content.blobs).length;
    const tried = [];
    for (const concurrency of floorConcurrencies.filter((one) => one <= Math.max(2, blobs))) {
        const contender = floor(data, concurrency);
        const { seconds } = await runOnce(contender, data.content, registry);
        progress.note(`      trying ${contender.name}: ${seconds.toFixed(2)} s`);
        tried.push({ contender, seconds });
    }
    return tried.reduce((best, one) => (one.seconds < best.seconds ? one : best)).contender;
}
