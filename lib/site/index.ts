export { accountIssues, proxyAccountIssues } from "./account-issues";
export { type AccountKey, type ConfiguredAccounts, type ReadAccountKey, readAccounts } from "./account-keys";
export { type ArchivePlace, importNamespaces } from "./archive-place";
export { type SiteAcme, acmeKeyIssues } from "./acme";
export { isKeyOfCertificate, privateKeyIn } from "./certificate-chain";
export { clientKeyIssues } from "./client-certificate";
export { type ConfiguredSite, type Reading, UNKNOWN_SITE, parseJson, readConfiguredSite } from "./configured-site";
export { readConnectionSecrets } from "./connection-secrets";
export { type Content, type FileReader, allImages, allMarks, localRepositories, readContent } from "./content";
export {
    type ClusterDelivery,
    type NamedDelivery,
    clusterConfiguration,
    clusterDeliveries,
    clusterDelivery,
    clusterTexts,
    deliveredObjects,
    deliveryNotes,
    perCluster,
} from "./cluster-delivery";
export { clusterKey, kubeconfigKey, withClusterName } from "./clusters";
export { type ClusterObjects, clusterObjects, mergeFacts } from "./cluster-objects";
export { type ClusterDeployment, deployedNamespace } from "./deploy";
export type { InstallerDeployment } from "./installer-deploy";
export type { HostAddress } from "./host-address";
export type { HostDeployment } from "./host-deploy";
export { type ConfiguredHost, type HostLogin, hostLogin, hostLoginIssues } from "./host-login";
export type { ConfigIssue } from "./config-issue";
export { mergeDocuments, parseContent } from "./document";
export { configuredExclusions } from "./exclude-issues";
export { configurationError, issuesCode, issuesText, unknownKeyIssues } from "./issues";
export { type ConfigKey, accountKeys, siteKeys } from "./key-documentation";
export { type Kubeconfigs, type ReachedCluster, configuredKubeconfig, readKubeconfigs } from "./kubeconfigs";
export { plainSecretIssues } from "./plain-secrets";
export { accessFiles } from "./network-access";
export {
    type ClusterApply,
    type ClusterRules,
    type MirrorPolicy,
    type SiteCluster,
    mirrorPolicy,
} from "./mirror-policy";
export {
    type AccountRole,
    type ConnectionSecrets,
    type RegistryConnection,
    type SiteRegistry,
    connectionSecrets,
    parseConnection,
    registryConnection,
    registryEndpoint,
    registryEndpoints,
    roleHost,
} from "./registry";
export { type SiteCa, type SiteCertificate, chainNotes, registryKeyIssues } from "./registry-certificate";
export { pushSignatures, signatureRules } from "./signature-rules";
export { type TargetRegistry, targetFiles } from "./target-files";
export type { SiteContext } from "./read-registry";
export { type ContentDocument, type SiteDocument, siteSchema } from "./schema";
export { readStorageAccount, storageAccountIssues } from "./storage";
export { stackFileJsonSchema } from "./stack-file-schema";
export { type Site, type SiteRobots, SITE_DEFAULTS, readSite } from "./site";
