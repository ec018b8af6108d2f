import { createRequire } from "node:module";

// The index of an archive: what a lock, a plan and an import begin with.
const compiled = createRequire(import.meta.url);
/** @type {typeof import("../../lib/archives/index.js")} */
const { openArchive } = compiled("../../dist/lib/archives");

const archive = await openArchive(process.argv[2] ?? "");
await archive.close();
