export { type Content, allMarks, localRepositories } from "./content";
export { type Site, allImages, readSite } from "./site";
