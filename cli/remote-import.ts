import "./require-node";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { readTextFile } from "../lib/files/text-file";
import { toProblem } from "../lib/errors/errors";
import { failureKind } from "../lib/errors/failure-kind";
import { problemToJson } from "../lib/errors/format";
import { IMPORT_EXITS, type RemoteLine } from "../lib/remote-import/report";
import { parseRequest, parseSecrets } from "../lib/remote-import/request";
import { runImportRequest } from "../lib/remote-import/run-request";
import { interruptible, Interrupted } from "./terminal/interruption";
import { hideSecretsInJson, keepSecret, keepSecretTexts } from "./terminal/output";

/*
 * The importer that runs where an archive is. It is no command of people: `npm run up` brings it there and starts it.
 *
 *     remote-import.js <folder> [--shard] [--account <file>]
 *
 * The folder has request.json and lock.json. Without a file, the account is the first line of standard input, which stays
 * open as long as somebody wants the import. With --shard, JOB_COMPLETION_INDEX says which part it does (batch/v1 Job).
 */

let ended: string | undefined;

function say(line: RemoteLine): void {
    if (line.line === "error") ended = String(line.problem["code"]);
    process.stdout.write(`${JSON.stringify(line, hideSecretsInJson)}\n`);
}

async function run(args: readonly string[], signal: AbortSignal): Promise<boolean> {
    const [folder = "."] = args;
    const request = parseRequest(readTextFile(join(folder, "request.json")));
    const secrets = parseSecrets(await accountText(args));
    keepSecret(secrets.credentials);
    const { clientKey, proxy } = secrets.connectionSecrets ?? {};
    keepSecretTexts(clientKey === undefined ? [] : [clientKey]);
    if (proxy !== undefined) keepSecret(proxy);
    const index = Number(process.env["JOB_COMPLETION_INDEX"] ?? 0);
    const shard = args.includes("--shard") ? { index, of: request.shards } : undefined;
    // A pod has no folder that outlives it; on a host, requests are in a folder of this program.
    const journals = args.includes("--account") ? undefined : join(folder, "..", "uploads");
    return runImportRequest({ request, secrets, lock: join(folder, "lock.json"), shard, journals, signal, say });
}

async function accountText(args: readonly string[]): Promise<string> {
    const file = args[args.indexOf("--account") + 1];
    if (args.includes("--account") && file !== undefined) return readTextFile(file);
    const input = createInterface({ input: process.stdin });
    const [line] = (await once(input, "line")) as [string];
    // Whoever wanted the import is gone, with the connection.
    input.once("close", () => process.kill(process.pid, "SIGTERM"));
    return line;
}

/** @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
    try {
        return await interruptible(async (signal) => {
            const isDone = await run(args, signal);
            if (signal.aborted) throw signal.reason;
            if (isDone) return IMPORT_EXITS.done;
            return failureKind([ended ?? ""]) === "temporary" ? IMPORT_EXITS.again : IMPORT_EXITS.never;
        });
    } catch (error) {
        if (error instanceof Interrupted) return error.exitCode;
        say({ line: "error", problem: problemToJson(toProblem(error)) });
        return IMPORT_EXITS.never;
    }
}

// What Node.js ends with when nothing is left that could settle the import must not look like success.
process.exitCode = IMPORT_EXITS.never;
void main(process.argv.slice(2)).then((code) => {
    // Standard input may stay open.
    process.stdout.write("", () => process.exit(code));
});
