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

export interface ForbiddenSources {
    /** Both forms of pulls have a rule, sorted. */
    readonly both: readonly string[];
    /** One form of pulls has no rule: all its pulls would fail, so these cannot be forbidden. Sorted. */
    readonly single: readonly string[];
}

/** The sources that the objects forbid to contact. */
export function forbiddenSources(objects: readonly MirrorObject[]): ForbiddenSources {
    const entries = objects.flatMap(listEntries);
    const forms = (source: string) =>
        new Set(entries.filter((entry) => entry.source === source).map(({ form }) => form));
    const sources = [...new Set(entries.filter(({ isNever }) => isNever).map(({ source }) => source))].sort();
    return {
        both: sources.filter((source) => forms(source).size === 2),
        single: sources.filter((source) => forms(source).size < 2),
    };
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
