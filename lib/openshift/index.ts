export { type AddressRange, distinctRanges, parseAddressRange } from "./access/address-range";
export { hostRules } from "./access/host-firewall";
export { readNodeAddresses } from "./access/node-addresses";
export { type NetworkAccess, splitHost } from "./access/network-access";
export { renderAccess } from "./access/render-access";
export { type CatalogSource, type ClusterCatalog, catalogSources, clusterCatalogs } from "./objects/catalog-objects";
export { type FilesMachineConfig, clientMachineConfigs } from "./objects/client-certificate";
export { type ClusterImages, type ClusterRelease, readClusterImages } from "./coverage/cluster-images";
export { PAYLOAD_REPOSITORIES } from "./targets/target";
export { type NamedImage, namedImages } from "./coverage/named-images";
export { type ClusterPolicy, type ContentImages, type ContentRules, contentRules } from "./rules/content-rules";
export type {
    ImageContentSourcePolicy,
    ImageDigestMirrorSet,
    ImageTagMirrorSet,
    MirrorEntry,
    MirrorObject,
    MirrorSourcePolicy,
} from "./rules/mirror-object-types";
export type { MirrorRuleOptions, MirrorRules, MirroredHost } from "./rules/create-mirror-objects";
export { listEntries, objectLabel } from "./rules/mirror-entries";
export { formatObjects } from "./objects/objects-yaml";
export {
    type ClusterChange,
    type ClusterConfiguration,
    NEWEST,
    NO_CLUSTER,
    compareClusters,
    isSameCluster,
} from "./cluster-change";
export { type ChangeLines, clusterChangeLines, clusterHeadline } from "./cluster-change-text";
export type { ClusterObject } from "./objects/cluster-object";
export {
    type AnnotatedObject,
    type ClusterOwner,
    OWNER_ANNOTATION,
    clusterOwner,
    isOwnObject,
    isSameStack,
    objectOwner,
    otherCluster,
} from "./objects/owner";
export {
    type LiveObject,
    type ObjectCopies,
    OLD_OBJECT_KEY,
    OLD_OBJECT_STAGES,
    type OldObjectPlan,
    type OldObjectStage,
    type OldObjectStages,
    type RemovedEntry,
    followRemoved,
    formatCopies,
    needsOneStep,
    oldObjectKey,
    parseCopies,
    planOldObjects,
    sourcesOf,
} from "./old-objects/old-objects";
export { changeObjects } from "./old-objects/change-objects";
export { isPausedFor } from "./old-objects/pause-pools";
export { type OwnObjects, findOwnObjects, lostSources } from "./existing/own-objects";
export { type NodeEffect, describeNodeEffect, forecastNodeEffect } from "./rules/node-effect";
export { type ObjectList, listObjects, readObjectList } from "./objects/object-list";
export { forbiddenSources, forbidSources } from "./rules/never-sources";
export type { ClusterRefusal, ClusterWarning, ExistingCluster, PlannedRules } from "./existing/existing-cluster";
export {
    type LivePair,
    type LoneNever,
    type NeverSources,
    type PoolConfiguration,
    findOwnPair,
    loneNever,
    neverInForce,
    rolledOutNever,
} from "./existing/never-sources";
export { isInternalReleaseMirror } from "./existing/internal-release";
export { readExistingCluster } from "./existing/read-existing-cluster";
export { type ClusterSurvey, currentRegistriesConf, rulesToBe, surveyCluster } from "./existing/survey";
export type { RegistrySources } from "./rules/registry-sources";
export { DEFAULT_CATALOGS_OFF, type OperatorHub } from "./objects/operator-hub";
export {
    type ExpectedPins,
    MAX_PINNED_BEFORE,
    MAX_PINNED_IMAGES,
    type PinnedImageSet,
    expectedPins,
    isPinnable,
    pinnedImageSets,
} from "./pinned/pinned-image-set";
export { PROBE_NAMESPACE } from "./probe/probe-pods";
export { type ProbeResult, formatProbeOutcome, formatProbeResult, isProbeFine } from "./probe/probe-report";
export { type RegistriesConf, type RegistryMirror, type RegistryRule } from "./rules/registries-conf";
export { parseRegistriesConf } from "./rules/registries-toml";
export { OBJECT_NAME } from "./object-name";
export { releaseNotes } from "./objects/release-notes";
export {
    type RunnableDigests,
    type UnsignedRelease,
    runnableDigests,
    unsignedReleaseNotes,
    unsignedReleases,
    wasUnsigned,
} from "./objects/unsigned-releases";
export { type SignatureConfigMap, signatureConfigMaps } from "./objects/release-signatures";
export { type PullAttempt, type PullResolution, type RefusedAttempt, findRule, resolvePull } from "./rules/resolve";
export { type PolicyRule, renderRoles } from "./roles/render-roles";
export { CLUSTER_FUNCTIONS, type ClusterFunction } from "./roles/rights";
export { renderTargets } from "./targets/render-target";
export { RENDERED_MARK, type ReleaseImage, TARGETS, type Target, type TargetFiles } from "./targets/target";
export { type UpdateService, updateService } from "./objects/update-service";
export { type ClusterImagePolicy, type ImagePolicy, imagePolicies, writtenPolicies } from "./objects/image-policies";
export {
    type ClusterVersion,
    type MirrorKind,
    type MirrorKinds,
    hasClusterCatalogs,
    hasImagePolicies,
    hasPinnedImages,
    mirrorKinds,
    parseClusterVersion,
} from "./versions";
export {
    type ExistingPolicy,
    isSamePolicy,
    policyName,
    policyTitle,
    readPolicies,
} from "./image-policies/cluster-policies";
export {
    type PolicyChanges,
    type PolicyWriter,
    comparePolicies,
    removePolicies,
    requireOwnPolicies,
    writePolicies,
} from "./image-policies/write-policies";
export { policyScopeConflicts } from "./image-policies/policy-scopes";
