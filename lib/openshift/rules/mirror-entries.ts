import type { MirrorEntry, MirrorObject } from "./mirror-object-types";

/** One source of one object, for one form of pulls. */
export interface FormEntry {
    readonly source: string;
    readonly mirrors: readonly string[];
    readonly isNever: boolean;
    readonly form: "digest" | "tag";
    /** "ImageDigestMirrorSet passthrough-digest" */
    readonly object: string;
}

/** "ImageDigestMirrorSet passthrough-digest" */
export function objectLabel({ kind, metadata }: MirrorObject): string {
    return `${kind} ${metadata.name}`;
}

/** The entries of an object, whose lists may all be absent. An ICSP always allows its sources. */
export function listEntries(object: MirrorObject): FormEntry[] {
    const toEntry = (form: "digest" | "tag") => (entry: MirrorEntry) => ({
        source: entry.source,
        mirrors: entry.mirrors ?? [],
        isNever: object.kind !== "ImageContentSourcePolicy" && entry.mirrorSourcePolicy === "NeverContactSource",
        form,
        object: objectLabel(object),
    });
    switch (object.kind) {
        case "ImageContentSourcePolicy":
            return (object.spec.repositoryDigestMirrors ?? []).map(toEntry("digest"));
        case "ImageDigestMirrorSet":
            return (object.spec.imageDigestMirrors ?? []).map(toEntry("digest"));
        case "ImageTagMirrorSet":
            return (object.spec.imageTagMirrors ?? []).map(toEntry("tag"));
    }
}

/** True if a mirror's location is at this host. */
export function isAt(location: string, host: string): boolean {
    return location === host || location.startsWith(`${host}/`);
}

/** The library of the operator ignores entries that redirect nowhere, their policy included. */
export function hasRealMirror({ source, mirrors }: Pick<FormEntry, "source" | "mirrors">): boolean {
    return mirrors.some((mirror) => mirror !== source);
}
