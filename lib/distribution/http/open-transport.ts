import { createRequire } from "node:module";
import type * as transportModule from "./transport";
import type { RegistryEndpoint, Transport } from "./transport";

/** Not `import()`: see cli/program.ts. */
const load = createRequire(__filename);

/**
 * Opens a client for one registry.
 *
 * It and undici are loaded by the first one. A Pulumi program, which needs to know what the kinds of registries can do,
 * sends no request.
 * @param connections at most so many at once
 * @param opened gets the milliseconds of a round trip to the registry, whenever a connection with it was opened
 */
export function openTransport(
    endpoint: RegistryEndpoint,
    connections: number,
    opened?: (roundTrip: number) => void,
): Transport {
    const { Transport: Implementation } = load("./transport") as typeof transportModule;
    return new Implementation(endpoint, connections, opened);
}
