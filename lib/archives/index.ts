export { ARCHIVE_FORMATS, type Archive, type ArchiveContents, type ArchiveFormat, type ArchivePart } from "./archive";
export { type ArchiveDescription, describeArchive } from "./describe-archive";
export { type LockDifference, compareLocks } from "./lock-difference";
export { type Lock, lockDigest, parseLock, serialiseLock } from "./lock";
export { readLock, writeLock } from "./lock-file";
export { type OpenOptions, openArchive } from "./open-archive";
export { type Override, overrideSchema } from "./override";
export { verifyStructure } from "./verify-structure";
