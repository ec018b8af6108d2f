import { basename } from "node:path";
import { ArchiveError } from "../../errors/errors";
import { type LeftOutNames, MOST_BESIDE } from "./left-out";

const AS_OCI = "copy the images with skopeo copy --all --preserve-digests docker://<image> oci-archive:<file>:<image>";
const WITH_V2 = "mirror the content again with oc-mirror --v2";
const V1_PART = /^mirror_seq\d+_\d+\.tar/;

/** Formats that their file names give away. @throws ArchiveError `ARCHIVE_FORMAT_UNSUPPORTED` */
export function refuseByName(path: string): void {
    const name = basename(path);
    if (V1_PART.test(name)) throw unsupported(path, "this is an archive of oc-mirror v1", WITH_V2);
}

/** The error for an archive of images in a format of the past, by the names at its root; undefined for all others. */
export function refusedFormat(path: string, names: ReadonlySet<string>): ArchiveError | undefined {
    if (names.has("publish")) return unsupported(path, "this is an archive of oc-mirror v1", WITH_V2);
    if (names.has("repositories")) return unsupported(path, "this is a docker save of before 1.10", AS_OCI);
    return undefined;
}

/** The error for files or entries at the root of an archive of a format that is not read. @param more what else to say of it */
export function refuseNames(path: string, names: ReadonlySet<string>, more = ""): ArchiveError {
    const known = refusedFormat(path, names);
    if (known !== undefined) return known;
    const fix = "give what oc-mirror --v2, skopeo, podman, docker save, crane, Hauler or Zarf wrote";
    return unsupported(path, `no image archive is recognised here${more}`, fix);
}

/** The error for archives that are entries of another one. @param fix by default, that all of it is unpacked */
export function nestedArchives(
    archive: string,
    names: LeftOutNames,
    fix = `unpack it (tar -xf ${archive}) and give the folder with what was in it`,
): ArchiveError {
    const what =
        names.count === 1
            ? `the entry ${names.text()} is an archive itself, which is not read where it lies`
            : `${names.count} entries are archives themselves, which are not read where they lie: ${names.text()}`;
    return new ArchiveError(what, { archive, code: "ARCHIVE_FORMAT_UNSUPPORTED", fix });
}

/** The error for a tar that holds too much beside its archive to be looked at. */
export function tooManyBeside(archive: string): ArchiveError {
    return new ArchiveError(`more than ${MOST_BESIDE} entries belong to no image archive`, {
        archive,
        code: "ARCHIVE_TOO_LARGE",
        fix: "pack the image archives without what lies beside them",
    });
}

function unsupported(archive: string, what: string, fix: string): ArchiveError {
    return new ArchiveError(what, { archive, code: "ARCHIVE_FORMAT_UNSUPPORTED", fix });
}
