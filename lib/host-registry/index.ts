export { applyRegistry, makeFolders, removeRegistry } from "./apply-registry";
export { compareRegistry, firewallState } from "./compare-registry";
export { type HostFacts, readHostFacts } from "./host-facts";
export type { HostImage, HostRegistry } from "./host-registry";
export { requireContent, requireSameMachine, requireSuitableHost, strangersOf } from "./preflight";
export { unitHashes } from "./registry-files";
export { bringImage } from "./registry-image";
