import type { Digest } from "../../../oci/digest";
import type { OcMirrorIndex, TagLink } from "./cache-index";
import type { Candidate } from "./candidate";
import type { Mentions } from "./mentions";

/** Why a tag may be another image than the one that the archive names without a digest. */
export interface TagContest {
    /** What else the tag has pointed to, sorted. */
    readonly digests: readonly Digest[];
    readonly reason: string;
}

/**
 * Looks whether several images may have been written under one tag of the cache, of which the last one is kept. The
 * cache remembers every digest that a tag had; each needs an explanation other than a second image: an earlier archive
 * contained it (the tag moved upstream since), or a candidate of this tag has it. Where the run had images whose names the
 * archive does not know, that explains nothing; where a dry run lists all names of the run, nothing needs to be explained.
 * @param candidates those whose cache name is this tag's
 * @returns undefined if the archive decides
 */
export function findContest(
    link: TagLink,
    candidates: readonly Candidate[],
    index: OcMirrorIndex,
    { folders, listed, unnamedSource }: Pick<Mentions, "folders" | "listed" | "unnamedSource">,
): TagContest | undefined {
    const name = `${link.repository}:${link.tag}`;
    const digests = index.otherDigests(link);
    const folder = folders.get(name);
    if (folder !== undefined && candidates.length > 0) {
        return { digests, reason: `the image of ${folder} has the same name in the cache` };
    }
    if (candidates.some(({ ownsTag }) => ownsTag) || listed?.has(name)) return undefined;
    const isExplained = (digest: Digest): boolean =>
        index.history.has(digest) || candidates.some(({ reference }) => reference.digest === digest);
    if (digests.some((digest) => !isExplained(digest))) {
        const reason = "no earlier archive contains all of them: another image may have been written to the same tag";
        return { digests, reason };
    }
    if (digests.length === 0 || unnamedSource === undefined) return undefined;
    return { digests, reason: `an image of the image set's ${unnamedSource} may have the same path and tag` };
}
