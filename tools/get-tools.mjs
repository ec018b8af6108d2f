import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { arch, platform } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ChecksumMismatch, download } from "./download.mjs";
import { buildProgram } from "./go-build.mjs";
import { installedTool, onPath, reportedVersion, runnable } from "./installed-tool.mjs";
import { installProgram } from "./npm.mjs";
import { pinnedTools } from "./pins.mjs";
import { captureOrThrow, errorCode, errorMessage } from "./process.mjs";
import { createProgress } from "./progress.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/** @import { ToolPin } from "./pins.mjs" */
/** @import { Progress } from "./progress.mjs" */

/**
 * @typedef {object} Tool
 * @property {string} file the program, absolute
 * @property {string} version
 * @property {"PATH" | "cache" | "download" | "npm" | "build"} origin
 */

/**
 * @typedef {object} ToolSearch
 * @property {string} cache folder that keeps what was downloaded or built
 * @property {NodeJS.ProcessEnv} [env] its PATH is searched; `REGISTRY_PASSTHROUGH_DOWNLOADS`, a URL, takes the place of
 *   `https://` in every download (`https://mirror.local/files` + `/get.pulumi.com/…`)
 * @property {Record<string, ToolPin>} [pins] default: tools.json
 * @property {string} [modules] folder of the Go modules
 * @property {string} [machine] `<platform>-<arch>`
 * @property {boolean} [pinnedOnly] not from PATH: the pinned version, and all of its programs in one folder
 * @property {Progress} [progress]
 *
 * @typedef {Required<ToolSearch>} Context
 * @typedef {(pin: ToolPin, folder: string, context: Context) => Promise<string | undefined>} Way gets a tool into an
 *   empty folder; returns why it did not work
 */

/**
 * Gets each tool in the first way that works: PATH, cache, official download, npm package, build from the pinned Go module.
 *
 * @template {string} N
 * @param {N[]} names keys of tools.json
 * @param {ToolSearch} search
 * @returns {Promise<Record<N, Tool>>}
 * @throws {Error} if no way works (what was tried, and how to get the tool), or if a download's sum is wrong
 */
export async function getTools(names, { env = process.env, ...search }) {
    const machine = `${platform()}-${arch()}`;
    const defaults = { pins: pinnedTools(), modules: here, machine, pinnedOnly: false, progress: createProgress() };
    const context = { ...defaults, env, ...search };
    const tools = /** @type {Record<N, Tool>} */ ({});
    for (const name of names) tools[name] = await getTool(name, context);
    return tools;
}

/**
 * The tools that are available on PATH or in the cache. Downloads and builds nothing.
 *
 * @param {string[]} names keys of tools.json
 * @param {Pick<ToolSearch, "cache" | "env" | "pins">} search
 * @returns {Promise<Record<string, Tool>>} only those that are there
 */
export async function toolsAtHand(names, { env = process.env, pins = pinnedTools(), cache }) {
    /** @type {Record<string, Tool>} */
    const tools = {};
    for (const name of names) {
        const tool = await toolAtHand(name, { pins, cache, env, pinnedOnly: false });
        if ("file" in tool) tools[name] = tool;
    }
    return tools;
}

/**
 * @param {string} name
 * @param {Pick<Context, "pins" | "cache" | "env" | "pinnedOnly">} search
 * @returns {Promise<Tool | {reason: string}>}
 */
async function toolAtHand(name, { pins, cache, env, pinnedOnly }) {
    const pin = findPin(name, pins);
    const found = pinnedOnly ? { reason: "not looked at" } : await installedTool(pin, env);
    if ("file" in found) return { ...found, origin: "PATH" };
    const place = join(cache, `${name}-${pin.version}`);
    return complete(place, pin) ? { file: join(place, pin.names[0]), version: pin.version, origin: "cache" } : found;
}

/** @param {string} name @param {Record<string, ToolPin>} pins @returns {ToolPin} */
function findPin(name, pins) {
    const pin = pins[name];
    if (pin === undefined) throw new Error(`tools/tools.json has no ${name}`);
    return pin;
}

/** @param {string} name @param {Context} context @returns {Promise<Tool>} */
async function getTool(name, context) {
    const pin = findPin(name, context.pins);
    const found = await toolAtHand(name, context);
    if ("file" in found) return found;
    const place = join(context.cache, `${name}-${pin.version}`);
    const file = join(place, pin.names[0]);
    const tried = [`on PATH: ${found.reason}`];
    const ways = waysTo(pin);
    for (const [at, [origin, way]] of ways.entries()) {
        const failure = await intoCache(context, place, pin, (folder) => way(pin, folder, context));
        if (failure === undefined) return { file, version: pin.version, origin };
        tried.push(`${origin}: ${failure}`);
        // That of the last way is in the error.
        if (at + 1 < ways.length)
            context.progress.note(`      ${pin.title} ${pin.version}: ${origin} did not work: ${failure}`);
    }
    throw new Error(whatIsMissing(pin, context, tried));
}

/** @param {ToolPin} pin @returns {[Tool["origin"], Way][]} the ways that its entry has, besides PATH and cache */
function waysTo({ downloads, npm, builds }) {
    /** @type {[Tool["origin"], Way][]} */
    const ways = [];
    if (Object.keys(downloads).length > 0) ways.push(["download", fetchRelease]);
    if (npm !== undefined) ways.push(["npm", installPackage]);
    if (builds.length > 0) ways.push(["build", buildModules]);
    return ways;
}

/** @param {string} place @param {ToolPin} pin @returns {boolean} whether it holds the program and all its companions */
function complete(place, pin) {
    return [pin.names[0], ...pin.companions].every((program) => runnable(join(place, program)));
}

/**
 * Fills a folder of its own and renames it into place when it is complete, so that runs side by side cannot see or make
 * half a tool.
 *
 * @param {Context} context
 * @param {string} place
 * @param {ToolPin} pin
 * @param {(folder: string) => Promise<string | undefined>} fill
 * @returns {Promise<string | undefined>} why it did not work
 */
async function intoCache({ cache, env, machine }, place, pin, fill) {
    mkdirSync(cache, { recursive: true });
    removeAbandoned(cache);
    const folder = mkdtempSync(join(cache, `.partial-${process.pid}-`));
    try {
        const failure = await fill(folder);
        if (failure !== undefined) return failure;
        const file = join(folder, pin.names[0]);
        // A program for another kind of machine cannot be asked: what was fetched is pinned by its sum, what was built by
        // the module's version.
        const isForeign = machine !== `${platform()}-${arch()}`;
        const version = isForeign ? pin.version : await reportedVersion(file, pin.versionArguments, env);
        if (version !== pin.version || !complete(folder, pin)) {
            return `what came is not a whole ${pin.title} ${pin.version} (it says ${version ?? "nothing"})`;
        }
        moveIntoPlace(folder, place, pin);
        return undefined;
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

/** @param {string} folder @param {string} place @param {ToolPin} pin */
function moveIntoPlace(folder, place, pin) {
    try {
        renameSync(folder, place);
    } catch (error) {
        // Another run was faster: its tool is as good as ours. Half a folder (somebody deleted a file) is replaced.
        if (complete(place, pin)) return;
        if (!["ENOTEMPTY", "EEXIST"].includes(errorCode(error) ?? "")) throw error;
        rmSync(place, { recursive: true, force: true });
        renameSync(folder, place);
    }
}

/** A run that was killed leaves its folder behind. @param {string} cache */
function removeAbandoned(cache) {
    for (const entry of readdirSync(cache)) {
        const pid = /^\.partial-(\d+)-/.exec(entry)?.[1];
        if (pid !== undefined && !alive(Number(pid))) rmSync(join(cache, entry), { recursive: true, force: true });
    }
}

/** @param {number} pid */
function alive(pid) {
    try {
        process.kill(pid, 0);
        return true;
    } catch (error) {
        return errorCode(error) === "EPERM";
    }
}

/** @type {Way} */
async function fetchRelease(pin, folder, { machine, env, progress }) {
    const release = pin.downloads[machine];
    if (release === undefined) return `there is no official download for ${machine}`;
    const { sha256 } = release;
    if (!sha256) return `tools/tools.json pins no SHA-256 for ${machine}, so nothing was downloaded`;
    const url = mirrored(release.url, env);
    const archive = join(folder, "release.tar.gz");
    try {
        progress.note(`      ${pin.title} ${pin.version}: downloading ${url}`);
        await progress.beat(`downloading ${basename(url)}`, () => download(url, archive, sha256, env));
        await unpack(archive, folder, [pin.names[0], ...pin.companions]);
    } catch (error) {
        if (error instanceof ChecksumMismatch) throw error;
        return errorMessage(error);
    }
    rmSync(archive);
    return undefined;
}

/**
 * Where a download comes from: the mirror of `REGISTRY_PASSTHROUGH_DOWNLOADS` if that is set.
 *
 * @param {string} url https
 * @param {NodeJS.ProcessEnv} env
 * @returns {string}
 */
export function mirrored(url, env) {
    const mirror = env.REGISTRY_PASSTHROUGH_DOWNLOADS;
    return mirror ? url.replace(/^https:\//, mirror.replace(/\/+$/, "")) : url;
}

/**
 * Only the wanted programs: Pulumi's release brings a language host for every language, in a folder named like one.
 *
 * @param {string} archive
 * @param {string} folder
 * @param {string[]} programs
 */
async function unpack(archive, folder, programs) {
    const members = (await captureOrThrow("tar", ["-tzf", archive])).split("\n");
    const wanted = members.filter((member) => programs.includes(basename(member)) && !member.endsWith("/"));
    const release = mkdtempSync(join(folder, "release-"));
    await captureOrThrow("tar", ["-xzf", archive, "-C", release, ...wanted]);
    for (const member of wanted) renameSync(join(release, member), join(folder, basename(member)));
    rmSync(release, { recursive: true });
}

/** @type {Way} */
async function installPackage({ title, version, npm }, folder, { progress, ...context }) {
    if (npm === undefined) return "tools/tools.json names no npm package";
    progress.note(`      ${title} ${version}: fetching its npm package`);
    return progress.beat(`fetching ${title}`, () => installProgram(npm, folder, context));
}

/** @type {Way} */
async function buildModules(pin, folder, { modules, machine, env, progress }) {
    if (onPath("go", env).length === 0) return "there is no go on PATH to build it with";
    progress.note(`      ${pin.title} ${pin.version}: building from its Go module (once; minutes)`);
    try {
        for (const build of pin.builds) {
            const make = () => buildProgram(build, folder, { modules, machine, env });
            await progress.beat(`building ${build.binary}`, make);
        }
    } catch (error) {
        return errorMessage(error);
    }
    return undefined;
}

const installGo =
    "  - install Go 1.26 or newer (any from 1.21 that may fetch its own toolchain) and let it reach a Go module proxy (GOPROXY)";

/** @param {ToolPin} pin @param {Context} context @param {string[]} tried @returns {string} */
function whatIsMissing(pin, { machine, env }, tried) {
    const url = pin.downloads[machine]?.url;
    return [
        `${pin.title} is missing, and no way to get it worked:`,
        ...tried.map((line) => `  - ${line}`),
        "Any one of these helps:",
        `  - put ${pin.names.join(" or ")} (from ${pin.acceptFrom}, below ${pin.acceptBelow}) on PATH: ${pin.homepage}`,
        ...pin.companions.map((name) => `    with ${name} beside it`),
        ...(url ? [`  - let this machine reach ${mirrored(url, env)} (HTTPS_PROXY is honoured;`] : []),
        ...(url ? ["    REGISTRY_PASSTHROUGH_DOWNLOADS names a mirror of the download hosts)"] : []),
        ...(pin.npm
            ? [`  - let npm reach a registry that has the packages of tools/${pin.npm.project} (npm config ls)`]
            : []),
        ...(pin.builds.length > 0 ? [installGo] : []),
        ...(pin.builds.some(({ cgo }) => cgo) ? ["    and a C compiler (gcc)"] : []),
    ].join("\n");
}
