/**
 * What the provider process runs. The path of this file (`dist/dynamic-providers/entry`) and the names it exports are
 * stored in the state of every stack: they are an ABI. Never move or rename them without leaving a forwarder.
 */
import { createRequire } from "node:module";
import type * as acmeAccountModule from "./acme-account/provider";
import type * as acmeCertificateModule from "./acme-certificate/provider";
import type * as clusterAccessModule from "./cluster-access/provider";
import type * as clusterContactSourceModule from "./cluster-contact-source/provider";
import type * as clusterCoverageModule from "./cluster-coverage/provider";
import type * as clusterOldRulesModule from "./cluster-old-rules/provider";
import type * as clusterPinnedImagesModule from "./cluster-pinned-images/provider";
import type * as clusterProofModule from "./cluster-proof/provider";
import type * as clusterProtectionModule from "./cluster-protection/provider";
import type * as clusterRolloutModule from "./cluster-rollout/provider";
import type * as clusterSignaturesModule from "./cluster-signatures/provider";
import type * as clusterTrustModule from "./cluster-trust/provider";
import type * as imageImportModule from "./image-import/provider";
import type * as mirrorValidationModule from "./mirror-validation/provider";
import type * as registryAccessModule from "./registry-access/provider";
import type * as registryCertificateModule from "./registry-certificate/provider";
import type * as registryDeploymentModule from "./registry-deployment/provider";
import type * as registryInstallationModule from "./registry-installation/provider";
import type * as registryHostModule from "./registry-host/provider";
import type * as registryNamespaceModule from "./registry-namespace/provider";
import type * as registrySuperuserModule from "./registry-superuser/provider";
import type * as repositorySetModule from "./repository-set/provider";
import type * as robotAccountModule from "./robot-account/provider";
import type * as robotRetirementModule from "./robot-retirement/provider";
import type * as siteCertificateAuthorityModule from "./site-certificate-authority/provider";
import { isOwnProject } from "./lifecycle/entry-path";
import { createProvider } from "./lifecycle/resource-provider";
import { PreviewFindings } from "./registry/preview-findings";
import { RegistryProcess } from "./registry/registry-process";

/** Not `import()`: see cli/program.ts. */
const load = createRequire(__filename);

const isOwn = isOwnProject();

/** All that operations share: a provider process serves one run of the engine. */
const own = new RegistryProcess({ followsConfiguration: isOwn, findings: PreviewFindings.ofCommand(isOwn) });

// Each is loaded by its first operation: a site without clusters never loads what writes to one.
export const registryAccess = createProvider(
    () => (load("./registry-access/provider") as typeof registryAccessModule).registryAccessProvider,
    own,
);
export const registryNamespace = createProvider(
    () => (load("./registry-namespace/provider") as typeof registryNamespaceModule).registryNamespaceProvider,
    own,
);
export const registrySuperuser = createProvider(
    () => (load("./registry-superuser/provider") as typeof registrySuperuserModule).registrySuperuserProvider,
    own,
);
export const robotAccount = createProvider(
    () => (load("./robot-account/provider") as typeof robotAccountModule).robotAccountProvider,
    own,
);
export const robotRetirement = createProvider(
    () => (load("./robot-retirement/provider") as typeof robotRetirementModule).robotRetirementProvider,
    own,
);
export const repositorySet = createProvider(
    () => (load("./repository-set/provider") as typeof repositorySetModule).repositorySetProvider,
    own,
);
export const imageImport = createProvider(
    () => (load("./image-import/provider") as typeof imageImportModule).imageImportProvider,
    own,
);
export const mirrorValidation = createProvider(
    () => (load("./mirror-validation/provider") as typeof mirrorValidationModule).mirrorValidationProvider,
    own,
);
export const clusterAccess = createProvider(
    () => (load("./cluster-access/provider") as typeof clusterAccessModule).clusterAccessProvider,
    own,
);
export const clusterContactSource = createProvider(
    () => (load("./cluster-contact-source/provider") as typeof clusterContactSourceModule).clusterContactSourceProvider,
    own,
);
export const clusterCoverage = createProvider(
    () => (load("./cluster-coverage/provider") as typeof clusterCoverageModule).clusterCoverageProvider,
    own,
);
export const clusterOldRules = createProvider(
    () => (load("./cluster-old-rules/provider") as typeof clusterOldRulesModule).clusterOldRulesProvider,
    own,
);
export const clusterPinnedImages = createProvider(
    () => (load("./cluster-pinned-images/provider") as typeof clusterPinnedImagesModule).clusterPinnedImagesProvider,
    own,
);
export const clusterProof = createProvider(
    () => (load("./cluster-proof/provider") as typeof clusterProofModule).clusterProofProvider,
    own,
);
export const clusterProtection = createProvider(
    () => (load("./cluster-protection/provider") as typeof clusterProtectionModule).clusterProtectionProvider,
    own,
);
export const clusterRollout = createProvider(
    () => (load("./cluster-rollout/provider") as typeof clusterRolloutModule).clusterRolloutProvider,
    own,
);
export const clusterSignatures = createProvider(
    () => (load("./cluster-signatures/provider") as typeof clusterSignaturesModule).clusterSignaturesProvider,
    own,
);
export const clusterTrust = createProvider(
    () => (load("./cluster-trust/provider") as typeof clusterTrustModule).clusterTrustProvider,
    own,
);
export const siteCertificateAuthority = createProvider(
    () =>
        (load("./site-certificate-authority/provider") as typeof siteCertificateAuthorityModule)
            .siteCertificateAuthorityProvider,
    own,
);
export const registryCertificate = createProvider(
    () => (load("./registry-certificate/provider") as typeof registryCertificateModule).registryCertificateProvider,
    own,
);
export const registryDeployment = createProvider(
    () => (load("./registry-deployment/provider") as typeof registryDeploymentModule).registryDeploymentProvider,
    own,
);
export const acmeAccount = createProvider(
    () => (load("./acme-account/provider") as typeof acmeAccountModule).acmeAccountProvider,
    own,
);
export const acmeCertificate = createProvider(
    () => (load("./acme-certificate/provider") as typeof acmeCertificateModule).acmeCertificateProvider,
    own,
);
export const registryInstallation = createProvider(
    () => (load("./registry-installation/provider") as typeof registryInstallationModule).registryInstallationProvider,
    own,
);
export const registryHost = createProvider(
    () => (load("./registry-host/provider") as typeof registryHostModule).registryHostProvider,
    own,
);
