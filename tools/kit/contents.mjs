import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { captureOrThrow } from "../process.mjs";
import { installedFolders, productionFolders } from "./packages.mjs";

/** The Node.js of the kit, a key of tools.json. */
export const kitNode = "node-24";

/**
 * What is needed at a site beside the program's own packages: certificates and account of the quickstart's registry, and
 * the compiler, because Pulumi's language host reads tsconfig.json and the compiler that it brings is too old for it.
 */
const scriptPackages = ["bcryptjs", "@peculiar/x509", "reflect-metadata", "typescript"];

/**
 * Tracked files of the program, by folder or name. Everything else stays out, whether tracked or not: stack files and
 * locks of a fork's own sites, state, tests.
 */
const programFiles = [
    "LICENSE",
    "README.md",
    "CONTRIBUTING.md",
    "Pulumi.yaml",
    "Pulumi.dev.yaml",
    "content/dev.lock.json",
    "index.ts",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "cli/",
    "components/",
    "config/",
    "docs/",
    "dynamic-providers/",
    "examples/",
    "lib/",
    "tools/",
    "test/fixtures/archives/oc-mirror/with-mapping/",
];
/** Sources that only a build of the tools needs, and a link that leads nowhere before a site repository has packages. */
const leftOut = ["tools/go/", "tools/node/", "tools/licences/", "examples/site-repository/dist"];

/**
 * @typedef {object} KitTool
 * @property {string} name key of tools.json
 * @property {string} version
 * @property {string} folder holds its programs, absolute
 * @property {string[]} programs
 * @property {string} licences text
 */

/**
 * The archive of a Pulumi plugin.
 *
 * @typedef {object} KitPlugin
 * @property {string} name of the plugin: `kubernetes`
 * @property {string} version
 * @property {string} file absolute
 * @property {string} archive its name in the kit
 * @property {string} sha256
 */

/**
 * The tracked files of a checkout that a kit holds.
 *
 * @param {string} root
 * @returns {Promise<string[]>} relative paths, sorted
 */
async function trackedFiles(root) {
    const list = await captureOrThrow("git", ["-C", root, "ls-files", "-z", "--", ...programFiles]);
    const files = list.split("\0").filter((file) => file !== "" && !leftOut.some((folder) => file.startsWith(folder)));
    return files.sort();
}

/**
 * Fills a folder with what an installation consists of, with modes that depend on nothing but the content.
 *
 * @param {string} root the checkout, compiled, with its packages installed
 * @param {string} staging empty folder
 * @param {KitTool[]} tools
 * @param {KitPlugin[]} plugins
 * @returns {Promise<{packages: {name: string, version: string}[]}>} the npm packages
 */
export async function stageKit(root, staging, tools, plugins) {
    const copy = (/** @type {string} */ file) => copyInto(join(root, file), join(staging, file));
    for (const file of await trackedFiles(root)) copy(file);
    for (const file of compiledFiles(root)) copy(file);
    const packages = copyPackages(root, copy, staging);
    for (const tool of tools) {
        for (const program of tool.programs) {
            copyInto(join(tool.folder, program), join(staging, "kit", "tools", tool.name, program));
        }
        writeInto(join(staging, "kit", "licences", `${tool.name}.txt`), tool.licences);
    }
    for (const { file, archive } of plugins) {
        copyInto(file, join(staging, "kit", "plugins", archive));
        chmodSync(join(staging, "kit", "plugins", archive), 0o644);
    }
    const run = join(dirname(fileURLToPath(import.meta.url)), "run.sh");
    copyInto(run, join(staging, "run"));
    chmodSync(join(staging, "run"), 0o755);
    return { packages };
}

/** What was compiled from the sources that are there: nothing that an older build left. @param {string} root */
function compiledFiles(root) {
    return filesBelow(root, "dist").filter((file) => {
        const source = /^dist\/(.*?)(?:\.js|\.js\.map|\.d\.ts)$/.exec(file)?.[1];
        return source === undefined ? file === "dist/.sources.sha256" : exists(join(root, `${source}.ts`));
    });
}

/**
 * @param {string} root
 * @param {(file: string) => void} copy
 * @param {string} staging
 * @returns {{name: string, version: string}[]}
 */
function copyPackages(root, copy, staging) {
    const lock = readFileSync(join(root, "package-lock.json"));
    /** @type {import("./packages.mjs").LockedPackages} */
    const packages = JSON.parse(lock.toString("utf8")).packages;
    const folders = installedFolders(root, packages, productionFolders(packages, scriptPackages));
    for (const folder of folders) for (const file of filesBelow(root, folder, ["node_modules"])) copy(file);
    // The scripts see by it that the packages are those of the lock, and install nothing.
    const sum = createHash("sha256").update(lock).digest("hex");
    writeInto(join(staging, "node_modules", ".package-lock.sha256"), `${sum}\n`);
    // The program sees by npm's own list (tools/checkout.cjs).
    const installed = folders.map((folder) => [folder, { version: packages[folder]?.version }]);
    const list = JSON.stringify({ packages: Object.fromEntries(installed) });
    writeInto(join(staging, "node_modules", ".package-lock.json"), `${list}\n`);
    return folders.map((folder) => {
        const name = folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
        return { name, version: packages[folder]?.version ?? "" };
    });
}

/**
 * @param {string} root
 * @param {string} folder relative
 * @param {string[]} [skipped] names of folders directly below it
 * @returns {string[]} relative to the root, sorted
 */
export function filesBelow(root, folder, skipped = []) {
    return readdirSync(join(root, folder), { withFileTypes: true })
        .filter(({ name }) => !skipped.includes(name))
        .flatMap((entry) => {
            const path = `${folder}/${entry.name}`;
            return entry.isDirectory() ? filesBelow(root, path) : [path];
        })
        .sort();
}

/** @param {string} file */
function exists(file) {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** @param {string} from @param {string} to */
function copyInto(from, to) {
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(from, to);
    chmodSync(to, (statSync(from).mode & 0o100) === 0 ? 0o644 : 0o755);
}

/** @param {string} to @param {string} text */
function writeInto(to, text) {
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, text);
    chmodSync(to, 0o644);
}
