export { applyInstallation, compareInstallation, removeInstallation } from "./apply";
export { ADMINISTRATOR, type Installation, type InstallationSecrets, type InstalledKind } from "./installation";
export { requireUpgrade } from "./record";
