export { type Archive, type ArchiveContents } from "./archive";
export { type ArchiveDescription, describeArchive } from "./describe-archive";
export { shownName } from "./naming/name-problem";
export { type OpenOptions, openArchive } from "./open/open-archive";
export { verifyStructure } from "./verify-structure";
