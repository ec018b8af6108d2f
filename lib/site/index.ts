export {
    type AccountKey,
    type ConfiguredAccounts,
    type ReadAccountKey,
    accountIssues,
    readAccounts,
} from "./account-keys";
export { type ConfiguredSite, type Reading, UNKNOWN_SITE, parseJson, readConfiguredSite } from "./configured-site";
export { type Content, type FileReader, allImages, allMarks, localRepositories, readContent } from "./content";
export { type ClusterDelivery, clusterConfiguration, clusterDelivery, clusterTexts } from "./cluster-delivery";
export { type ClusterObjects, clusterObjects } from "./cluster-objects";
export type { ConfigIssue } from "./config-issue";
export { mergeDocuments, parseContent } from "./document";
export { issuesText, unknownKeyIssues } from "./issues";
export { type ConfigKey, accountKeys, siteKeys } from "./key-documentation";
export { type MirrorPolicy, type SiteCluster, mirrorPolicy } from "./mirror-policy";
export {
    type RegistryConnection,
    type SiteRegistry,
    parseConnection,
    registryConnection,
    registryEndpoint,
} from "./registry";
export type { SiteContext } from "./read-registry";
export { type ContentDocument, type SiteDocument, siteSchema } from "./schema";
export { stackFileJsonSchema } from "./stack-file-schema";
export { type Site, type SiteRobots, SITE_DEFAULTS, readSite } from "./site";
