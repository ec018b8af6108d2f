export { type BlobTask, type ImagePlan, type ImportPlan, type Payload, manifestBytes, needsArchive } from "./plan/plan";
export { type PlanRequest, planImport } from "./plan/planner";
export { type Shard, imagesOfShard, shardPlan, splitBlobs } from "./plan/shards";
export { type PlannedImage, type PlannedState, plannedImages } from "./plan/planned-image";
export { type ExecuteOptions, executePlan } from "./transfer/execute";
export { journalFolder } from "./transfer/upload-journal";
export { executeStream } from "./stream/execute-stream";
export { PassingImport } from "./stream/passing-import";
export type { ImportResult } from "./transfer/import-recorder";
export type { ImportEvent } from "./transfer/events";
export type { ImportProgress } from "./transfer/import-meter";
export type { RefusedMount } from "./transfer/transfer-tools";
export { type KeptImage, type Removal, type WantedManifest, removeImages } from "./removal/removal";
export { type SupersededContent, type SupersededTag, findSuperseded, supersededDigest } from "./removal/superseded";
export { wantedManifests } from "./removal/wanted-manifests";
export { type ImageCheck, type ImageProof, type Verification, unreadError, verifyImages } from "./verify/verify";
export { type ImageTask, imageTask, signedDigest } from "./image-task";
export { findRejectedLayers, offerExclusion } from "./rejected-layers";
export { LookupCache } from "./verify/lookup-cache";
export { ReferrerLookup } from "./verify/referrer-lookup";
export { type ImageList, type ImageText, formatImages, toImageMap, imageText, haveSameImages } from "./image-list";
export {
    type ChangingImage,
    type ImagesBySource,
    type NamedImage,
    type OfflinePlan,
    type PlanTotals,
    type SetOutlook,
    type WantedSet,
    isEmptyPlan,
    planOffline,
} from "./plan/offline-plan";
export {
    type PlanLines,
    offlinePlanLines,
    planHeadline,
    removalLines,
    sharedImagesNote,
    singleSetLines,
} from "./plan/offline-plan-text";
export { blockedLines, isNothingToDo, planSummary } from "./plan/plan-text";
export {
    type ImageProblem,
    type ImageProblemJson,
    imageCodes,
    imageProblem,
    imageProblemToJson,
    namedProblems,
    problemLines,
} from "./image-problem";
export { progressText } from "./transfer/progress-text";
export { type ManifestOutline, type RegistryQuestions, RegistryOutlook } from "./plan/registry-outlook";
