import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../tools/workspace.mjs";
import { BenchStack } from "../bench-stack.mjs";
import { made, scratchFolder } from "../data/scratch.mjs";
import { wideLock, writeWideArchive } from "../data/wide-archive.mjs";
import { measure } from "../measure.mjs";
import { emptySeries, turned } from "../rounds.mjs";

/** @import { Command } from "../measure.mjs" */
/** @import { Series } from "../rounds.mjs" */
/** @import { Progress } from "../../tools/progress.mjs" */

const previewedImages = 10_000;

/**
 * Work F: the lock and the index of a wide archive against its headers alone, from its disk and from memory, and the
 * preview of a long lock against an empty program.
 *
 * @param {import("../toolbox.mjs").BenchContext} context
 * @returns {Promise<Series[]>}
 */
export async function lockAndPreview({ toolbox, rounds, progress }) {
    const { archive, site } = await prepareLocks();
    const stack = await BenchStack.create(toolbox, "stack", site);
    const empty = await BenchStack.create(toolbox, "empty-stack", undefined);
    const out = join(scratchFolder(), "wide.lock.json");
    const lock = node("dist/cli/main.js", "lock", archive, "--out", out);
    const headers = node("bench/clients/read-headers.mjs", archive);
    const index = node("bench/clients/open-archive.mjs", archive);
    const { fromDisk, fromMemory } = preparations(archive, out);
    const preview = ["preview", "--suppress-outputs"];
    return compare(rounds, progress, [
        { name: "lock", role: "ours", command: lock, prepare: fromDisk },
        { name: "headers alone", role: "floor", command: headers, prepare: fromDisk },
        { name: "index", role: "ours", command: index, prepare: fromDisk },
        { name: "lock, in memory", role: "ours", command: lock, prepare: fromMemory },
        { name: "headers alone, in memory", role: "floor", command: headers, prepare: fromMemory },
        { name: "index, in memory", role: "ours", command: index, prepare: fromMemory },
        { name: "preview", role: "ours", command: stack.command(preview) },
        { name: "preview of an empty program", role: "floor", command: empty.command(preview) },
    ]);
}

/** The archive that is locked, and the site whose preview has the long lock. */
export async function prepareLocks() {
    const wide = await made("F-wide", (place) => {
        mkdirSync(join(place, "archive"));
        return writeWideArchive(join(place, "archive", "mirror_000001.tar"));
    });
    const archive = join(wide.folder, "archive", "mirror_000001.tar");
    const long = await made("F-long", (place) => {
        writeFileSync(join(place, "content.lock.json"), JSON.stringify(wideLock(previewedImages)));
        return {};
    });
    const site = {
        registry: { type: "distribution", mirrorBase: "registry.bench.example:8443/mirror" },
        content: [{ archive, lock: join(long.folder, "content.lock.json") }],
    };
    return { archive, site };
}

/**
 * What comes before a lock that is measured.
 *
 * @param {string} archive
 * @param {string} out where the lock is written
 */
export function preparations(archive, out) {
    const fromDisk = () => {
        rmSync(out, { force: true });
        forget(archive);
    };
    // Each reads other pieces of the file: what one has left in memory helps the next a little only.
    const fromMemory = async (/** @type {Command} */ command) => {
        await measure(command);
        rmSync(out, { force: true });
    };
    return { fromDisk, fromMemory };
}

/** @param {string} script relative to the project @param {string[]} args @returns {Command} */
function node(script, ...args) {
    return { file: process.execPath, args: [join(projectRoot, script), ...args], cwd: projectRoot };
}

/**
 * Takes a file out of the machine's memory, so that the next one to read it waits for its disk (GNU dd, `nocache`).
 *
 * @param {string} path
 */
function forget(path) {
    execFileSync("dd", [`if=${path}`, "iflag=nocache", "count=0", "status=none"]);
}

/**
 * Runs every command in every round.
 *
 * @typedef {object} Measurement
 * @property {string} name
 * @property {Series["role"]} role
 * @property {Command} command
 * @property {(command: Command) => void | Promise<void>} [prepare] not measured
 *
 * @param {number} rounds
 * @param {Progress} progress
 * @param {Measurement[]} measurements
 * @returns {Promise<Series[]>}
 */
export async function compare(rounds, progress, measurements) {
    const entries = measurements.map((one) => ({ ...one, series: emptySeries({ ...one, placesImages: true }) }));
    for (let round = 0; round < rounds; round += 1) {
        for (const { name, command, prepare, series } of turned(entries, round)) {
            await prepare?.(command);
            const { stdout: _, ...run } = await measure(command);
            series.runs.push({ ...run, registryCpuSeconds: 0, requests: {} });
            progress.note(`      round ${round + 1}: ${name} ${run.seconds.toFixed(2)} s`);
        }
    }
    return entries.map(({ series }) => series);
}
