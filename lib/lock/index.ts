export { type ArchiveFormat, type ArchivePart, isFormatOf } from "./archive-parts";
export { type Lock, lockDigest, parseLock, serialiseLock } from "./lock";
export { type LockDifference, compareLocks } from "./lock-difference";
export { readLock, writeLock } from "./lock-file";
