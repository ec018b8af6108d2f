export { applyInstallation, compareInstallation, removeInstallation } from "./apply";
export {
    ADMINISTRATOR,
    type Installation,
    type InstallationSecrets,
    type InstalledKind,
    installationPaths,
} from "./installation";
export { requireUpgrade } from "./record";
