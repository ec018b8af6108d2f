import { ours } from "../contenders/ours.mjs";
import { crane, regctl, skopeo } from "../contenders/peers.mjs";
import { layoutData } from "../data/content.mjs";
import { measure } from "../measure.mjs";
import { runRounds } from "../rounds.mjs";

/** @import { Contender } from "../contenders/contender.mjs" */
/** @import { BenchContext } from "../toolbox.mjs" */

/** How the importer of all images, and of the changed ones alone, are named. */
export const ALL = "ours, an archive of all";
const CHANGED = "ours, an archive of the changed images";

/**
 * Work G: the registry has a release of 100 images, and the next one differs in five. Each contender brings the whole next
 * release; the floor is this importer with an archive of nothing but the five.
 *
 * @param {BenchContext} context
 * @returns {Promise<import("../rounds.mjs").Series[]>}
 */
export async function delta(context) {
    const [before, next, changed] = await context.progress.beat("making the work data", () =>
        Promise.all([layoutData("G"), layoutData("G-next"), layoutData("G-changed")]),
    );
    /** @param {Contender} contender @returns {Contender} */
    const afterwards = (contender) => ({
        ...contender,
        prepare: async (registry) => {
            await measure(await ours(before).command(registry));
        },
    });
    const { skopeo: skopeoFile, crane: craneFile, regctl: regctlFile } = context.peers;
    const contenders = [
        ours(next, ALL),
        { ...ours(changed, CHANGED), role: /** @type {const} */ ("floor") },
        ...(skopeoFile ? [skopeo(skopeoFile, next, 4)] : []),
        ...(craneFile ? [crane(craneFile, next)] : []),
        ...(regctlFile ? [regctl(regctlFile, next)] : []),
    ].map(afterwards);
    return runRounds({ ...context, contenders, content: next.content });
}
