import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { projectRoot } from "../tools/workspace.mjs";
import { tables } from "./report.mjs";

const page = join(projectRoot, "docs", "benchmarks.md");
const rawData = join(projectRoot, "docs", "benchmarks.json");
const begin = "<!-- begin: written by npm run bench -->";
const end = "<!-- end: written by npm run bench -->";

/** @typedef {Parameters<typeof footnote>[0] & {series: import("./rounds.mjs").Series[]}} Recorded */

/**
 * Keeps what was measured: the raw data, and the tables of the page between its marks. Works not measured now stay.
 *
 * @param {Record<string, import("./rounds.mjs").Series[]>} measured by work
 * @param {import("./toolbox.mjs").BenchContext} context
 */
export async function keepResults(measured, { versions, missing, load }) {
    const before = JSON.parse(readFileSync(rawData, "utf8"));
    const now = { recorded: new Date().toISOString(), machine: machine(), load, versions, missing };
    for (const [work, series] of Object.entries(measured)) before.works[work] = { ...now, series };
    /** @type {Record<string, Recorded>} */
    const works = Object.fromEntries(Object.entries(before.works).sort(([a], [b]) => (a < b ? -1 : 1)));
    await writeFormatted(rawData, JSON.stringify({ works }));
    const sections = Object.entries(works).map(([work, { series, ...rest }]) => {
        return `${tables(work, series)}\n\n${footnote(rest, series)}`;
    });
    const text = readFileSync(page, "utf8");
    const [head, tail] = [text.slice(0, text.indexOf(begin)), text.slice(text.indexOf(end))];
    await writeFormatted(page, `${head}${begin}\n\n${sections.join("\n\n")}\n\n${tail}`);
}

/**
 * @param {{recorded: string, machine: string, load: number, versions: Record<string, string>, missing: string[]}} facts
 * @param {import("./rounds.mjs").Series[]} series
 * @returns {string}
 */
function footnote({ recorded, machine: where, load, versions, missing }, series) {
    const rounds = series[0]?.runs.length ?? 0;
    const noise = load > 1 ? ` Not quiet: load average ${load.toFixed(0)} before it.` : "";
    const tools = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    const left = missing.length > 0 ? ` Left out: ${missing.map((reason) => reason.split("\n")[0]).join("; ")}.` : "";
    return `${rounds} ${rounds === 1 ? "round" : "rounds"}, ${recorded}; ${where}; ${tools.join(", ")}.${noise}${left}`;
}

function machine() {
    return `${cpus().length} x ${cpus()[0]?.model ?? "unknown CPU"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`;
}

/** @param {string} path @param {string} text */
async function writeFormatted(path, text) {
    writeFileSync(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
}
