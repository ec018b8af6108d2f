export { type HostConnection, hostLabel } from "./connection";
export { hostError } from "./host-error";
export { onHost } from "./on-host";
export type { CommandResult, RunOptions } from "./command";
export type { HostSession } from "./session";
export { shellCommand, shellWord } from "./shell";
export { type HostFile, writeHostFile } from "./write-file";
