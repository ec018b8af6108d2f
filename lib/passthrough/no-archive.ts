import type { BlobSource } from "../mirror/image-set";
import type { Digest } from "../oci/digest";
import { PassthroughError } from "../errors/errors";

/** For plans that only move tags: the archive may have left the machine long ago. */
export const NO_ARCHIVE: BlobSource = {
    size: () => undefined,
    read: (digest) => Promise.reject(noArchive(digest)),
    open: (digest) => {
        throw noArchive(digest);
    },
    place: () => undefined,
};

function noArchive(digest: Digest): PassthroughError {
    return new PassthroughError("it was at the registry when the plan was made, and is not any more", {
        code: "BLOB_UNKNOWN",
        thing: digest,
        fix: "run again",
    });
}
