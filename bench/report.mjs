import { median } from "./statistics.mjs";
import { bestPeer, seconds, verdicts } from "./goals.mjs";
import { works } from "./works.mjs";

/** @import { Run, Series } from "./rounds.mjs" */
/** @import { Verdict } from "./goals.mjs" */

/**
 * What a machine reads of one work: medians in seconds. `bestPeer` is the fastest that puts each image where it belongs.
 *
 * @typedef {object} Summary
 * @property {string} work
 * @property {number} ours
 * @property {number} floor
 * @property {Record<string, number>} peers
 * @property {string} [bestPeer]
 * @property {Record<string, number>} [also] ours in other ways
 * @property {string[]} [missing] peers that could not be had, and why
 * @property {Verdict[]} goals
 */

const MiB = 1024 * 1024;

/**
 * @param {string} work
 * @param {Series[]} series
 * @param {string[]} missing peers that could not be had, and why
 * @returns {Summary}
 */
export function summary(work, series, missing) {
    const [ours, ...also] = medians(series, "ours");
    const [floor] = [...medians(series, "floor"), ...medians(series, "baseline")];
    if (ours === undefined || floor === undefined)
        throw new Error(`work ${work} has no series of this importer, or no floor`);
    const best = bestPeer(series)?.name;
    return {
        work,
        ours: ours[1],
        floor: floor[1],
        peers: Object.fromEntries(medians(series, "peer")),
        ...(best === undefined ? {} : { bestPeer: best }),
        ...(also.length > 0 ? { also: Object.fromEntries(also) } : {}),
        ...(missing.length > 0 ? { missing } : {}),
        goals: verdicts(work, series),
    };
}

/** @param {Series[]} series @param {Series["role"]} role @returns {[name: string, seconds: number][]} */
function medians(series, role) {
    return series.filter((one) => one.role === role).map((one) => [one.name, Number(median(seconds(one)).toFixed(3))]);
}

/**
 * The tables of one work, as Markdown.
 *
 * @param {string} work
 * @param {Series[]} series
 * @returns {string}
 */
export function tables(work, series) {
    const rows = series.map((one) => {
        const all = seconds(one);
        const middle = (/** @type {"cpuSeconds" | "registryCpuSeconds"} */ field) =>
            median(one.runs.map((run) => run[field]));
        return [
            one.name,
            `${median(all).toFixed(2)} (${Math.min(...all).toFixed(2)}–${Math.max(...all).toFixed(2)})`,
            middle("cpuSeconds").toFixed(1),
            middle("registryCpuSeconds").toFixed(1),
            memoryText(one),
            `${Math.round(Math.max(...one.runs.map(({ diskBytes }) => diskBytes)) / MiB)} MiB`,
            requestsText(one.runs.at(-1)?.requests ?? {}),
        ];
    });
    const heads = ["", "seconds: median (range)", "CPU s", "registry's CPU s", "peak memory", "extra disk", "requests"];
    const goalRows = verdicts(work, series).map(({ goal, measured, met }) => [
        goal,
        measured,
        met ? "met" : "**not met**",
    ]);
    return [
        `### ${work}: ${works[work]?.title}`,
        "",
        table(heads, rows),
        "",
        ...series.filter(({ runs }) => runs[0]?.phases !== undefined).flatMap((one) => [phasesText(one), ""]),
        table(["goal", "measured: median (range) of paired rounds", ""], goalRows),
    ].join("\n");
}

/** Of all processes together; where the engine took part, that of provider and program too. @param {Series} one */
function memoryText({ runs }) {
    const peak = (/** @type {"memoryBytes" | "providerBytes" | "programBytes"} */ field) =>
        Math.round(Math.max(...runs.map((run) => run[field] ?? 0)) / MiB);
    const parts = [
        ["provider", peak("providerBytes")],
        ["program", peak("programBytes")],
    ].filter(([, size]) => size !== 0);
    const ofParts = parts.map(([name, size]) => `${name} ${size}`).join(", ");
    return `${peak("memoryBytes")} MiB${ofParts === "" ? "" : ` (${ofParts})`}`;
}

/** Where the time of a contender goes, as it says itself: medians in seconds. @param {Series} one */
function phasesText({ name, runs }) {
    const parts = Object.keys(runs[0]?.phases ?? {}).map((phase) => {
        return `${phase} ${median(runs.map(({ phases }) => phases?.[phase] ?? NaN)).toFixed(2)} s`;
    });
    return `Of ${name}: ${parts.join(", ")}.`;
}

/** @param {Run["requests"]} requests */
function requestsText(requests) {
    const total = Object.values(requests).reduce((sum, count) => sum + count, 0);
    return total === 0
        ? "–"
        : `${total}: ${Object.entries(requests)
              .map(([method, count]) => `${count} ${method}`)
              .join(", ")}`;
}

/** @param {string[]} heads @param {string[][]} rows @returns {string} */
function table(heads, rows) {
    const line = (/** @type {string[]} */ cells) => `| ${cells.join(" | ")} |`;
    return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}
