export { type Finding, clockFindings, nameFindings, portFindings, roomFindings } from "./findings";
export { type MachineFacts, machineScript, parseMachineFacts } from "./machine-facts";
export { resolveHere } from "./resolve-here";
