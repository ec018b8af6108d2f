export { keepSecretsOutOfDebugLog } from "./debug-log";
export { type LoadedSite, type SecretAdmin, type SecretCredentials, loadSite } from "./load";
