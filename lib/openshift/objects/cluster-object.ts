import type { MirrorObject } from "../rules/mirror-object-types";
import type { CatalogSource, ClusterCatalog } from "./catalog-objects";
import type { ClusterImagePolicy, ImagePolicy } from "./image-policies";
import type { PinnedImageSet } from "../pinned/pinned-image-set";
import type { OperatorHub } from "./operator-hub";
import type { SignatureConfigMap } from "./release-signatures";
import type { UpdateService } from "./update-service";

/** Any object that this program makes for a cluster, beside its accounts and CAs. */
export type ClusterObject =
    | MirrorObject
    | CatalogSource
    | ClusterCatalog
    | SignatureConfigMap
    | UpdateService
    | OperatorHub
    | ClusterImagePolicy
    | ImagePolicy
    | PinnedImageSet;
