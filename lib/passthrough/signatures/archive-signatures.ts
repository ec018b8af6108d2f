import { PassthroughError } from "../../errors/errors";
import type { Lock } from "../../lock";
import type { BlobSource, ImageMark } from "../../mirror/image-set";
import { type Digest, isDigest } from "../../oci/digest";
import { type Manifest, parseManifest } from "../../oci/manifest";
import { parseSourceKey, repositoryName } from "../../oci/reference";
import type { SignaturePolicy, SignatureReader } from "../../signatures";
import { type SignatureReport, judgePulls } from "./check-signatures";
import { coveredPulls } from "./required-signatures";

/** An image set whose archive is open. */
export interface OpenSet {
    readonly lock: Pick<Lock, "images" | "manifests" | "blobs" | "earlier">;
    readonly source: BlobSource;
    /** Source reference -> why its digest is not upstream's. */
    readonly marks: Readonly<Record<string, ImageMark>>;
}

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
    const checks = sets.flatMap(({ lock }) =>
        Object.entries(lock.images).map(([source, digest]) => {
            const reference = parseSourceKey(source);
            const { tag } = reference;
            const repository = repositoryName(reference);
            return { source, digest, repository, ...(tag === undefined ? {} : { tag }) };
        }),
    );
    const marks = Object.assign({}, ...sets.map((set) => set.marks)) as Record<string, ImageMark>;
    const pulls = coveredPulls({ checks, marks, local, mirrorHost }, policies);
    return judgePulls(new ArchiveReader(sets), pulls, policies);
}

/** Archives, read as a registry in which each image is under its upstream name. */
class ArchiveReader implements SignatureReader {
    constructor(private readonly sets: readonly OpenSet[]) {}

    /** @throws PassthroughError `EARLIER_CONTENT_MISSING` for a tag that came with an earlier archive */
    async manifestGet(repository: string, reference: string): Promise<Manifest | undefined> {
        const digest = isDigest(reference) ? reference : this.resolveTag(`${repository}:${reference}`);
        const set = this.sets.find(({ lock }) => digest !== undefined && lock.manifests[digest] !== undefined);
        if (set === undefined || digest === undefined) return undefined;
        return parseManifest(await set.source.read(digest));
    }

    async blobGet(_repository: string, digest: Digest): Promise<AsyncIterable<Buffer> | undefined> {
        const set = this.sets.find(({ lock }) => lock.blobs[digest] !== undefined);
        return Promise.resolve(set?.source.open(digest) as AsyncIterable<Buffer> | undefined);
    }

    /** An archive gives the same bytes again. */
    async retrying<T>(operation: (goneOn: () => void) => Promise<T>): Promise<T> {
        return operation(() => undefined);
    }

    private resolveTag(source: string): Digest | undefined {
        const digest = this.sets.map(({ lock }) => lock.images[source]).findLast((found) => found !== undefined);
        if (digest !== undefined) return digest;
        if (this.sets.every(({ lock }) => lock.earlier.images[source] === undefined)) return undefined;
        throw new PassthroughError("it came with an earlier archive", {
            code: "EARLIER_CONTENT_MISSING",
            thing: source,
            fix: "check it in the mirror with `passthrough verify --signatures`",
        });
    }
}
