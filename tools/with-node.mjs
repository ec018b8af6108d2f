import { delimiter } from "node:path";
import { getTools } from "./get-tools.mjs";
import { pinnedTools } from "./pins.mjs";
import { runMain } from "./prepare.mjs";
import { runThrough } from "./process.mjs";
import { createProgress } from "./progress.mjs";
import { nodeFolder, workspace } from "./workspace.mjs";

const majors = Object.keys(pinnedTools()).flatMap((name) => /^node-(\d+)$/.exec(name)?.slice(1) ?? []);

const usage = `usage: node tools/with-node.mjs ${majors.join("|")} COMMAND [ARGUMENT…]
Runs a command with a Node.js of that major version first on PATH, for the command and all processes that it starts. It is
the first such node on PATH, else the version that tools/node pins.`;

/**
 * @param {string[]} args
 * @returns {Promise<number>} the command's exit code
 */
async function main([major, command, ...args]) {
    if (major === undefined || !majors.includes(major) || command === undefined) throw new Error(usage);
    const place = workspace();
    const name = `node-${major}`;
    const { [name]: node } = await getTools([name], { cache: place.tools, progress: createProgress() });
    if (node === undefined) throw new Error(usage);
    const folder = nodeFolder(place, node.file, node.version);
    const PATH = [folder, process.env.PATH].filter(Boolean).join(delimiter);
    return runThrough(command, args, { env: { ...process.env, PATH } });
}

await runMain(() => main(process.argv.slice(2)));
