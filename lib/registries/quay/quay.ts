import type { RegistryCapabilities } from "../capabilities";
import { quayAdmin } from "./quay-admin";

/** What every Quay can do, and leaves open. */
export const QUAY_CAPABILITIES: RegistryCapabilities = {
    robotAccounts: true,
    separatesPushFromPull: true,
    namespaces: "organization",
    repositoriesFirst: true,
    mayNeedRepositories: false,
    removalNeedsRight: false,
    robotExpiry: false,
    secretReadable: true,
    // Quay, endpoints/v2/v2auth.py: tokens are not looked up again.
    secretRenewal: { tokenLife: "60 minutes" },
    // Needs FEATURE_QUOTA_MANAGEMENT and a superuser.
    quota: false,
    // Needs FEATURE_IMMUTABLE_TAGS of Quay >= 3.17, and refuses to put the same image again.
    immutability: false,
    sparseIndexes: "announced",
    // Quay, image/docker/schema2/manifest.py: compressed and foreign layers only.
    rejectedDockerLayers: ["application/vnd.docker.image.rootfs.diff.tar"],
    collectsUntagged: true,
    gaps: [
        "Quay: who may push may also delete images by their digest (role write): keep the importer's secret to this stack",
        "Quay: a robot account never ends by itself: rotate it (site.robots.<name>.maxAge)",
        "Quay refuses an index whose images are not all there, unless FEATURE_SPARSE_INDEX (3.18) is on: mirror every " +
            "platform of it",
    ],
};

/** Red Hat Quay and Project Quay >= 3.8. */
export const quay = quayAdmin({ kind: "quay", concurrency: 6, capabilities: QUAY_CAPABILITIES });
