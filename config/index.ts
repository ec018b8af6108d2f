export { type LoadedSite, type SecretAdmin, type SecretCredentials, loadSite } from "./load";
export { type Site, allImages } from "./site";
export { type Content, allMarks } from "./content";
