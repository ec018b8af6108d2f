export { ARCHIVE_FOLDER, jobName } from "./job/job-objects";
export type { JobWait } from "./job/job-state";
export { endJob, isVolumeOfOneNode, runJob } from "./job/run-job";
export { runOnHost } from "./host/run-on-host";
export { importerImage, pushImporterImage } from "./program/importer-image";
export { type ImportPlace, type Round, importRemotely } from "./remote-import";
export type { ImportRequest, ImportSecrets } from "./request";
export type { RemoteLine, RemoteReport } from "./report";
export { IMPORTER_REPOSITORY } from "./repository";
