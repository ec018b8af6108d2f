/**
 * What the provider process runs. The path of this file (`dist/dynamic-providers/entry`) and the names it exports are
 * stored in the state of every stack: they are an ABI. Never move or rename them without leaving a forwarder.
 */
import { imageImportProvider } from "./image-import/provider";
import { createProvider } from "./lifecycle/resource-provider";
import { mirrorValidationProvider } from "./mirror-validation/provider";
import { registryAccessProvider } from "./registry-access/provider";
import { registryNamespaceProvider } from "./registry-namespace/provider";
import { registrySuperuserProvider } from "./registry-superuser/provider";
import { repositorySetProvider } from "./repository-set/provider";
import { robotAccountProvider } from "./robot-account/provider";

export const registryAccess = createProvider(registryAccessProvider);
export const registryNamespace = createProvider(registryNamespaceProvider);
export const registrySuperuser = createProvider(registrySuperuserProvider);
export const robotAccount = createProvider(robotAccountProvider);
export const repositorySet = createProvider(repositorySetProvider);
export const imageImport = createProvider(imageImportProvider);
export const mirrorValidation = createProvider(mirrorValidationProvider);
