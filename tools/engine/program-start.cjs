"use strict";
const { existsSync, readFileSync, realpathSync } = require("node:fs");
const { dirname, join } = require("node:path");

/*
 * Loaded first by every `node` that the engine finds on PATH (tools/workspace.mjs), and of use in the one that runs the program
 * with this checkout's SDK.
 */

const root = dirname(dirname(__dirname));
if (runsProgram(process.argv[1])) {
    require("./parts-when-used.cjs");
    // The pinned language host ignores the options of Pulumi.yaml, and would load the compiler for a compiled program.
    if (isCompiled(process.cwd())) process.env.PULUMI_NODEJS_TYPESCRIPT = "false";
}

/** @param {string | undefined} script */
function runsProgram(script) {
    const own = join(root, "node_modules", "@pulumi", "pulumi", "cmd", "run");
    try {
        return script !== undefined && dirname(realpathSync(script)) === realpathSync(own);
    } catch {
        return false;
    }
}

/**
 * Whether the project of a folder has `typescript: false`.
 *
 * @param {string} folder
 * @returns {boolean}
 */
function isCompiled(folder) {
    const file = join(folder, "Pulumi.yaml");
    if (existsSync(file)) return /^\s+typescript:\s*false\s*$|"typescript":\s*false/m.test(readFileSync(file, "utf8"));
    const above = dirname(folder);
    return above !== folder && isCompiled(above);
}
