import { createRequire } from "node:module";

// The index of an archive: what a lock, a plan and an import begin with.
const require = createRequire(import.meta.url);
const { openArchive } = require("../../dist/lib/archives");

const archive = await openArchive(process.argv[2]);
await archive.close();
