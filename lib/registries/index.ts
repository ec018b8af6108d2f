import { distribution } from "./distribution";
import type { RegistryAdmin, RegistryKind } from "./registry-admin";

export type { RegistryAdmin, RegistryCapabilities, RegistryHealth, RegistryKind } from "./registry-admin";

const ADMINS: Readonly<Record<RegistryKind, RegistryAdmin>> = { distribution };

/** The administration side of a kind of registry. */
export function registryAdmin(kind: RegistryKind): RegistryAdmin {
    return ADMINS[kind];
}
