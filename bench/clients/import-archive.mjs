import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { performance } from "node:perf_hooks";

// What the provider of an import does, without the engine around it: lock, plan, archive, structure, transfer.
const phases = {};
let before = 0;
const require = createRequire(import.meta.url);
const { openArchive, verifyStructure } = require("../../dist/lib/archives");
const { readLock } = require("../../dist/lib/lock");
const { executePlan, needsArchive, planImport } = require("../../dist/lib/import");
const { parseMirrorBase } = require("../../dist/lib/mirror/mirror-reference");
const { RegistryClient } = require("../../dist/lib/distribution/client/registry-client");

const [archivePath, lockPath, mirrorBase, ca] = process.argv.slice(2);

async function main() {
    const base = parseMirrorBase(mirrorBase);
    const client = new RegistryClient({ endpoint: { host: base.host, ca: readFileSync(ca, "utf8") } });
    try {
        ended("start");
        const lock = await readLock(lockPath);
        const plan = await planImport(client, { images: lock.images, set: lock, base });
        ended("plan");
        const result = needsArchive(plan) ? await carryOut(client, plan, lock) : { failed: plan.problems };
        if (result.failed.length > 0) throw new Error(JSON.stringify(result.failed.slice(0, 3)));
        process.stdout.write(JSON.stringify({ predicted: plan.bytes, sent: result.sent, phases }));
    } finally {
        await client.close();
    }
}

async function carryOut(client, plan, lock) {
    const archive = await openArchive(archivePath);
    try {
        const differences = await verifyStructure(archive, lock);
        if (differences.length > 0) throw new Error(differences.slice(0, 3).join("; "));
        ended("open the archive");
        const result = await executePlan(client, archive.source, plan, {});
        ended("transfer");
        return result;
    } finally {
        await archive.close();
    }
}

/** Seconds since the phase before it ended; the first began with the process. */
function ended(phase) {
    const now = performance.now() / 1000;
    phases[phase] = Math.round((now - before) * 1000) / 1000;
    before = now;
}

await main();
