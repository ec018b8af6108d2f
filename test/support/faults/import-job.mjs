/**
 * Imports one archive with the compiled library, as the provider does, in a process that a test may kill. The job comes
 * as JSON on standard input (credentials never stand in argv), the outcome goes as JSON to standard output.
 */
import { existsSync, readFileSync } from "node:fs";
import { openArchive, verifyStructure } from "../../../dist/lib/archives/index.js";
import { readLock } from "../../../dist/lib/lock/index.js";
import { executePlan, planImport } from "../../../dist/lib/import/index.js";
import { parseMirrorBase } from "../../../dist/lib/mirror/mirror-reference.js";
import { RegistryClient } from "../../../dist/lib/distribution/client/registry-client.js";

const job = JSON.parse(readFileSync(0, "utf8"));
const stop = new AbortController();
process.once("SIGINT", () => stop.abort(new Error("interrupted")));
const client = new RegistryClient({ ...job.client, signal: stop.signal });
/** Every event and wait goes to standard error, as JSON. */
const tell = (what) => void process.stderr.write(`${JSON.stringify(what)}\n`);
client.onWait(tell);
const outcome = await bring().catch((error) => ({ error: error.message }));
await client.close();
process.stdout.write(JSON.stringify({ ...outcome, peakKiB: peakKiB() }));

/** Of this program alone: getrusage also counts the process that it was forked from (proc(5), VmHWM; Linux). */
function peakKiB() {
    const status = "/proc/self/status";
    if (!existsSync(status)) return process.resourceUsage().maxRSS;
    return Number(/VmHWM:\s*(\d+)/.exec(readFileSync(status, "utf8"))[1]);
}

async function bring() {
    const lock = await readLock(job.lock);
    const plan = await planImport(client, { images: lock.images, set: lock, base: parseMirrorBase(job.mirrorBase) });
    const archive = await openArchive(job.archive);
    try {
        const differences = await verifyStructure(archive, lock);
        if (differences.length > 0) throw new Error(differences.join("; "));
        return {
            result: await executePlan(client, archive.source, plan, {
                journals: job.journals,
                onEvent: tell,
                onProgress: tell,
            }),
        };
    } finally {
        await archive.close();
    }
}
