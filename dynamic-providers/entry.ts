/**
 * What the provider process runs. The path of this file (`dist/dynamic-providers/entry`) and the names it exports are
 * stored in the state of every stack: they are an ABI. Never move or rename them without leaving a forwarder.
 */
import { imageImportKind } from "./image-import-kind";
import { define } from "./lifecycle";
import { mirrorValidationKind } from "./mirror-validation-kind";
import { registryAccessKind } from "./registry-access-kind";
import { registryNamespaceKind } from "./registry-namespace-kind";
import { registrySuperuserKind } from "./registry-superuser-kind";
import { repositorySetKind } from "./repository-set-kind";
import { robotAccountKind } from "./robot-account-kind";

export const registryAccess = define(registryAccessKind);
export const registryNamespace = define(registryNamespaceKind);
export const registrySuperuser = define(registrySuperuserKind);
export const robotAccount = define(robotAccountKind);
export const repositorySet = define(repositorySetKind);
export const imageImport = define(imageImportKind);
export const mirrorValidation = define(mirrorValidationKind);
