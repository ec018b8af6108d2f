export { type CarryOutOptions, type LockedSet, carryOut, movedTags, readLockedSet, refusedMounts } from "./set-import";
export { type PullChecks, type PullCheckRequest, pullChecks } from "./pull-checks";
export { type SelftestRequest, type SelftestStep, selftest } from "./selftest";
