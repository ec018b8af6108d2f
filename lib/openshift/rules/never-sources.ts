import { listEntries } from "./mirror-entries";
import type { MirrorEntry, MirrorObject } from "./mirror-object-types";

/**
 * The objects with `NeverContactSource` for some sources alone: every other source is allowed, whatever the objects say. A
 * source may be forbidden only when both objects of the pair have it and all nodes have both (openshift.md, node effects:
 * one that is forbidden in one object of the pair alone fails all its pulls by the other form).
 * @param sources as the entries have them
 */
export function forbidSources<T extends MirrorObject>(objects: readonly T[], sources: ReadonlySet<string>): T[] {
    return objects.map((object) => withEntries(object, (entry) => limitPolicy(entry, sources)));
}

/** The sources that the objects forbid to contact, sorted. */
export function forbiddenSources(objects: readonly MirrorObject[]): string[] {
    const forbidden = objects.flatMap(listEntries).filter(({ isNever }) => isNever);
    return [...new Set(forbidden.map(({ source }) => source))].sort();
}

function withEntries<T extends MirrorObject>(object: T, change: (entry: MirrorEntry) => MirrorEntry): T {
    switch (object.kind) {
        case "ImageDigestMirrorSet":
            return { ...object, spec: { imageDigestMirrors: (object.spec.imageDigestMirrors ?? []).map(change) } };
        case "ImageTagMirrorSet":
            return { ...object, spec: { imageTagMirrors: (object.spec.imageTagMirrors ?? []).map(change) } };
        case "ImageContentSourcePolicy":
            return object;
    }
}

function limitPolicy(entry: MirrorEntry, sources: ReadonlySet<string>): MirrorEntry {
    if (entry.mirrorSourcePolicy !== "NeverContactSource" || sources.has(entry.source)) return entry;
    return { ...entry, mirrorSourcePolicy: "AllowContactingSource" };
}
