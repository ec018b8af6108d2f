/**
 * What the provider process runs. The path of this file (`dist/dynamic-providers/entry`) and the names it exports are
 * stored in the state of every stack: they are an ABI. Never move or rename them without leaving a forwarder.
 */
import { clusterAccessProvider } from "./cluster-access/provider";
import { clusterContactSourceProvider } from "./cluster-contact-source/provider";
import { clusterCoverageProvider } from "./cluster-coverage/provider";
import { clusterProtectionProvider } from "./cluster-protection/provider";
import { clusterTrustProvider } from "./cluster-trust/provider";
import { imageImportProvider } from "./image-import/provider";
import { isOwnProject } from "./lifecycle/entry-path";
import { createProvider } from "./lifecycle/resource-provider";
import { mirrorValidationProvider } from "./mirror-validation/provider";
import { registryAccessProvider } from "./registry-access/provider";
import { RegistryProcess } from "./registry/registry-process";
import { registryNamespaceProvider } from "./registry-namespace/provider";
import { registrySuperuserProvider } from "./registry-superuser/provider";
import { repositorySetProvider } from "./repository-set/provider";
import { robotAccountProvider } from "./robot-account/provider";

/** All that operations share: a provider process serves one run of the engine. */
const own = new RegistryProcess({ followsConfiguration: isOwnProject() });

export const registryAccess = createProvider(registryAccessProvider, own);
export const registryNamespace = createProvider(registryNamespaceProvider, own);
export const registrySuperuser = createProvider(registrySuperuserProvider, own);
export const robotAccount = createProvider(robotAccountProvider, own);
export const repositorySet = createProvider(repositorySetProvider, own);
export const imageImport = createProvider(imageImportProvider, own);
export const mirrorValidation = createProvider(mirrorValidationProvider, own);
export const clusterAccess = createProvider(clusterAccessProvider, own);
export const clusterContactSource = createProvider(clusterContactSourceProvider, own);
export const clusterCoverage = createProvider(clusterCoverageProvider, own);
export const clusterProtection = createProvider(clusterProtectionProvider, own);
export const clusterTrust = createProvider(clusterTrustProvider, own);
