export { type LoadedSite, type SecretAdmin, type SecretCredentials, loadSite } from "./load";
export { type Site, allImages } from "./site";
export { type Content, allMarks, localRepositories } from "./content";
