import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { arch, platform } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuild } from "./build.mjs";
import { checkNode, ensureDependencies } from "./dependencies.mjs";
import { getTools } from "./get-tools.mjs";
import { kitNode, stageKit } from "./kit/contents.mjs";
import { nodeLicences, toolLicences } from "./kit/licences.mjs";
import { packKit, sha256, size } from "./kit/pack.mjs";
import { pinnedTools } from "./pins.mjs";
import { runMain } from "./prepare.mjs";
import { captureOrThrow } from "./process.mjs";
import { createProgress } from "./progress.mjs";
import { privateDirectory, workspace } from "./workspace.mjs";

/** @import { KitTool } from "./kit/contents.mjs" */
/** @import { Progress } from "./progress.mjs" */

const place = workspace();
const here = `${platform()}-${arch()}`;
const platforms = ["linux-x64", "linux-arm64"];
const toolNames = /** @type {const} */ (["pulumi", "registry", kitNode]);

const usage = `usage: npm run kit [-- --output FOLDER] [--platform ${platforms.join("|")}]
Makes one archive with the program, its packages, Node.js, the Pulumi CLI and a registry server, for a machine without network.
  --output     folder for the archive; default: .local/kit
  --platform   of the machine that it is for; default: that of this one (${here})`;

/**
 * @param {string[]} args
 * @returns {Promise<number>} exit code
 */
async function main(args) {
    const { values } = parseArgs({
        args,
        options: { output: { type: "string" }, platform: { type: "string" }, help: { type: "boolean", short: "h" } },
    });
    const machine = values.platform ?? here;
    if (values.help || !platforms.includes(machine)) {
        process.stdout.write(`${usage}\n`);
        return values.help ? 0 : 2;
    }
    const progress = createProgress();
    checkNode();
    await ensureDependencies(place.root, progress);
    await compile(progress);
    const tools = await kitTools(machine, progress);
    const output = resolve(values.output ?? join(place.local, "kit"));
    const made = await progress.beat("packing", () => makeKit(machine, tools, output));
    process.stdout.write(`${made.file}\n${made.sha256}  (${Math.round(size(made.file) / 1e6)} MB)\n`);
    progress.note(`Carry it over with ${made.file}.sha256; then: docs/how-to/install-without-internet.md`);
    return 0;
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

/** @param {string} machine @param {KitTool[]} tools @param {string} output */
async function makeKit(machine, tools, output) {
    privateDirectory(place.local);
    const staging = mkdtempSync(join(place.local, ".kit-"));
    try {
        const { packages } = await stageKit(place.root, staging, tools);
        const { version } = JSON.parse(readFileSync(join(place.root, "package.json"), "utf8"));
        const contents = { source: await source(), tools: await describe(tools), packages };
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
