export { type LoadedSite, type SecretAdmin, type SecretCredentials, loadSite } from "./load";
