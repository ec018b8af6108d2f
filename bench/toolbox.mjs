import { loadavg } from "node:os";
import { getTools } from "../tools/get-tools.mjs";
import { onPath, reportedVersion } from "../tools/installed-tool.mjs";
import { prepare } from "../tools/prepare.mjs";
import { workspace } from "../tools/workspace.mjs";

/**
 * @typedef {object} BenchContext
 * @property {import("../tools/prepare.mjs").Toolbox} toolbox
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
    const [load] = loadavg();
    const place = workspace();
    const toolbox = await prepare(place, progress, ["pulumi", "registry"]);
    const { registry, pulumi } = toolbox.tools;
    const versions = { node: process.versions.node, registry: registry.version, pulumi: pulumi.version };
    const peers = {};
    const missing = [];
    const take = (name, { file, version }) => {
        peers[name] = file;
        versions[name] = version;
    };
    const [skopeo] = onPath("skopeo", process.env);
    if (skopeo === undefined) missing.push("skopeo is not on PATH (Debian: apt-get install skopeo)");
    else take("skopeo", { file: skopeo, version: await reportedVersion(skopeo, ["--version"], process.env) });
    for (const name of ["crane", "regctl"]) {
        try {
            take(name, (await getTools([name], { cache: place.tools, progress }))[name]);
        } catch (error) {
            missing.push(error.message);
        }
    }
    for (const reason of missing) progress.note(`left out: ${reason}`);
    return { toolbox, registry: registry.file, peers, missing, versions, load, progress, rounds };
}
