import { existsSync, readFileSync, readdirSync, realpathSync, statSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { PassthroughError } from "../../errors/errors";
import { parseJson } from "../../errors/text";

/** A file of the importer, where it is here and where it belongs. */
export interface ProgramFile {
    /** Absolute. */
    readonly file: string;
    /** Below the program's folder: `dist/cli/remote-import.js`. */
    readonly path: string;
}

/** What is run, below the program's folder. */
export const PROGRAM_ENTRY = "dist/cli/remote-import.js";

/**
 * The files of the importer: its compiled code, and the npm packages that this needs. The same for everybody who has this
 * version of the program.
 * @param root the folder with this package's package.json; default: that of the running code
 * @returns sorted by path
 * @throws PassthroughError `REMOTE_IMPORT_FAILED` if the program is not compiled, or a package is missing
 */
export function programFiles(root = packageFolder()): ProgramFile[] {
    const entry = join(root, PROGRAM_ENTRY);
    if (!existsSync(entry)) throw incomplete(`${entry} does not exist`, "compile the program: npm run build");
    const own = codeFrom(entry);
    const names = new Set([...own].flatMap((file) => packageNames(readFileSync(file, "utf8"))));
    const packages = new Map<string, string>();
    for (const name of names) addPackage(packages, name, root);
    const files = [
        ...[join(root, "package.json"), ...own].map((file) => ({ file, path: relative(root, file) })),
        ...[...packages].flatMap(([folder, path]) => packageFiles(folder, path)),
    ];
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What code loads by a name that stands in it: compiled TypeScript calls `require`, and `load` where it does so late. */
const REQUIRED = /\b(?:require|load|createRequire\)?\(__filename\))\(\s*"([^"]+)"/g;

function required(text: string): string[] {
    return [...text.matchAll(REQUIRED)].map(([, name = ""]) => name);
}

/** A file of the program and all others that it loads. */
function codeFrom(entry: string): Set<string> {
    const found = new Set<string>();
    const look = (file: string): void => {
        if (found.has(file)) return;
        found.add(file);
        for (const name of required(readFileSync(file, "utf8")).filter((one) => one.startsWith("."))) {
            const path = join(dirname(file), name);
            const place = [`${path}.js`, join(path, "index.js"), path].find(isFile);
            if (place === undefined) throw incomplete(`${file} needs ${name}`, "compile the program: npm run build");
            look(place);
        }
    };
    look(entry);
    return found;
}

function isFile(path: string): boolean {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** `undici` of `undici/types`, `@peculiar/x509`. */
function packageNames(text: string): string[] {
    return required(text)
        .filter((name) => !name.startsWith(".") && !name.startsWith("node:") && !builtinModules.includes(name))
        .map((name) => name.split("/", name.startsWith("@") ? 2 : 1).join("/"));
}

const manifest = z.looseObject({ dependencies: z.record(z.string(), z.string()).optional() });

/** @param packages by folder, the path that they get */
function addPackage(packages: Map<string, string>, name: string, from: string): void {
    const folder = findPackage(name, from);
    if (packages.has(folder)) return;
    packages.set(folder, folder.slice(folder.indexOf("node_modules/")));
    const { dependencies = {} } = manifest.parse(parseJson(readFileSync(join(folder, "package.json"), "utf8")));
    for (const dependency of Object.keys(dependencies)) addPackage(packages, dependency, folder);
}

/** As Node.js looks for it: beside whoever needs it, then ever further above. */
function findPackage(name: string, from: string): string {
    for (let folder = from; ; folder = dirname(folder)) {
        const place = join(folder, "node_modules", name);
        if (existsSync(join(place, "package.json"))) return place;
        if (folder === dirname(folder)) throw incomplete(`the npm package ${name} is not installed`, "run npm ci");
    }
}

/** What nobody loads: declarations, maps, documents. */
const UNUSED = /\.(?:d\.[cm]?ts|[cm]?ts|map|md|markdown|flow)$/;

function packageFiles(folder: string, path: string): ProgramFile[] {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const [file, place] = [join(folder, entry.name), `${path}/${entry.name}`];
        // Packages of its own are found by themselves.
        if (entry.isDirectory()) return entry.name === "node_modules" ? [] : packageFiles(file, place);
        return entry.isFile() && !UNUSED.test(entry.name) ? [{ file, path: place }] : [];
    });
}

/** The folder of this package: above the sources, or above the compiled code. */
function packageFolder(): string {
    let folder = realpathSync(__dirname);
    while (!existsSync(join(folder, "package.json")) && folder !== dirname(folder)) folder = dirname(folder);
    return folder;
}

function incomplete(problem: string, fix: string): PassthroughError {
    return new PassthroughError(problem, { code: "REMOTE_IMPORT_FAILED", thing: "the importer", fix });
}
