import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { capture } from "./process.mjs";

/** Tools that only some tests start, by the file of test/support that starts them: they take minutes to build. */
const toolsOfSupport = {
    "test/support/cluster/control-plane.ts": ["kube-apiserver", "etcd"],
    "test/support/node/real-node.ts": ["kubernetes-node"],
    "test/support/rules-oracle.ts": ["rules-oracle"],
    "test/support/signature-oracle.ts": ["signature-oracle"],
    "test/support/acme-server.ts": ["pebble"],
    "test/support/s3-server.ts": ["s3-server"],
    "test/support/other-registries/crane.ts": ["crane"],
    "test/support/other-registries/olareg.ts": ["olareg"],
    "test/support/other-registries/gitea.ts": ["gitea"],
};

/**
 * The tools that the tests of a run need beside those that every run has.
 *
 * @param {string} root of the checkout
 * @param {string[]} command jest with all its arguments
 * @returns {Promise<string[]>} keys of tools.json
 */
export async function toolsOfTests(root, command) {
    const [program = "", ...args] = command;
    const { code, stdout } = await capture(
        program,
        [...args.filter((argument) => argument !== "--json"), "--listTests"],
        { cwd: root },
    );
    // Options that jest refuses: the run itself reports them.
    if (code !== 0) return [];
    const files = importedFiles(stdout.split("\n").filter((line) => line !== ""));
    return Object.entries(toolsOfSupport).flatMap(([support, tools]) => (files.has(join(root, support)) ? tools : []));
}

/** @param {string[]} tests @returns {Set<string>} they and all they import by a relative path, directly or not */
function importedFiles(tests) {
    const found = new Set(tests);
    // A set iterates over what is added meanwhile.
    for (const file of found) {
        if (!file.endsWith(".ts")) continue;
        for (const [, path = ""] of readFileSync(file, "utf8").matchAll(/\bfrom "(\.[^"]+)"/g)) {
            const imported = [`${path}.ts`, join(path, "index.ts")].map((name) => join(dirname(file), name));
            for (const candidate of imported.filter((name) => existsSync(name))) found.add(candidate);
        }
    }
    return found;
}
