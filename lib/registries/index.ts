import { distribution } from "./distribution";
import { harbor } from "./harbor";
import { jfrog } from "./jfrog";
import { mirrorRegistry } from "./mirror-registry";
import { quay } from "./quay/quay";
import type { RegistryAdmin, RegistryKind } from "./registry-admin";

export type { RegistryCapabilities } from "./capabilities";
export { expiryNotes } from "./certificate-expiry";
export type { ListedTags } from "./content-listing";
export type { DesiredNamespace, Namespace, Room } from "./namespace-admin";
export type {
    AdminCredentials,
    OAuthToken,
    RegistryAccount,
    RegistryAdmin,
    RegistryHealth,
    RegistryKind,
    RegistryManagement,
} from "./registry-admin";
export { REGISTRY_KINDS } from "./registry-admin";
export { type NamedAccount, replaceFirstPassword } from "./quay/first-password";
export { explainRemovedCa } from "./removed-ca";
export type { DesiredRepositories } from "./repository-admin";
export {
    EXPIRY_MARGIN,
    type RobotDue,
    type RobotLifetimes,
    type RobotTimes,
    dueByAge,
    dueTime,
    validUntil,
} from "./robot-lifetime";
export type { DesiredRobot, FoundRobot, ListedRobot, Robot, RobotAdmin } from "./robot-admin";

const ADMINS: Readonly<Partial<Record<RegistryKind, RegistryAdmin>>> = {
    distribution,
    harbor,
    quay,
    "mirror-registry": mirrorRegistry,
    jfrog,
};

/** The kinds that `site.registry.type` offers. */
export const OFFERED_KINDS = Object.keys(ADMINS) as RegistryKind[];

/** The administration side of a kind of registry. */
export function registryAdmin(kind: RegistryKind): RegistryAdmin {
    const admin = ADMINS[kind];
    if (admin === undefined) throw new Error(`no administration of ${kind}`);
    return admin;
}
