export { type Finding, clockFindings, mountFindings, nameFindings, portFindings, roomFindings } from "./findings";
export { type MachineFacts, machineScript, parseMachineFacts } from "./machine-facts";
export { resolveHere } from "./resolve-here";
