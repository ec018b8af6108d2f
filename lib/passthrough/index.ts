export { type CarryOutOptions, type LockedSet, carryOut, movedTags, readLockedSet, refusedMounts } from "./set-import";
export { type PullChecks, type PullCheckRequest, pullChecks } from "./pull-checks";
export { refusesSparseIndexes } from "./sparse-indexes";
export { type SelftestRequest, type SelftestStep, selftest } from "./selftest";
export { type CoverageState, type CoveredImage, type ImageUse, coverage } from "./coverage/coverage";
export { checkBeforeFirstImport } from "./doctor/before-first-import";
export { type DoctorResult, runDoctor } from "./doctor/doctor";
