import { formatBytes } from "../../lib/errors/text";
import type { RegistryInputs } from "../registry/registry-kind";
import type { RegistryProcess } from "../registry/registry-process";

/**
 * What is said when more is to come than the quota leaves; empty if it fits, or if no quota was read in this run. A warning
 * only: the registry counts a blob once, and may have some of these in repositories that are not of this stack.
 * @param bytes that are sent at most
 */
export function roomLines(
    bytes: number,
    { registry }: Pick<RegistryInputs, "registry">,
    { rooms }: Pick<RegistryProcess, "rooms">,
): string[] {
    const room = rooms.get(registry.mirrorBase);
    if (room === undefined) return [];
    const left = Math.max(0, room.limit - room.used);
    if (bytes <= left) return [];
    return [
        `up to ${formatBytes(bytes)} are to come, and the quota of ${registry.mirrorBase} leaves ${formatBytes(left)} ` +
            `(${formatBytes(room.used)} of ${formatBytes(room.limit)} used): the registry refuses what is beyond it (403); ` +
            `raise it by ${formatBytes(bytes - left)} or free space first (docs/how-to/free-space.md)`,
    ];
}

/** What was sent since the quota was read uses it up. */
export function useRoom(
    bytes: number,
    { registry }: Pick<RegistryInputs, "registry">,
    { rooms }: Pick<RegistryProcess, "rooms">,
): void {
    const room = rooms.get(registry.mirrorBase);
    if (room !== undefined) rooms.set(registry.mirrorBase, { ...room, used: room.used + bytes });
}
