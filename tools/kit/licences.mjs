import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installProgram } from "../npm.mjs";
import { pinnedTools } from "../pins.mjs";

const tools = dirname(dirname(fileURLToPath(import.meta.url)));

/** @param {string} name key of tools.json @returns {string} the file with the licences of a tool, absolute */
export function licenceFile(name) {
    return join(tools, "licences", `${name}.txt`);
}

/**
 * The licences of a tool.
 *
 * @param {string} name key of tools.json
 * @returns {string}
 * @throws {Error} if they are those of another version
 */
export function toolLicences(name) {
    const pin = pinnedTools()[name];
    const text = readFileSync(licenceFile(name), "utf8");
    if (pin !== undefined && text.startsWith(`${pin.title} ${pin.version}:`)) return text;
    throw new Error(
        `${licenceFile(name)} is not of ${pin?.title} ${pin?.version}: run node tools/kit/collect-licences.mjs on a ` +
            "machine that has built it",
    );
}

/**
 * The licences of Node.js and of its parts, one file of its npm package. It is fetched once, beside the program.
 *
 * @param {string} name key of tools.json
 * @param {string} folder holds the program
 * @param {string} machine `<platform>-<arch>` of the package
 * @returns {Promise<string>}
 * @throws {Error} if the package cannot be installed
 */
export async function nodeLicences(name, folder, machine) {
    const file = join(folder, "LICENSE");
    if (!existsSync(file)) {
        const { npm } = pinnedTools()[name] ?? {};
        if (npm === undefined) throw new Error(`tools/tools.json has no npm package of ${name}`);
        const context = { modules: tools, machine, env: process.env };
        const failure = await installProgram({ ...npm, program: "LICENSE" }, folder, context);
        if (failure !== undefined) throw new Error(failure);
    }
    return readFileSync(file, "utf8");
}
