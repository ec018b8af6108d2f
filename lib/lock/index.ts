export { ARCHIVE_FORMATS, type ArchiveFormat, type ArchivePart } from "./archive-parts";
export { type Lock, lockDigest, parseLock, serialiseLock } from "./lock";
export { type LockDifference, compareLocks } from "./lock-difference";
export { readLock, writeLock } from "./lock-file";
