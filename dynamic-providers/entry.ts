/**
 * What the provider process runs. The path of this file (`dist/dynamic-providers/entry`) and the names it exports are
 * stored in the state of every stack: they are an ABI. Never move or rename them without leaving a forwarder.
 */
import { imageImportKind } from "./image-import/provider";
import { define } from "./lifecycle/resource-provider";
import { mirrorValidationKind } from "./mirror-validation/provider";
import { registryAccessKind } from "./registry-access/provider";
import { registryNamespaceKind } from "./registry-namespace/provider";
import { registrySuperuserKind } from "./registry-superuser/provider";
import { repositorySetKind } from "./repository-set/provider";
import { robotAccountKind } from "./robot-account/provider";

export const registryAccess = define(registryAccessKind);
export const registryNamespace = define(registryNamespaceKind);
export const registrySuperuser = define(registrySuperuserKind);
export const robotAccount = define(robotAccountKind);
export const repositorySet = define(repositorySetKind);
export const imageImport = define(imageImportKind);
export const mirrorValidation = define(mirrorValidationKind);
