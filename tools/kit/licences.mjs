import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
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
