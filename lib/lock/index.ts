export { type ArchiveFormat, type ArchivePart, isSameFormat } from "./archive-parts";
export { type Lock, lockDigest, parseLock } from "./lock";
export { type LockDifference, compareLocks, compareNameSources, withFormerFormat } from "./lock-difference";
export { readLock, writeLock } from "./lock-file";
export { type LockedImage, findLockedImages } from "./lock-search";
