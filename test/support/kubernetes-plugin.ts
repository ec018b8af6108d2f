import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, delimiter, join } from "node:path";
import * as ts from "typescript";
import { PROJECT } from "./stack";

const PROGRAM = "pulumi-resource-kubernetes";
const SOURCES = join(__dirname, "kubernetes-plugin");

export interface KubernetesPlugin {
    /** The folder of the program, to put on PATH. */
    readonly directory: string;
    readonly isOfficial: boolean;
}

/**
 * The Pulumi kubernetes plugin for a test's stack: the official one where it is installed (in the folder
 * KUBERNETES_PLUGIN_UNDER_TEST, as a plugin of the npm package's version in Pulumi's home, or on PATH), else a stand-in,
 * which says so on stderr.
 *
 * @throws Error if KUBERNETES_PLUGIN_UNDER_TEST has no plugin
 */
export function kubernetesPlugin(environment: NodeJS.ProcessEnv = process.env): KubernetesPlugin {
    const chosen = environment.KUBERNETES_PLUGIN_UNDER_TEST;
    if (chosen !== undefined && !existsSync(join(chosen, PROGRAM))) {
        throw new Error(`KUBERNETES_PLUGIN_UNDER_TEST: there is no ${PROGRAM} in ${chosen}`);
    }
    const installed = [chosen, pluginFolder(environment), ...(environment.PATH ?? "").split(delimiter)]
        .filter((folder): folder is string => folder !== undefined && folder !== "")
        .find((folder) => existsSync(join(folder, PROGRAM)));
    if (installed !== undefined) return { directory: installed, isOfficial: true };
    process.stderr.write(`no ${PROGRAM} is installed: the tests use a stand-in\n`);
    return { directory: standInPlugin(), isOfficial: false };
}

/** An environment in which the engine finds the plugin. */
export function pathWith({ directory }: KubernetesPlugin): string {
    return `${directory}${delimiter}${process.env.PATH ?? ""}`;
}

/** Where `pulumi plugin install resource kubernetes <version of the npm package>` puts it. */
function pluginFolder(environment: NodeJS.ProcessEnv): string {
    const file = readFileSync(join(PROJECT, "node_modules/@pulumi/kubernetes/package.json"), "utf8");
    const { version } = JSON.parse(file) as { version: string };
    const home = environment.PULUMI_HOME ?? join(homedir(), ".pulumi");
    return join(home, "plugins", `resource-kubernetes-v${version}`);
}

/**
 * The stand-in as an executable: compiled below the checkout, where it finds its packages, and compiled again when a
 * source has changed. Tests that compile it at the same time do not meet.
 */
export function standInPlugin(): string {
    const sources = readdirSync(SOURCES).map((name) => [name, readFileSync(join(SOURCES, name), "utf8")] as const);
    const hash = createHash("sha256")
        .update(JSON.stringify([process.execPath, sources]))
        .digest("hex")
        .slice(0, 16);
    const folder = join(PROJECT, ".local", "kubernetes-plugin", hash);
    if (existsSync(folder)) return folder;
    const unfinished = `${folder}.${randomBytes(4).toString("hex")}`;
    mkdirSync(unfinished, { recursive: true });
    for (const [name, text] of sources) writeFileSync(join(unfinished, `${basename(name, ".ts")}.js`), compiled(text));
    const start = `#!/bin/sh\nexec "${process.execPath}" "$(dirname "$0")/main.js" "$@"\n`;
    writeFileSync(join(unfinished, PROGRAM), start, { mode: 0o755 });
    try {
        renameSync(unfinished, folder);
    } catch (error) {
        rmSync(unfinished, { recursive: true });
        if (!existsSync(folder)) throw error;
    }
    return folder;
}

function compiled(text: string): string {
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.Node16 };
    return ts.transpileModule(text, { compilerOptions, fileName: "stand-in.ts" }).outputText;
}
