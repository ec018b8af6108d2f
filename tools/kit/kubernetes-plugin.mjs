import { spawn } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { download } from "../download.mjs";
import { mirrored } from "../get-tools.mjs";
import { kubernetesPluginVersion, pluginArchiveName, pluginProgram } from "../kubernetes-plugin.mjs";
import { pinnedPluginSums } from "../pins.mjs";
import { captureOrThrow, errorMessage } from "../process.mjs";
import { sha256 } from "./pack.mjs";

/** Where the engine downloads plugins of Pulumi from. */
const releases = "https://get.pulumi.com/releases/plugins";

/** e_machine of an ELF header, by the kind of machine. @type {Record<string, number>} */
const elfMachines = { "linux-x64": 0x3e, "linux-arm64": 0xb7 };

/** @import { KitPlugin } from "./contents.mjs" */

/**
 * @typedef {object} PluginRequest
 * @property {string} root of the checkout, with its packages installed
 * @property {string} machine `linux-x64`
 * @property {string} [file] an archive that people have downloaded; absent: it is downloaded
 * @property {string} [expected] its SHA-256, hex
 * @property {string} cache folder that keeps the download
 * @property {NodeJS.ProcessEnv} env
 * @property {import("../progress.mjs").Progress} progress
 */

/**
 * The archive of Pulumi's Kubernetes plugin, in the version of the npm package.
 *
 * @param {PluginRequest} request
 * @returns {Promise<KitPlugin>}
 * @throws {Error} if it cannot be downloaded or is not what it has to be
 */
export async function kubernetesPlugin(request) {
    const { root, machine, file: given } = request;
    const version = kubernetesPluginVersion(root);
    const archive = pluginArchiveName(version, machine);
    if (given !== undefined) requireName(given, archive);
    const file = given === undefined ? await downloaded(archive, request) : resolve(given);
    const { sum, isScript } = await check(file, archive, request);
    request.progress.note(
        `      Pulumi's Kubernetes plugin ${version}: ${archive}\n      SHA-256 ${sum}, ${origin(archive, request)}`,
    );
    if (isScript) {
        request.progress.note(
            `note: ${pluginProgram} in ${file} is a script, not a program for ${machine}: a stand-in, not what Pulumi releases`,
        );
    }
    return { name: "kubernetes", version, file, archive, sha256: sum };
}

/** @param {string} archive @param {PluginRequest} request @returns {string} what the sum was compared with */
function origin(archive, { expected }) {
    if (pinnedPluginSums()[archive]) return "as pinned in tools/plugins.json";
    if (expected !== undefined) return "as given";
    return "which tools/plugins.json does not pin: compare it with that of https://github.com/pulumi/pulumi-kubernetes/releases";
}

/** An archive of another version or machine has another name. @param {string} file @param {string} archive */
function requireName(file, archive) {
    if (!existsSync(file)) throw new Error(`--kubernetes-plugin: there is no ${file}`);
    const name = basename(file);
    if (name === archive || !name.startsWith(`${pluginProgram}-v`)) return;
    throw new Error(`--kubernetes-plugin: ${name} is another version or for another machine; the kit needs ${archive}`);
}

/**
 * Only an archive that was checked gets its name in the cache.
 *
 * @param {string} archive
 * @param {PluginRequest} request
 * @returns {Promise<string>} the file
 */
async function downloaded(archive, request) {
    const { cache, env, progress } = request;
    const folder = join(cache, "plugins");
    const file = join(folder, archive);
    if (existsSync(file) && (await isGood(file, archive, request))) return file;
    mkdirSync(folder, { recursive: true });
    const partial = join(folder, `.partial-${process.pid}-${archive}`);
    const url = mirrored(`${releases}/${archive}`, env);
    try {
        progress.note(`      downloading ${url}`);
        await progress.beat(`downloading ${archive}`, () => download(url, partial, undefined, env));
        await check(partial, archive, request);
        renameSync(partial, file);
        return file;
    } catch (error) {
        throw new Error(withoutDownload(url, archive, errorMessage(error)), { cause: error });
    } finally {
        rmSync(partial, { force: true });
    }
}

/**
 * What is damaged, or was kept before its sum was known, is downloaded again.
 *
 * @param {string} file
 * @param {string} archive
 * @param {PluginRequest} request
 * @returns {Promise<boolean>}
 */
async function isGood(file, archive, request) {
    return check(file, archive, request).then(
        () => true,
        () => false,
    );
}

/** @param {string} url @param {string} archive @param {string} reason @returns {string} */
function withoutDownload(url, archive, reason) {
    return [
        `No kit was made: Pulumi's Kubernetes plugin could not be downloaded from ${url}: ${reason}`,
        "Any one of these helps:",
        `  - download ${archive} from https://github.com/pulumi/pulumi-kubernetes/releases elsewhere and give it:`,
        "    npm run kit -- --kubernetes-plugin FILE",
        "  - HTTPS_PROXY, or REGISTRY_PASSTHROUGH_DOWNLOADS with a mirror of the download hosts (tools/README.md)",
        "  - npm run kit -- --without-kubernetes-plugin, for sites without cluster.apply",
    ].join("\n");
}

/**
 * @param {string} file
 * @param {string} archive its name in the kit
 * @param {PluginRequest} request
 * @returns {Promise<{sum: string, isScript: boolean}>} its SHA-256, and whether it has a script for a program
 * @throws {Error} if it is not what was pinned or given, or has no program for the kit's machine
 */
async function check(file, archive, { file: given, expected, machine }) {
    const sum = await sha256(file);
    const wanted = { "tools/plugins.json": pinnedPluginSums()[archive], "--kubernetes-plugin-sha256": expected };
    for (const [source, value] of Object.entries(wanted)) {
        if (!value || value.toLowerCase() === sum) continue;
        throw new Error(`${archive} has the SHA-256 ${sum}, but ${source} has ${value}`);
    }
    const head = await readProgram(file, given ?? archive);
    const isScript = given !== undefined && head.subarray(0, 2).toString("latin1") === "#!";
    if (!isScript) requireElf(head, machine, given ?? archive);
    return { sum, isScript };
}

/** @param {Buffer} head of a program @param {string} machine @param {string} name of the archive, for the error */
function requireElf(head, machine, name) {
    const isElf = head.length >= 20 && head.subarray(0, 4).toString("latin1") === "\x7fELF";
    if (isElf && head.readUInt16LE(18) === elfMachines[machine]) return;
    throw new Error(`${pluginProgram} in ${name} is ${isElf ? "not for" : "no program for"} ${machine}`);
}

/**
 * @param {string} file
 * @param {string} name for errors
 * @returns {Promise<Buffer>} the beginning of the program
 * @throws {Error} unless it is a tar.gz with the program
 */
async function readProgram(file, name) {
    const env = { ...process.env, LC_ALL: "C" };
    const list = await captureOrThrow("tar", ["-tvzf", file], { env }).catch(() => {
        throw new Error(`${name} is not a gzip-compressed tar archive, or is damaged`);
    });
    const member = new RegExp(`^-..x.* (?<path>(?:\\./)?${pluginProgram})$`, "m").exec(list)?.groups?.path;
    if (member === undefined) throw new Error(`${name} has no program ${pluginProgram} at its top`);
    return firstBytes(file, member, 20);
}

/** @param {string} file tar.gz @param {string} member @param {number} count @returns {Promise<Buffer>} at least as many, if it has them */
async function firstBytes(file, member, count) {
    const tar = spawn("tar", ["-xzOf", file, member], { stdio: ["ignore", "pipe", "ignore"] });
    let bytes = Buffer.alloc(0);
    // Leaving the loop closes the pipe, which ends tar.
    for await (const chunk of tar.stdout) {
        bytes = Buffer.concat([bytes, chunk]);
        if (bytes.length >= count) break;
    }
    return bytes;
}
