import type { Digest } from "../../oci/digest";
import { PassthroughError, RegistryError, toProblem } from "../../errors/errors";
import type { Problem } from "../../errors/problem";
import { counted } from "../../errors/text";
import { isForeignLayer } from "../../oci/media-types";
import { mapLimited } from "../../concurrency/limiter";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { type ImageProblem, namedProblems } from "../image-problem";
import { LookupCache } from "./lookup-cache";
import { StoredBlobReader } from "./stored-blob-reader";
import { signedDigest } from "../image-task";
import { ReferrerLookup } from "./referrer-lookup";
import { TreeChecker } from "./tree-checker";

/** Where an image must be found. */
export interface ImageCheck {
    /** Source reference, for the report. */
    readonly source: string;
    readonly digest: Digest;
    readonly repository: string;
    /** The tag that must point to the digest; absent if only the digest is promised. */
    readonly tag?: string;
    /** Read every byte of it, not only ask for its blobs. */
    readonly whole?: boolean;
}

export interface ImageProof {
    readonly source: string;
    readonly manifests: number;
    readonly blobs: number;
    /** Bytes read and hashed for it; a blob that images share counts at one of them. 0 unless it was read whole. */
    readonly bytesRead: number;
    /** The image that it is about, if it is a signature, an SBOM or an attestation: verifiers of that image find it. */
    readonly subject?: Digest;
}

export interface Verification {
    readonly proofs: readonly ImageProof[];
    /** Images that are definitely not as promised. */
    readonly failures: readonly ImageProblem[];
    /** Images that the registry could not read: they may be sound. */
    readonly unread: readonly ImageProblem[];
    /** Sources of those `failures` that say only that the account was rejected: with another one they may be sound. */
    readonly denied: readonly string[];
}

/** The result for one image. */
type Verdict = { readonly proof: ImageProof } | { readonly failure: ImageProblem } | { readonly unread: ImageProblem };

export interface VerifyOptions {
    /**
     * Child manifests that sparse indexes leave out on purpose, and layers that may not be distributed: `<digest>`, or
     * `<source> <digest>` for one image alone.
     */
    readonly absent?: ReadonlySet<string>;
    /** Told when an image is done, and while bytes are read. */
    readonly onProgress?: (images: number, ofImages: number, bytesRead: number) => void;
    /** The registry accepts the account for other images: a rejection is about a repository, however many there are. */
    readonly isAccepted?: boolean;
    /** What others have seen, which is taken for seen; absent: everything is asked for. Blobs are always read anew. */
    readonly lookups?: LookupCache;
}

/** Images looked at together: how many of their questions are in flight, the limiter of the host decides. */
const IMAGES_AT_ONCE = 64;

/** The registry rejected the account, in one repository or in all of them. */
interface DeniedImage {
    readonly source: string;
    readonly denied: RegistryError;
}

/** So many images one after another that cannot be read: it is not about the images. */
const UNREAD_IN_A_ROW = IMAGES_AT_ONCE;

/** The same where none was read before. */
const UNREAD_AT_FIRST = 8;

/**
 * So many images first of all that the account is rejected for: it is rejected altogether. No more are looked at together
 * until one was let in: a rejection takes one question, an image many, and accounts are locked after some rejections.
 */
const DENIED_AT_FIRST = 8;

/**
 * Proves images at the registry: the manifest tree by GET with its digests computed here, every blob by HEAD with its
 * size, the tag by HEAD; whole images byte for byte.
 * @returns failures only for what the registry definitely answered; what it has trouble with itself is `unread`.
 * An account that is rejected in some repositories and not in others is a failure of their images: a registry like Quay
 * answers that for a repository that was deleted.
 * @throws RegistryError if the registry could not be asked, can read nothing, or rejects the account altogether: that is
 * no statement about an image.
 */
export async function verifyImages(
    client: RegistryClient,
    checks: readonly ImageCheck[],
    options: VerifyOptions = {},
): Promise<Verification> {
    client.willRead(checks.map(({ repository }) => repository));
    const trees = new TreeChecker(client, options.lookups ?? new LookupCache());
    const absent = options.absent ?? new Set();
    const referrers = new ReferrerLookup(client);
    let finished = 0;
    let bytesRead = 0;
    const report = () => options.onProgress?.(finished, checks.length, bytesRead);
    const reader = new StoredBlobReader(client, (bytes) => {
        bytesRead += bytes;
        report();
    });
    let inARow = 0;
    let denials = 0;
    const isAccepted = options.isAccepted === true;
    const together = () => (isAccepted || finished > denials ? IMAGES_AT_ONCE : DENIED_AT_FIRST);
    const verdicts = await mapLimited(checks, together, async (check) => {
        const verdict = await verifyImage({ trees, reader, referrers, absent }, check).catch((error: unknown) => {
            // Where nothing is let in, asking for every other image would be thousands of refusals.
            if (isDenial(error) && (isAccepted || finished > denials || denials < DENIED_AT_FIRST)) {
                denials++;
                return { source: check.source, denied: error };
            }
            const most = inARow === finished - denials ? UNREAD_AT_FIRST : UNREAD_IN_A_ROW;
            if (!isAboutContent(error) || ++inARow >= most) throw error;
            return { unread: unreadImage(check, error) };
        });
        if (!("unread" in verdict)) inARow = 0;
        finished++;
        report();
        return verdict;
    });
    const denied = verdicts.filter((verdict): verdict is DeniedImage => "denied" in verdict);
    if (!isAccepted && denied[0] !== undefined && denied.length === verdicts.length) throw denied[0].denied;
    return {
        proofs: verdicts.flatMap((verdict) => ("proof" in verdict ? [verdict.proof] : [])),
        failures: [
            ...verdicts.flatMap((verdict) => ("failure" in verdict ? [verdict.failure] : [])),
            ...denied.map(deniedFailure),
        ],
        unread: verdicts.flatMap((verdict) => ("unread" in verdict ? [verdict.unread] : [])),
        denied: denied.map(({ source }) => source),
    };
}

/**
 * True for what one image can have and its neighbour not: distribution answers 500 for a manifest that it cannot parse,
 * others send what they have. Gateways' 502 to 504, refusals and lost connections are about the registry.
 */
function isAboutContent(error: unknown): boolean {
    if (error instanceof RegistryError && error.status === 500) return true;
    return error instanceof PassthroughError && error.code === "MANIFEST_INVALID";
}

function isDenial(error: unknown): error is RegistryError {
    return error instanceof RegistryError && (error.status === 401 || error.status === 403);
}

function deniedFailure({ source, denied }: DeniedImage): ImageProblem {
    const why = "the registry rejects the account in this repository, and not in others";
    const problem = `${why}: it was deleted, or the account's right in it was taken away`;
    return { source, problems: [{ ...toProblem(denied), problem }] };
}

/** A digest to look for in the registry's storage: the request may have named the tag only. */
function unreadImage({ source, repository, digest }: ImageCheck, error: unknown): ImageProblem {
    return { source, problems: [{ thing: `image ${repository}@${digest}`, ...toProblem(error) }] };
}

/** What was found out although some images could not be read, as one error. */
export function unreadError({ unread, failures }: Pick<Verification, "unread" | "failures">): PassthroughError {
    const count = counted(unread.length, "image");
    return new PassthroughError(`the registry cannot read ${count}, which may be sound`, {
        code: "IMAGES_UNREADABLE",
        problems: namedProblems([...unread, ...failures]),
        fix: "look into the registry's log and repair its storage, then run again",
    });
}

/** What checks share. */
interface Checkers {
    readonly trees: TreeChecker;
    readonly reader: StoredBlobReader;
    readonly referrers: ReferrerLookup;
    readonly absent: ReadonlySet<string>;
}

async function verifyImage({ trees, reader, referrers, absent }: Checkers, check: ImageCheck): Promise<Verdict> {
    const { source, repository, digest } = check;
    if (check.tag !== undefined) {
        const tagged = await trees.tag(repository, check.tag);
        if (tagged !== digest) return { failure: { source, problems: [tagProblem(trees.host, check, tagged)] } };
    }
    const tree = await trees.check(repository, digest);
    // A child that a sparse index leaves out may be absent; the same manifest as an image of its own may not.
    const isExcused = (child: Digest) => child !== digest && (absent.has(child) || absent.has(`${source} ${child}`));
    // A registry that has such a layer after all, but damaged, is not excused.
    const isExcusedLayer = (blob: Digest): boolean =>
        isExcused(blob) && tree.absentBlobs.has(blob) && isForeignLayer(tree.blobs.get(blob)?.mediaType ?? "");
    const missing = [...tree.missing].filter((manifest) => !isExcused(manifest));
    const problems = [
        ...missing.map((manifest) => manifestProblem(trees.host, repository, manifest)),
        ...[...tree.problems].flatMap(([about, problem]) => (isExcusedLayer(about) ? [] : [problem])),
    ];
    const { subject } = tree;
    if (subject !== undefined && !(await referrers.finds(repository, subject, digest))) {
        problems.push(unlistedProblem(trees.host, check, subject));
    }
    let bytesRead = 0;
    if (check.whole === true) {
        const sound = [...tree.blobs.values()].filter((blob) => !tree.problems.has(blob.digest));
        const readings = await Promise.all(sound.map((blob) => reader.read(repository, blob)));
        problems.push(...readings.flatMap(({ problem }) => problem ?? []));
        const sum = (bytes: Iterable<number>) => [...bytes].reduce((total, one) => total + one, 0);
        bytesRead = sum(tree.manifests.values()) + sum(readings.map(({ bytes }) => bytes));
    }
    const about = subject ?? signedDigest(check.tag ?? "");
    if (problems.length > 0) return { failure: { source, problems } };
    return {
        proof: {
            source,
            manifests: tree.manifests.size,
            blobs: tree.blobs.size,
            bytesRead,
            ...(about === undefined ? {} : { subject: about }),
        },
    };
}

function tagProblem(
    registry: string,
    { repository, tag = "", digest }: ImageCheck,
    tagged: Digest | undefined,
): Problem {
    const about = { thing: `tag ${repository}:${tag}`, place: { registry } };
    if (tagged === undefined) return { ...about, code: "MANIFEST_UNKNOWN", problem: "it is missing" };
    return { ...about, code: "TAG_MISMATCH", problem: `it points to ${tagged}, not to ${digest}` };
}

function unlistedProblem(registry: string, { repository, digest }: ImageCheck, subject: Digest): Problem {
    return {
        ...{ thing: `referrer ${repository}@${digest}`, place: { registry } },
        code: "REFERRER_UNLISTED",
        problem: `it is about ${subject}, and clients that look for signatures, SBOMs and attestations of that do not find it`,
        fix: "`npm run up` puts it again and lists it; if it stays, the registry's own list of referrers is incomplete",
    };
}

function manifestProblem(registry: string, repository: string, digest: Digest): Problem {
    const about = { thing: `manifest ${repository}@${digest}`, place: { registry } };
    return { ...about, code: "MANIFEST_UNKNOWN", problem: "it is missing" };
}
