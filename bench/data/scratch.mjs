import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join, resolve } from "node:path";
import { projectRoot } from "../../tools/workspace.mjs";

/** Changes when what the same names stand for changes: content of an older version is made anew. */
const version = 3;

/**
 * The folder of everything a run makes: work data, registries, temporary files. Not in the checkout: the language host looks
 * through every folder of the program, and with the files of work I's registry there each `up` took 13 s longer.
 */
export function scratchFolder() {
    const own = `registry-passthrough-bench-${userInfo().username}`;
    return resolve(projectRoot, process.env.REGISTRY_PASSTHROUGH_BENCH_DIR || join("/var/tmp", own));
}

/**
 * Work data that is made once: a folder is good when its facts are written, which happens last.
 *
 * @template T
 * @param {string} name of the folder
 * @param {(folder: string) => T | Promise<T>} make fills the empty folder
 * @returns {Promise<{folder: string, facts: T}>}
 */
export async function made(name, make) {
    const folder = join(scratchFolder(), "data", `${name}-${version}`);
    const facts = join(folder, "facts.json");
    if (!existsSync(facts)) {
        rmSync(folder, { recursive: true, force: true });
        mkdirSync(folder, { recursive: true });
        const found = await make(folder);
        writeFileSync(facts, JSON.stringify(found));
    }
    return { folder, facts: JSON.parse(readFileSync(facts, "utf8")) };
}
