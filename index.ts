import type * as pulumi from "@pulumi/pulumi";
import { type ClusterOutputs, PassthroughSite } from "./components";
import { keepSecretsOutOfDebugLog, loadSite } from "./config";
import { formatObjects } from "./lib/openshift";
import { perCluster } from "./lib/site";

keepSecretsOutOfDebugLog();

const { site: settings, ...accounts } = loadSite();
const site = new PassthroughSite("site", { ...settings, ...accounts });
const clusters = Object.entries(site.clusters).map(([name, outputs]) => ({ name, ...outputs }));
const each = <T>(value: (cluster: ClusterOutputs) => T) => perCluster(clusters, value);
const yaml = (objects: pulumi.Output<readonly object[]>) => objects.apply(formatObjects);

// The contract with other tools: docs/outputs.md.
export const mirrorBase = site.mirrorBase;
export const images = site.images;
export const mirrorRules = each(({ mirrorRules: objects }) => yaml(objects));
export const registriesConf = each((cluster) => cluster.registriesConf);
export const registryCa = site.registryCa;
// The engine warns of an output that is undefined.
export const registryCertificate = site.certificate?.chain ?? "";
export const registryCertificateKey = site.certificate?.key ?? "";
export const clientCertificate = site.clientCertificate ?? "";
export const clientMachineConfigs = site.clientMachineConfigs === undefined ? "" : yaml(site.clientMachineConfigs);
export const catalogSources = each(({ clusterObjects }) => yaml(clusterObjects.catalogSources));
export const clusterCatalogs = each(({ clusterObjects }) => yaml(clusterObjects.clusterCatalogs));
export const releaseSignatures = each(({ clusterObjects }) => yaml(clusterObjects.releaseSignatures));
export const updateService = each(({ clusterObjects }) => yaml(clusterObjects.updateService));
export const operatorHub = each(({ clusterObjects }) => yaml(clusterObjects.operatorHub));
export const clusterImagePolicies = each(({ clusterObjects }) => yaml(clusterObjects.clusterImagePolicies));
export const pinnedImageSets = each(({ clusterObjects }) => yaml(clusterObjects.pinnedImageSets));
export const targetFiles = site.clusters[""]?.targetFiles ?? {};
export const accessFiles = site.accessFiles;
export const roleFiles = each((cluster) => cluster.roleFiles);
export const pullSecret = site.pullSecret;
export const pushSecret = site.pushSecret;
export const validation = each((cluster) => cluster.validation);
export const robots = site.robots;
