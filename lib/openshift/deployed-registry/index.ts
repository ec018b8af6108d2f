export { type RegistryAccounts, htpasswd, nextAccounts } from "./accounts";
export { applyObjects, compareObjects, removeObjects, requireOwnObjects } from "./apply-objects";
export { bucketDoubt } from "./bucket-check";
export {
    type BucketAccount,
    type DeployedRegistry,
    EXPOSURES,
    type Exposure,
    type RegistryStorage,
    bucketOf,
} from "./deployment";
export { requireRunnableImage } from "./image-check";
export { registryObjects } from "./registry-objects";
export { podsProblem, waitForAnswer, waitForRegistryPods } from "./registry-rollout";
