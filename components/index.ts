/** What another Pulumi program uses of this package: `import { PassthroughSite, readSite } from "registry-passthrough/components"`. */
export { ImageContent, type ImageContentArgs } from "./image-content";
export { PassthroughSite } from "./passthrough-site";
export type { RegistryCertificate } from "./registry-certificate";
export type { PassthroughSiteArgs } from "./site-args";
export type { ClusterOutputs } from "./site-cluster";
export { RepositoryStructure, type RepositoryStructureArgs } from "./repository-structure";
export { RobotAccess, type RobotAccessArgs, type RobotLifetimes } from "./robot-access";
export type { MirroredImage, RobotSummaries, RobotSummary } from "./site-outputs";
export { keepSecretsOutOfDebugLog } from "../config/debug-log";
export { RobotRetirement } from "../dynamic-providers/robot-retirement/resource";
export type { RobotRetirementArgs } from "../dynamic-providers/robot-retirement/kind";
export type { AdminArgs, RegistryArgs, RegistryConnectionArgs } from "../dynamic-providers/registry/registry-kind";
export type { ValidationSummary } from "../dynamic-providers/mirror-validation/kind";
export { formatObjects } from "../lib/openshift";
export {
    type ConfigIssue,
    type Content,
    type FileReader,
    type Site,
    type SiteContext,
    issuesText,
    readContent,
    readSite,
} from "../lib/site";
