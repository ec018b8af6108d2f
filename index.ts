import type * as pulumi from "@pulumi/pulumi";
import { PassthroughSite } from "./components";
import { keepSecretsOutOfDebugLog, loadSite } from "./config";
import { formatObjects } from "./lib/openshift";

keepSecretsOutOfDebugLog();

const { site: settings, ...accounts } = loadSite();
const site = new PassthroughSite("site", { ...settings, ...accounts });
const yaml = (objects: pulumi.Output<readonly object[]>) => objects.apply(formatObjects);

// The contract with other tools: docs/outputs.md.
export const mirrorBase = site.mirrorBase;
export const images = site.images;
export const mirrorRules = yaml(site.mirrorRules);
export const registriesConf = site.registriesConf;
export const registryCa = site.registryCa;
// The engine warns of an output that is undefined.
export const clientCertificate = site.clientCertificate ?? "";
export const clientMachineConfigs = site.clientMachineConfigs === undefined ? "" : yaml(site.clientMachineConfigs);
export const catalogSources = yaml(site.clusterObjects.catalogSources);
export const clusterCatalogs = yaml(site.clusterObjects.clusterCatalogs);
export const releaseSignatures = yaml(site.clusterObjects.releaseSignatures);
export const updateService = yaml(site.clusterObjects.updateService);
export const operatorHub = yaml(site.clusterObjects.operatorHub);
export const targetFiles = site.targetFiles;
export const accessFiles = site.accessFiles;
export const roleFiles = site.roleFiles;
export const pullSecret = site.pullSecret;
export const pushSecret = site.pushSecret;
export const validation = site.validation;
export const robots = site.robots;
