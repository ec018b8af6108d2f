import { basename } from "node:path";
import { ArchiveError } from "../../errors/errors";

const AS_OCI = "copy the images with skopeo copy --all --preserve-digests docker://<image> oci-archive:<file>:<image>";
const WITH_V2 = "mirror the content again with oc-mirror --v2";
const V1_PART = /^mirror_seq\d+_\d+\.tar/;

/** Formats that their file names give away. @throws ArchiveError `ARCHIVE_FORMAT_UNSUPPORTED` */
export function refuseByName(path: string): void {
    const name = basename(path);
    if (V1_PART.test(name)) throw unsupported(path, "this is an archive of oc-mirror v1", WITH_V2);
}

/** A folder that oc-mirror v1 wrote to. @throws ArchiveError `ARCHIVE_FORMAT_UNSUPPORTED` */
export function refuseV1Folder(path: string, names: readonly string[]): void {
    if (names.some((name) => V1_PART.test(name)))
        throw unsupported(path, "this is an archive of oc-mirror v1", WITH_V2);
}

/** The error for files or entries at the root of an archive that is none of ours. */
export function refuseNames(path: string, names: ReadonlySet<string>): ArchiveError {
    if (names.has("publish")) return unsupported(path, "this is an archive of oc-mirror v1", WITH_V2);
    if (names.has("repositories")) return unsupported(path, "this is a docker save of before 1.10", AS_OCI);
    const fix =
        "give what oc-mirror --v2, skopeo, podman, docker save, crane, Hauler or Zarf wrote; name several files in a " +
        "folder by a pattern such as *.tar";
    return unsupported(path, "no image archive is recognised here", fix);
}

function unsupported(archive: string, what: string, fix: string): ArchiveError {
    return new ArchiveError(what, { archive, code: "ARCHIVE_FORMAT_UNSUPPORTED", fix });
}
