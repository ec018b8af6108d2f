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
export { formatMirrorRules } from "./mirror-rules-yaml";
export { type MirrorRuleOptions, type MirrorRules, type MirroredHost, mirrorRules } from "./mirror-sets";
export { type RegistriesConf, type RegistryMirror, type RegistryRule, registriesConf } from "./registries-conf";
export { formatRegistriesConf, parseRegistriesConf } from "./registries-toml";
export { type PullAttempt, type PullResolution, type RefusedAttempt, resolvePull } from "./resolve";
export { type ClusterVersion, type MirrorKind, type MirrorKinds, mirrorKinds, parseClusterVersion } from "./versions";
