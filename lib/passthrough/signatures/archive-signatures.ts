import type { OpenOptions } from "../../archives";
import type { ImageCheck } from "../../import";
import type { ImageMark } from "../../mirror/image-set";
import { parseSourceKey, repositoryName } from "../../oci/reference";
import type { ImageSetFiles, SignaturePolicy, SignatureRules } from "../../signatures";
import { ArchiveReader, type MirrorOfSets, type OpenSet, closedSet, openSet } from "./archive-reader";
import { type SignatureReport, judgePulls } from "./check-signatures";
import { type RequiredSignatures, coveredPulls } from "./required-signatures";

interface ArchiveSignatureRequest {
    readonly policies: readonly SignaturePolicy[];
    /** `host/path` of images that have no upstream. */
    readonly local: ReadonlySet<string>;
    /** `host[:port]` of the mirror. */
    readonly mirrorHost: string;
}

/**
 * What nodes will make of the images in archives, with the signatures in these archives, once all of them are in the
 * mirror. Images that no policy covers are left out. Signatures that came with an earlier archive are not read: what
 * depends on them is `unread`.
 * @throws ArchiveError if an archive cannot be read
 */
export async function checkArchiveSignatures(
    sets: readonly OpenSet[],
    { policies, local, mirrorHost }: ArchiveSignatureRequest,
): Promise<SignatureReport> {
    const checks = sets.flatMap(({ lock }) => upstreamChecks(lock));
    const marks = Object.assign({}, ...sets.map((set) => set.marks)) as Record<string, ImageMark>;
    const pulls = coveredPulls({ checks, marks, local, mirrorHost }, policies);
    // Where two sets have a tag, that of the later one stays.
    return judgePulls(new ArchiveReader(sets.toReversed().map(openSet)), pulls, policies);
}

/** Which images of a set are judged, and where their signatures may be besides. */
export interface SetSignatureRequest {
    readonly rules: SignatureRules;
    /** Source references of the images that are judged. */
    readonly sources: ReadonlySet<string>;
    /** The site's other sets, in their order: a signature may come with one of them. */
    readonly others: readonly ImageSetFiles[];
    /** `host[:port]` of the mirror. */
    readonly mirrorHost: string;
    /** Absent: it is not asked, and what it may have is not known. */
    readonly mirror?: MirrorOfSets;
    /** How archives of the other sets are opened. */
    readonly opening?: OpenOptions;
}

/**
 * What nodes will make of images of one set once it is in the mirror: its own signatures count first, then those of the
 * site's other sets, then those that are in the mirror already.
 * @throws ArchiveError if the set's own archive cannot be read; RegistryError if the mirror cannot be reached
 */
export async function checkSetSignatures(
    set: OpenSet,
    { rules, sources, others, mirrorHost, mirror, opening = {} }: SetSignatureRequest,
): Promise<RequiredSignatures> {
    const checks = upstreamChecks(set.lock).filter(({ source }) => sources.has(source));
    const request = { checks, marks: set.marks, local: new Set(rules.local), mirrorHost };
    const covered = coveredPulls(request, rules.policies);
    if (covered.length === 0) return { images: [], unread: [], covered };
    const further = others.toReversed().map((other) => closedSet(other, opening));
    try {
        const reader = new ArchiveReader([openSet(set), ...further], mirror);
        return { ...(await judgePulls(reader, covered, rules.policies)), covered };
    } finally {
        for (const other of further) await other.close();
    }
}

/** The images of a lock under the names that they have upstream. */
function upstreamChecks({ images }: OpenSet["lock"]): ImageCheck[] {
    return Object.entries(images).map(([source, digest]) => {
        const reference = parseSourceKey(source);
        const { tag } = reference;
        const repository = repositoryName(reference);
        return { source, digest, repository, ...(tag === undefined ? {} : { tag }) };
    });
}
