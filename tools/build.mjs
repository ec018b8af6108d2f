import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import checkout from "./checkout.cjs";
import { captureOrThrow } from "./process.mjs";

/**
 * Compiles the TypeScript into `dist/`, unless it was compiled from exactly these sources.
 *
 * @param {string} root
 * @param {import("./progress.mjs").Progress} progress
 * @returns {Promise<boolean>} whether it compiled
 */
export async function ensureBuild(root, progress) {
    if (checkout.isBuilt(root)) return false;
    const sum = checkout.fingerprint(root);
    const dist = join(root, "dist");
    const mark = checkout.buildMark(root);
    mkdirSync(dist, { recursive: true });
    rmSync(mark, { force: true });
    removeOrphans(dist, checkout.listSources(root));
    await progress.beat("compiling", () => compile(root, "tsconfig.build.json"));
    writeFileSync(mark, `${sum}\n`);
    return true;
}

/**
 * The declarations that other programs compile with.
 *
 * @param {string} root
 * @param {import("./progress.mjs").Progress} progress
 */
export async function buildDeclarations(root, progress) {
    await progress.beat("compiling declarations", () => compile(root, "tsconfig.types.json"));
}

/** @param {string} root @param {string} project a tsconfig of it */
function compile(root, project) {
    const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
    return captureOrThrow(process.execPath, [compiler, "-p", join(root, project), "--pretty", "false"], { cwd: root });
}

/**
 * The output of a file that is gone (`x.ts`, now `x/index.ts`) would still be found, before the new one.
 *
 * @param {string} dist
 * @param {string[]} sources
 */
function removeOrphans(dist, sources) {
    const known = new Set(sources.map((source) => source.replace(/\.ts$/, "")));
    for (const file of checkout.filesBelow(dist)) {
        const source = /^(.*?)(?:\.js(?:\.map)?|\.d\.ts)$/.exec(relative(dist, file))?.[1];
        if (source !== undefined && !known.has(source)) rmSync(file);
    }
}
