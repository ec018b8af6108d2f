export { type RegistryAccounts, accountsAfter, htpasswd, nextAccounts } from "./accounts";
export { applyObjects, compareObjects, removeObjects, requireOwnObjects } from "./apply-objects";
export { bucketDoubt } from "./bucket-check";
export {
    type BucketAccount,
    type DeployedRegistry,
    EXPOSURES,
    type Exposure,
    INSTANCES,
    type Instance,
    type RegistryStorage,
    bucketOf,
} from "./deployment";
export { requireRunnableImage } from "./image-check";
export { FOLDERS, registryConfig } from "./registry-config";
export { registryObjects } from "./registry-objects";
export { type RegistryWait, podsProblem, waitForAnswer, waitForRegistryPods } from "./registry-rollout";
