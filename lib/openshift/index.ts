export { type CatalogSource, type ClusterCatalog, catalogSources, clusterCatalogs } from "./catalog-objects";
export { type ClusterPolicy, type ContentImages, type ContentRules, contentRules } from "./content-rules";
export { type Coverage, type UncoveredImage, coverage } from "./coverage";
export type {
    ImageContentSourcePolicy,
    ImageDigestMirrorSet,
    ImageTagMirrorSet,
    MirrorEntry,
    MirrorObject,
    MirrorSourcePolicy,
} from "./mirror-objects";
export { type MirrorRuleOptions, type MirrorRules, type MirroredHost, mirrorRules } from "./mirror-sets";
export { formatObjects } from "./objects-yaml";
export { DEFAULT_CATALOGS_OFF, type OperatorHub } from "./operator-hub";
export { type RegistriesConf, type RegistryMirror, type RegistryRule, registriesConf } from "./registries-conf";
export { formatRegistriesConf, parseRegistriesConf } from "./registries-toml";
export { type SignatureConfigMap, signatureConfigMaps } from "./release-signatures";
export { type PullAttempt, type PullResolution, type RefusedAttempt, findRule, resolvePull } from "./resolve";
export { type UpdateService, updateService } from "./update-service";
export {
    type ClusterVersion,
    type MirrorKind,
    type MirrorKinds,
    hasClusterCatalogs,
    mirrorKinds,
    parseClusterVersion,
} from "./versions";
