export {
    type BlobTask,
    type ImagePlan,
    type ImageProblem,
    type ImportPlan,
    type Payload,
    needsArchive,
    payloadOf,
} from "./plan";
export { type PlanRequest, planImport } from "./planner";
export { type PlannedImage, type PlannedState, plannedImages } from "./planned-image";
export { type ExecuteOptions, executePlan } from "./execute";
export type { ImportResult } from "./import-tally";
export type { ImportEvent } from "./events";
export type { ImportProgress } from "./import-meter";
export type { RefusedMount } from "./transfer";
export { type KeptImage, type Removal, type WantedManifest, removeImages } from "./removal";
export {
    type ImageCheck,
    type ImageFailure,
    type ImageProof,
    type UnreadImage,
    type Verification,
    unreadError,
    verifyImages,
} from "./verify";
export { type ImageTask, imageTask } from "./image-task";
export { Sightings } from "./sightings";
export { type ImageList, formatImages, imagesOf, isImageText, sameImages } from "./image-list";
export {
    type ChangingImage,
    type ImagesBySource,
    type NamedImage,
    type OfflinePlan,
    type OnRemove,
    type PlanTotals,
    type SetOutlook,
    type WantedSet,
    isEmptyPlan,
    planOffline,
} from "./offline-plan";
export { type PlanLines, offlinePlanLines, planTotalsLine } from "./offline-plan-text";
export { cannotLines, isNothingToDo, planSummary } from "./plan-text";
export { problemLines } from "./problem-text";
export { counted, formatBytes, progressText } from "./progress-text";
export { type ManifestOutline, type RegistryQuestions, RegistryOutlook } from "./registry-outlook";
