import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isUpdate } from "./command-line.mjs";

const variable = "REGISTRY_PASSTHROUGH_PREVIEW_FINDINGS";

/**
 * Runs a command of the Pulumi CLI. For `pulumi up` there is a private folder as long as it runs, in which its preview
 * notes for its update what it has found (`dynamic-providers/registry/preview-findings.ts`). Every other command has none:
 * nor that of a command from which this one was started.
 *
 * @template T
 * @param {{args: string[], env: NodeJS.ProcessEnv}} command its arguments and its environment
 * @param {(env: NodeJS.ProcessEnv) => Promise<T>} run starts the command with this environment
 * @returns {Promise<T>} what that gives
 */
export async function withPreviewFindings({ args, env }, run) {
    const { [variable]: _, ...own } = env;
    const folder = isUpdate(args) ? privateFolder() : undefined;
    if (folder === undefined) return run(own);
    try {
        // Not in the folder: what a killed command leaves there says nothing then.
        const key = randomBytes(32).toString("base64url");
        return await run({ ...own, [variable]: `${key}:${folder}` });
    } finally {
        remove(folder);
    }
}

/** @returns {string | undefined} of mode 0700; undefined if there can be none */
function privateFolder() {
    try {
        return mkdtempSync(join(tmpdir(), "passthrough-"));
    } catch {
        // A temporary folder that is full is no reason not to run.
        return undefined;
    }
}

/** @param {string} folder */
function remove(folder) {
    try {
        rmSync(folder, { recursive: true, force: true });
    } catch {
        // Without the key nothing in it says anything; the result of the command counts.
    }
}
