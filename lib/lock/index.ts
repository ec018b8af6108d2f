export { type ArchiveFormat, type ArchivePart, isSameFormat } from "./archive-parts";
export { type Lock, lockDigest, parseLock } from "./lock";
export {
    type LockDifference,
    compareExclusions,
    compareLocks,
    compareNameSources,
    withFormerFormat,
} from "./lock-difference";
export { readLock, readLockText, writeLock } from "./lock-file";
export { type LockedImage, findExcludedImages, findLockedImages } from "./lock-search";
