export { keepSecretsOutOfDebugLog } from "./debug-log";
export { loadSite } from "./load";
