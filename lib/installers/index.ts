export { applyInstallation, compareInstallation, removeInstallation } from "./apply";
export {
    ADMINISTRATOR,
    INSTALLED_KINDS,
    type Installation,
    type InstallationSecrets,
    type InstalledKind,
} from "./installation";
export { requireLocalArchive } from "./installer-archive";
export { requireUpgrade } from "./record";
