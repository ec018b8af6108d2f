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
    place: (digest) => `no archive, ${digest}`,
};

function noArchive(digest: Digest): PassthroughError {
    return new PassthroughError(`${digest} was to be at the registry, and is not any more`, {
        code: "BLOB_UNKNOWN",
        fix: "run again",
    });
}
