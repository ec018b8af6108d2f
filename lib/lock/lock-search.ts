import type { ImageMark } from "../mirror/image-set";
import type { NameSource } from "../mirror/name-source";
import { type Digest, isDigest } from "../oci/digest";
import { parseReference, parseSourceKey, repositoryName, sourceKey } from "../oci/reference";
import type { Lock } from "./lock";

/** What a lock says of one image. */
export interface LockedImage {
    /** Source reference. */
    readonly image: string;
    readonly digest: Digest;
    /** Where its name was found; absent in locks of earlier releases. */
    readonly nameSource?: NameSource;
    readonly mark?: ImageMark;
    /** An earlier archive contains it, this one builds on it. */
    readonly isEarlier: boolean;
}

/**
 * The images of a lock that a text means: a reference in any spelling (`nginx:1.27`), a repository without a tag, or a
 * digest. Sorted by name.
 * @throws PassthroughError `REFERENCE_INVALID`
 */
export function findLockedImages(lock: Lock, text: string): LockedImage[] {
    const isWanted = isDigest(text) ? (_: string, digest: Digest) => digest === text : nameFilter(text);
    const { images, earlier } = lock;
    return Object.entries({ ...earlier.images, ...images })
        .filter(([image, digest]) => isWanted(image, digest))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([image, digest]) => {
            const [nameSource, mark] = [lock.nameSources?.[image], lock.marks?.[image]];
            return {
                image,
                digest,
                ...(nameSource === undefined ? {} : { nameSource }),
                ...(mark === undefined ? {} : { mark }),
                isEarlier: images[image] === undefined,
            };
        });
}

/** The images that a lock lists as excluded and that a text means, as `findLockedImages` does; none for a digest alone. */
export function findExcludedImages({ excluded = {} }: Lock, text: string): { image: string; pattern: string }[] {
    if (isDigest(text)) return [];
    const isWanted = nameFilter(text);
    return Object.keys(excluded)
        .filter((image) => isWanted(image, ""))
        .sort()
        .map((image) => ({ image, pattern: excluded[image] ?? "" }));
}

function nameFilter(text: string): (image: string, digest: Digest) => boolean {
    const reference = parseReference(text);
    const repository = repositoryName(reference);
    const isWhole = !/[:@]/.test(text.slice(text.lastIndexOf("/") + 1));
    if (isWhole) return (image) => repositoryName(parseSourceKey(image)) === repository;
    const key = sourceKey(reference);
    // By digest, also under its tags.
    return (image, digest) =>
        image === key ||
        (reference.tag === undefined &&
            digest === reference.digest &&
            repositoryName(parseSourceKey(image)) === repository);
}
