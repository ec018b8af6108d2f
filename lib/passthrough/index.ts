export { type ProofImage, type ProofStage, proveAccount, unprovenError } from "./account-proof";
export { type CarryOutOptions, carryOut, compareWithArchive, movedTags, refusedMounts } from "./set-import";
export { type ByteStream, carryOutStream } from "./stream-import";
export { type LockedSet, planLockedSet } from "./planned-set";
export { type PullChecks, type PullCheckRequest, joinPullChecks, pullChecks } from "./pull-checks";
export { type SelftestRequest, type SelftestStep, selftest } from "./selftest";
export { type CoverageState, type CoveredImage, type ImageUse, coverage } from "./coverage/coverage";
export { isAccepted } from "./coverage/accepted-images";
export { type ImageSetAddition, imageSetAddition, imageSetLines } from "./coverage/image-set-addition";
export { type NeverDecision, decideNever } from "./coverage/never-decision";
export { type DoctorResult, runDoctor } from "./doctor/doctor";
export { type ClusterProof, type ClusterProofRequest, proveCluster } from "./cluster-proof/cluster-proof";
export { firstRepositories } from "./cluster-proof/existing-repositories";
export {
    type ImageSignatures,
    type SignatureRefusal,
    type SignatureReport,
    checkSignatures,
} from "./signatures/check-signatures";
export type { OpenSet } from "./signatures/archive-reader";
export { checkArchiveSignatures, checkSetSignatures } from "./signatures/archive-signatures";
export { refusalText } from "./signatures/push-signatures";
export {
    type RequiredSignatures,
    checkRequiredSignatures,
    countRefused,
    coveredImages,
    refusedImageLines,
} from "./signatures/required-signatures";
export { type SignaturePull, signaturePulls } from "./signatures/signature-pulls";
export { findUnsignedReleases } from "./signatures/unsigned-releases";
