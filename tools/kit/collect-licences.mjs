import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { getTools } from "../get-tools.mjs";
import { pinnedTools } from "../pins.mjs";
import { runMain } from "../prepare.mjs";
import { captureOrThrow } from "../process.mjs";
import { createProgress } from "../progress.mjs";
import { workspace } from "../workspace.mjs";
import { licenceFile } from "./licences.mjs";

/*
 * Writes tools/licences/<tool>.txt: the licences of every Go module that a tool of the kit is linked from. The files are
 * tracked, because a machine that downloads the tools has no module sources. Run it after a change of a version in
 * tools.json, on a machine that has built the tools (the sources are in Go's module cache then).
 */

const tools = /** @type {const} */ (["pulumi", "registry"]);
const isLicence = (/** @type {string} */ name) => /^(?:un)?licen[cs]e|^copying|^notice|^patents/i.test(name);

/**
 * The modules that a program is linked from, replacements in place of what they replace.
 *
 * @param {string} file
 * @returns {Promise<string[]>} `github.com/x/y@v1.2.3`
 */
async function linkedModules(file) {
    /** @type {string[]} */
    const modules = [];
    for (const line of (await captureOrThrow("go", ["version", "-m", file])).split("\n")) {
        const [kind, path, version] = line.trim().split(/\s+/);
        if (kind === "=>") modules.pop();
        if (kind === "dep" || kind === "=>") modules.push(`${path}@${version}`);
    }
    return modules;
}

/** @param {string} cache @param {string} module @returns {string} its licence files, one after the other */
function licenceText(cache, module) {
    const folder = join(
        cache,
        module.replace(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`),
    );
    if (!existsSync(folder)) throw new Error(`${folder} does not exist: build the tools on this machine first`);
    const names = readdirSync(folder).filter(isLicence).sort();
    const texts = names.map((name) => readFileSync(join(folder, name), "utf8").trim());
    return texts.length > 0 ? texts.join("\n\n") : "The module has no licence file; see its source.";
}

/** @param {string} text @returns {string} the same for texts that differ in white space only */
function normalized(text) {
    return text.replace(/\s+/g, " ").trim();
}

/**
 * @param {Map<string, string>} texts module -> licences
 * @returns {string} every text once, under the modules that have it
 */
function grouped(texts) {
    /** @type {Map<string, {modules: string[], text: string}>} */
    const groups = new Map();
    for (const [module, text] of [...texts].sort(([left], [right]) => (left < right ? -1 : 1))) {
        const group = groups.get(normalized(text)) ?? { modules: [], text };
        group.modules.push(module);
        groups.set(normalized(text), group);
    }
    const rule = "=".repeat(100);
    return [...groups.values()]
        .map(({ modules, text }) => `${rule}\n${modules.join("\n")}\n${"-".repeat(100)}\n${plainText(text)}\n`)
        .join("\n");
}

/** @param {string} text @returns {string} without carriage returns and white space at the end of lines */
function plainText(text) {
    return text.replace(/\r/g, "").replace(/[ \t\f]+$/gm, "");
}

async function main() {
    const place = workspace();
    const progress = createProgress();
    const found = await getTools([...tools], { cache: place.tools, progress, pinnedOnly: true });
    const cache = (await captureOrThrow("go", ["env", "GOMODCACHE"])).trim();
    const standardLibrary = join((await captureOrThrow("go", ["env", "GOROOT"])).trim(), "LICENSE");
    for (const name of tools) {
        const pin = pinnedTools()[name];
        if (pin === undefined) throw new Error(`tools/tools.json has no ${name}`);
        const folder = dirname(found[name].file);
        const files = [pin.names[0], ...pin.companions].map((program) => join(folder, program));
        const modules = [...new Set((await Promise.all(files.map(linkedModules))).flat())];
        const own = pin.builds.map(({ package: path }) => path).join(", ");
        const texts = new Map(modules.map((module) => [module, licenceText(cache, module)]));
        texts.set("the Go standard library", readFileSync(standardLibrary, "utf8").trim());
        const title = `${pin.title} ${pin.version}: licences of ${own} and of the modules they are linked from\n\n`;
        mkdirSync(dirname(licenceFile(name)), { recursive: true });
        writeFileSync(licenceFile(name), title + grouped(texts));
        progress.note(`${licenceFile(name)}: ${modules.length} modules`);
    }
    return 0;
}

await runMain(main);
