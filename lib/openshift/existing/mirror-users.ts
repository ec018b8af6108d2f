import { isAt, listEntries } from "../rules/mirror-entries";
import type { MirrorObject } from "../rules/mirror-object-types";

/** The mirror objects that have a mirror at a registry (`host[:port]`): "ImageDigestMirrorSet corp", sorted. */
export function mirrorUsers(objects: readonly MirrorObject[], host: string): string[] {
    const using = objects.flatMap(listEntries).filter(({ mirrors }) => mirrors.some((mirror) => isAt(mirror, host)));
    return [...new Set(using.map(({ object }) => object))].sort();
}
