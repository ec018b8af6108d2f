import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

const PACKAGE = "registry-passthrough";
const ENTRY = "dist/dynamic-providers/entry";

/**
 * True if the running program is this project's own one, and not another one that depends on this package. Program and
 * provider processes both run in the project's folder; its `dist/` may be a link to a shared build.
 */
export function isOwnProject(): boolean {
    const [running, own] = [process.cwd(), packageFolder()];
    return realpathSync(running) === own || entryFile(running) === entryFile(own);
}

/** The real path of the compiled entry in a folder; without one, a path that no other folder has. */
function entryFile(folder: string): string {
    const path = join(folder, `${ENTRY}.js`);
    return existsSync(path) ? realpathSync(path) : path;
}

/**
 * What a provider process evaluates for each call: one line that loads the compiled entry. State holds no code then, and
 * refresh and destroy always run today's. In this project the path is relative to its folder; it is stored in the state of
 * every stack and must stay as it is. Another project finds the entry in the package that it depends on.
 * @param kind the name that `entry.ts` exports
 */
export function handlerText(kind: string): string {
    return `exports.handler=()=>require("${isOwnProject() ? `./${ENTRY}` : `${PACKAGE}/${ENTRY}`}").${kind}`;
}

/** The folder with this package's package.json: above the sources, or above the compiled code. */
function packageFolder(): string {
    let folder = realpathSync(__dirname);
    while (!existsSync(join(folder, "package.json")) && folder !== dirname(folder)) folder = dirname(folder);
    return folder;
}
