export { type LoadedSite, type SecretCredentials, loadSite } from "./load";
export { type Site, allImages } from "./site";
export { type Content, allMarks } from "./content";
