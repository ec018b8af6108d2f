import { loadavg } from "node:os";
import { getTools } from "../tools/get-tools.mjs";
import { onPath, reportedVersion } from "../tools/installed-tool.mjs";
import { prepare } from "../tools/prepare.mjs";
import { errorMessage } from "../tools/process.mjs";
import { workspace } from "../tools/workspace.mjs";

/**
 * @typedef {object} BenchContext
 * @property {import("../tools/prepare.mjs").Toolbox<"pulumi" | "registry">} toolbox
 * @property {string} registry the program
 * @property {{skopeo?: string, crane?: string, regctl?: string}} peers the programs that could be had
 * @property {string[]} missing why the others could not
 * @property {Record<string, string>} versions of every tool
 * @property {number} load average of the minute before: above 1 the machine was not quiet
 * @property {import("../tools/progress.mjs").Progress} progress
 * @property {number} rounds
 */

/**
 * Everything a run needs. A peer that cannot be had is left out, and said.
 *
 * @param {import("../tools/progress.mjs").Progress} progress
 * @param {number} rounds
 * @returns {Promise<BenchContext>}
 */
export async function openBench(progress, rounds) {
    const [load = NaN] = loadavg();
    const place = workspace();
    const toolbox = await prepare(place, progress, ["pulumi", "registry"]);
    const { registry, pulumi } = toolbox.tools;
    /** @type {Record<string, string>} */
    const versions = { node: process.versions.node, registry: registry.version, pulumi: pulumi.version };
    /** @type {BenchContext["peers"]} */
    const peers = {};
    /** @type {string[]} */
    const missing = [];
    const [skopeo] = onPath("skopeo", process.env);
    if (skopeo === undefined) missing.push("skopeo is not on PATH (Debian: apt-get install skopeo)");
    else {
        peers.skopeo = skopeo;
        versions.skopeo = (await reportedVersion(skopeo, ["--version"], process.env)) ?? "of an unknown version";
    }
    for (const name of /** @type {const} */ (["crane", "regctl"])) {
        try {
            const { [name]: tool } = await getTools([name], { cache: place.tools, progress });
            peers[name] = tool.file;
            versions[name] = tool.version;
        } catch (error) {
            missing.push(errorMessage(error));
        }
    }
    for (const reason of missing) progress.note(`left out: ${reason}`);
    return { toolbox, registry: registry.file, peers, missing, versions, load, progress, rounds };
}
