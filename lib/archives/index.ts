export { type Archive, type ArchiveContents } from "./archive";
export { type ArchiveDescription, describeArchive } from "./describe-archive";
export type { OpenOptions } from "./open/file-opener";
export { openArchive } from "./open/open-archive";
export { verifyNames } from "./verify-names";
export { verifyStructure } from "./verify-structure";
export { streamEntries } from "./stream/stream-entries";
