import { keepSecretsOutOfDebugLog } from "./components/debug-log";
import { PassthroughSite } from "./components/passthrough-site";
import { loadSite } from "./config";

keepSecretsOutOfDebugLog();

const site = new PassthroughSite("site", loadSite());

// The contract with other tools: docs/outputs.md.
export const mirrorBase = site.mirrorBase;
export const images = site.images;
export const mirrorRules = site.mirrorRules;
export const registriesConf = site.registriesConf;
export const registryCa = site.registryCa;
export const catalogSources = site.catalogSources;
export const clusterCatalogs = site.clusterCatalogs;
export const releaseSignatures = site.releaseSignatures;
export const updateService = site.updateService;
export const operatorHub = site.operatorHub;
export const pullSecret = site.pullSecret;
export const pushSecret = site.pushSecret;
export const validation = site.validation;
export const robots = site.robots;
