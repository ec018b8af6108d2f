export { ARCHIVE_FOLDER, jobName } from "./job/job-objects";
export { type JobWait, isVolumeOfOneNode, runJob } from "./job/run-job";
export { importerImage, pushImporterImage } from "./program/importer-image";
export { type ImportPlace, type Round, importRemotely } from "./remote-import";
export { type ImportRequest, type ImportSecrets, parseRequest, parseSecrets } from "./request";
export { IMPORT_EXITS, type RemoteLine, type RemoteReport } from "./report";
export { runImportRequest } from "./run-request";
export { IMPORTER_REPOSITORY } from "./repository";
