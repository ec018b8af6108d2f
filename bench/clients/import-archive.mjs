import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { performance } from "node:perf_hooks";

// What the provider of an import does, without the engine around it: lock, plan, archive, structure, transfer.
/** @type {Record<string, number>} seconds */
const phases = {};
let before = 0;
const compiled = createRequire(import.meta.url);
/** @type {typeof import("../../lib/archives/index.js")} */
const { openArchive, verifyStructure } = compiled("../../dist/lib/archives");
/** @type {typeof import("../../lib/lock/index.js")} */
const { readLock } = compiled("../../dist/lib/lock");
/** @type {typeof import("../../lib/import/index.js")} */
const { PassingImport, executePlan, needsArchive, planImport } = compiled("../../dist/lib/import");
/** @type {typeof import("../../lib/mirror/mirror-reference.js")} */
const { parseMirrorBase } = compiled("../../dist/lib/mirror/mirror-reference");
/** @type {typeof import("../../lib/distribution/client/registry-client.js")} */
const { RegistryClient } = compiled("../../dist/lib/distribution/client/registry-client");

/** @type {typeof import("../../lib/distribution/limits/host-limiter.js")} */
const { hostLimiter } = compiled("../../dist/lib/distribution/limits/host-limiter");

const [archivePath = "", lockPath = "", mirrorBase = "", ca = "", level] = process.argv.slice(2);

async function main() {
    const base = parseMirrorBase(mirrorBase);
    const client = new RegistryClient({ endpoint: { host: base.host, ca: readFileSync(ca, "utf8") } });
    if (level !== undefined) hostLimiter(`https://${base.host}`).fix(Number(level));
    try {
        ended("start");
        const lock = await readLock(lockPath);
        const plan = await planImport(client, { images: lock.images, set: lock, base });
        ended("plan");
        const result = needsArchive(plan)
            ? await carryOut(client, plan, lock)
            : { failed: plan.problems, sent: undefined };
        if (result.failed.length > 0) throw new Error(JSON.stringify(result.failed.slice(0, 3)));
        process.stdout.write(JSON.stringify({ predicted: plan.bytes, sent: result.sent, phases }));
    } finally {
        await client.close();
    }
}

/**
 * @param {InstanceType<typeof RegistryClient>} client
 * @param {import("../../lib/import/index.js").ImportPlan} plan
 * @param {import("../../lib/lock/index.js").Lock} lock
 */
async function carryOut(client, plan, lock) {
    const options = level === undefined ? {} : { concurrency: 64 };
    const passing = new PassingImport(client, plan, archivePath, options, async () => undefined);
    const archive = await openArchive(archivePath, { passing: (entry) => passing.take(entry) });
    try {
        const differences = await verifyStructure(archive, lock);
        if (differences.length > 0) throw new Error(differences.slice(0, 3).join("; "));
        ended("open the archive");
        const result = passing.hasBegun
            ? await passing.finish(archive.source, new Map())
            : await executePlan(client, archive.source, plan, options);
        ended("transfer");
        return result;
    } finally {
        await archive.close();
    }
}

/** Seconds since the phase before it ended; the first began with the process. @param {string} phase */
function ended(phase) {
    const now = performance.now() / 1000;
    phases[phase] = Math.round((now - before) * 1000) / 1000;
    before = now;
}

await main();
