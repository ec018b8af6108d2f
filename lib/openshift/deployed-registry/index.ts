export { type RegistryAccounts, htpasswd, nextAccounts } from "./accounts";
export { applyObjects, compareObjects, removeObjects, requireOwnObjects } from "./apply-objects";
export { type DeployedRegistry, EXPOSURES, type Exposure, type RegistryStorage } from "./deployment";
export { requireRunnableImage } from "./image-check";
export { registryObjects } from "./registry-objects";
export { podsProblem, waitForAnswer, waitForRegistryPods } from "./registry-rollout";
