import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { arch, platform } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuild } from "./build.mjs";
import { checkNode, ensureDependencies } from "./dependencies.mjs";
import { getTools } from "./get-tools.mjs";
import { kitNode, stageKit } from "./kit/contents.mjs";
import { kubernetesPlugin } from "./kit/kubernetes-plugin.mjs";
import { nodeLicences, toolLicences } from "./kit/licences.mjs";
import { packKit, sha256, size } from "./kit/pack.mjs";
import { pinnedTools } from "./pins.mjs";
import { runMain } from "./prepare.mjs";
import { captureOrThrow } from "./process.mjs";
import { createProgress } from "./progress.mjs";
import { privateDirectory, workspace } from "./workspace.mjs";

/** @import { KitPlugin, KitTool } from "./kit/contents.mjs" */
/** @import { Progress } from "./progress.mjs" */

const place = workspace();
const here = `${platform()}-${arch()}`;
const platforms = ["linux-x64", "linux-arm64"];
const toolNames = /** @type {const} */ (["pulumi", "registry", kitNode]);

const usage = `usage: npm run kit [-- --output FOLDER] [--platform ${platforms.join("|")}]
           [--kubernetes-plugin FILE [--kubernetes-plugin-sha256 HEX] | --without-kubernetes-plugin]
Makes one archive with the program, its packages, Node.js, the Pulumi CLI, its Kubernetes plugin and a registry server,
for a machine without network.
  --output                      folder for the archive; default: .local/kit
  --platform                    of the machine that it is for; default: that of this one (${here})
  --kubernetes-plugin           the plugin's archive; default: it is downloaded
  --kubernetes-plugin-sha256    its checksum; also for the download
  --without-kubernetes-plugin   for sites without cluster.apply`;

const options = /** @type {const} */ ({
    output: { type: "string" },
    platform: { type: "string" },
    "kubernetes-plugin": { type: "string" },
    "kubernetes-plugin-sha256": { type: "string" },
    "without-kubernetes-plugin": { type: "boolean" },
    help: { type: "boolean", short: "h" },
});

/**
 * @param {string[]} args
 * @returns {Promise<number>} exit code
 */
async function main(args) {
    const { values } = parseArgs({ args, options });
    const machine = values.platform ?? here;
    if (values.help || !platforms.includes(machine) || !isUsable(values)) {
        process.stdout.write(`${usage}\n`);
        return values.help ? 0 : 2;
    }
    const progress = createProgress();
    checkNode();
    await ensureDependencies(place.root, progress);
    const plugins = await kitPlugins(machine, values, progress);
    await compile(progress);
    const tools = await kitTools(machine, progress);
    const output = resolve(values.output ?? join(place.local, "kit"));
    const made = await progress.beat("packing", () => makeKit({ machine, tools, plugins, output }));
    process.stdout.write(`${made.file}\n${made.sha256}  (${Math.round(size(made.file) / 1e6)} MB)\n`);
    if (plugins.length === 0) progress.note("It has no Kubernetes plugin: it is for sites without cluster.apply");
    progress.note(`Carry it over with ${made.file}.sha256; then: docs/how-to/install-without-internet.md`);
    return 0;
}

/**
 * @typedef {{"kubernetes-plugin"?: string, "kubernetes-plugin-sha256"?: string, "without-kubernetes-plugin"?: boolean}} PluginOptions
 */

/** @param {PluginOptions} values @returns {boolean} */
function isUsable(values) {
    const { "kubernetes-plugin": file, "kubernetes-plugin-sha256": sum, "without-kubernetes-plugin": without } = values;
    if (without) return file === undefined && sum === undefined;
    return sum === undefined || /^[0-9a-f]{64}$/i.test(sum);
}

/** @param {string} machine @param {PluginOptions} values @param {Progress} progress @returns {Promise<KitPlugin[]>} */
async function kitPlugins(machine, values, progress) {
    if (values["without-kubernetes-plugin"]) return [];
    const { "kubernetes-plugin": file, "kubernetes-plugin-sha256": expected } = values;
    const given = { ...(file === undefined ? {} : { file }), ...(expected === undefined ? {} : { expected }) };
    const request = { root: place.root, machine, cache: place.tools, env: process.env, progress, ...given };
    return [await kubernetesPlugin(request)];
}

/** With the types that other programs use: a kit holds all of dist/. @param {Progress} progress */
async function compile(progress) {
    await ensureBuild(place.root, progress);
    const compiler = join(place.root, "node_modules", "typescript", "bin", "tsc");
    const args = [compiler, "-p", join(place.root, "tsconfig.types.json"), "--pretty", "false"];
    await progress.beat("compiling types", () => captureOrThrow(process.execPath, args, { cwd: place.root }));
}

/** @param {string} machine @param {Progress} progress @returns {Promise<KitTool[]>} */
async function kitTools(machine, progress) {
    // The cache has one program of a name: those of other kinds of machines have a cache of their own.
    const cache = machine === here ? place.tools : join(place.tools, machine);
    const tools = await getTools([...toolNames], { cache, machine, progress, pinnedOnly: true });
    return Promise.all(
        toolNames.map(async (name) => {
            const { file, version } = tools[name];
            const folder = dirname(file);
            const { names: [program] = ["node"], companions = [] } = pinnedTools()[name] ?? {};
            const licences = name === kitNode ? await nodeLicences(name, folder, machine) : toolLicences(name);
            return { name, version, folder, programs: [program, ...companions], licences };
        }),
    );
}

/** @param {{machine: string, tools: KitTool[], plugins: KitPlugin[], output: string}} parts */
async function makeKit({ machine, tools, plugins, output }) {
    privateDirectory(place.local);
    const staging = mkdtempSync(join(place.local, ".kit-"));
    try {
        const { packages } = await stageKit(place.root, staging, tools, plugins);
        const { version } = JSON.parse(readFileSync(join(place.root, "package.json"), "utf8"));
        const carried = plugins.map(({ name, version, archive, sha256: sum }) => {
            return { name, version, file: `kit/plugins/${archive}`, sha256: sum };
        });
        const contents = { source: await source(), tools: await describe(tools), plugins: carried, packages };
        return await packKit(staging, output, { version, platform: machine, contents });
    } finally {
        rmSync(staging, { recursive: true, force: true });
    }
}

/** What the program was built from. @returns {Promise<{commit: string, modified: boolean}>} */
async function source() {
    if (!existsSync(join(place.root, ".git"))) throw new Error("npm run kit packs the tracked files of a git checkout");
    const git = (/** @type {string[]} */ ...args) => captureOrThrow("git", ["-C", place.root, ...args]);
    const changes = await git("status", "--porcelain", "--untracked-files=no");
    return { commit: (await git("rev-parse", "HEAD")).trim(), modified: changes !== "" };
}

/** @param {KitTool[]} tools what the manifest says of them */
async function describe(tools) {
    const described = [];
    for (const { name, version, folder, programs } of tools) {
        const files = [];
        for (const program of programs) {
            files.push({ file: `kit/tools/${name}/${program}`, sha256: await sha256(join(folder, program)) });
        }
        described.push({ name: pinnedTools()[name]?.title, version, files, licences: `kit/licences/${name}.txt` });
    }
    return described;
}

await runMain(() => main(process.argv.slice(2)));
