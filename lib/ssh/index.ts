export { type HostConnection, hostLabel, parseHostKey } from "./connection";
export { hostError } from "./host-error";
export { onHost } from "./on-host";
export type { CommandResult, HostSession, RunOptions } from "./session";
export { shellCommand, shellWord } from "./shell";
export { type HostFile, writeHostFile } from "./write-file";
