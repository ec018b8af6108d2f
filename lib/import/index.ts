export { type ImportPlan, type ImageProblem, needsArchive, planImport } from "./plan";
export { type ImportProgress, type ImportResult, executePlan } from "./execute";
export { type ImageCheck, type ImageFailure, type ImageProof, type Verification, verifyImages } from "./verify";
export { type ImageTask, imageTask } from "./image-task";
