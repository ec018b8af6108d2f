import { setMaxListeners } from "node:events";
import { ResourceLog } from "../../dynamic-providers/lifecycle/engine";
import {
    type ProcessOptions,
    type RegistryContext,
    RegistryProcess,
} from "../../dynamic-providers/registry/registry-process";

/**
 * What a provider gets for one operation, in a process of its own that knows no configuration.
 * @param lines gets every line that the operation logs
 */
export function operationContext(
    lines: string[] = [],
    options: Omit<ProcessOptions, "followsConfiguration"> = {},
): RegistryContext {
    const log = new ResourceLog("urn");
    log.line = (_severity, message) => void lines.push(message);
    const process = new RegistryProcess({ followsConfiguration: false, ...options });
    const { signal } = new AbortController();
    // As operations of the program have it: every request listens.
    setMaxListeners(0, signal);
    return { signal, log, process };
}
