import type { Digest } from "../../../oci/digest";
import type { Reference } from "../../../oci/reference";
import type { Origin } from "../../naming/origin";

/** A manifest in a repository of the mirror. */
export interface MirroredManifest {
    readonly repository: string;
    /** Absent: it is there under its digest alone. */
    readonly tag?: string;
    readonly digest: Digest;
}

/** An upstream name that the archive gives an image, and where it says so. */
export interface NamedCandidate {
    readonly reference: Reference;
    readonly origin: Origin;
    /** Only what is usual says so: an override may say otherwise. */
    readonly isUsual?: true;
}

/** What the archive calls it: `<repository>:<tag>`, or by digest. */
export function mirroredName({ repository, tag, digest }: MirroredManifest): string {
    return tag === undefined ? `${repository}@${digest}` : `${repository}:${tag}`;
}
