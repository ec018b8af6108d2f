import type { Digest } from "../../oci/digest";
import { PassthroughError, RegistryError, errorMessage } from "../../errors/errors";
import { isForeignLayer } from "../../oci/media-types";
import { mapLimited } from "../../concurrency/limiter";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { counted } from "../transfer/progress-text";
import { LookupCache } from "./lookup-cache";
import { StoredBlobReader } from "./stored-blob-reader";
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
}

/** An image that is definitely not as promised. */
export interface ImageFailure {
    readonly source: string;
    readonly problem: string;
}

/** An image that the registry said nothing about: it may be sound. */
export interface UnreadImage {
    readonly source: string;
    /** "mirror/quay.io/org/app@sha256:… could not be read: GET …: UNKNOWN (500)" */
    readonly unread: string;
}

export interface Verification {
    readonly proofs: readonly ImageProof[];
    readonly failures: readonly ImageFailure[];
    readonly unread: readonly UnreadImage[];
}

export interface VerifyOptions {
    /**
     * Child manifests that sparse indexes leave out on purpose, and layers that may not be distributed: `<digest>`, or
     * `<source> <digest>` for one image alone.
     */
    readonly absent?: ReadonlySet<string>;
    /** Told when an image is done, and while bytes are read. */
    readonly onProgress?: (images: number, ofImages: number, bytesRead: number) => void;
    /** What others have seen, which is taken for seen; absent: everything is asked for. Blobs are always read anew. */
    readonly lookups?: LookupCache;
}

/** Images looked at together; each asks a few questions at once. */
const IMAGES_AT_ONCE = 8;

/** Images that one error names. */
const MAX_NAMED = 50;

/** So many images one after another that cannot be read: it is not about the images. */
const UNREAD_IN_A_ROW = IMAGES_AT_ONCE;

/**
 * Proves images at the registry: the manifest tree by GET with its digests computed here, every blob by HEAD with its
 * size, the tag by HEAD; whole images byte for byte.
 * @returns failures only for what the registry definitely answered; what it has trouble with itself is `unread`.
 * @throws RegistryError if the registry could not be asked, or can read nothing: that is no statement about an image.
 */
export async function verifyImages(
    client: RegistryClient,
    checks: readonly ImageCheck[],
    options: VerifyOptions = {},
): Promise<Verification> {
    const trees = new TreeChecker(client, options.lookups ?? new LookupCache());
    const absent = options.absent ?? new Set();
    let finished = 0;
    let bytesRead = 0;
    const report = () => options.onProgress?.(finished, checks.length, bytesRead);
    const reader = new StoredBlobReader(client, (bytes) => {
        bytesRead += bytes;
        report();
    });
    let inARow = 0;
    const verdicts = await mapLimited(checks, IMAGES_AT_ONCE, async (check) => {
        const verdict = await verifyImage(trees, reader, absent, check).catch((error: unknown) => {
            if (!isAboutContent(error) || ++inARow >= UNREAD_IN_A_ROW) throw error;
            const { source, repository, digest } = check;
            return { source, unread: `${repository}@${digest} could not be read: ${errorMessage(error)}` };
        });
        if (!("unread" in verdict)) inARow = 0;
        finished++;
        report();
        return verdict;
    });
    return {
        proofs: verdicts.filter((verdict): verdict is ImageProof => "blobs" in verdict),
        failures: verdicts.filter((verdict): verdict is ImageFailure => "problem" in verdict),
        unread: verdicts.filter((verdict): verdict is UnreadImage => "unread" in verdict),
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

/** What was found out although some images could not be read, as one error. */
export function unreadError({ unread, failures }: Pick<Verification, "unread" | "failures">): PassthroughError {
    const named = [
        ...unread.map(({ source, unread: why }) => `${source}: ${why}`),
        ...failures.map(({ source, problem }) => `${source}: ${problem}`),
    ];
    const more = named.length > MAX_NAMED ? `\n    and ${named.length - MAX_NAMED} more` : "";
    return new PassthroughError(
        `the registry cannot read ${counted(unread.length, "image")}: whether they are sound is not known` +
            `\n    ${named.slice(0, MAX_NAMED).join("\n    ")}${more}\n`,
        { code: "UNREADABLE", fix: "look into the registry's log and mend its storage, then run again" },
    );
}

async function verifyImage(
    trees: TreeChecker,
    reader: StoredBlobReader,
    absent: ReadonlySet<string>,
    check: ImageCheck,
): Promise<ImageProof | ImageFailure> {
    const { source, repository, digest } = check;
    const place = `${repository}@${digest}`;
    if (check.tag !== undefined) {
        const tagged = await trees.tag(repository, check.tag);
        if (tagged !== digest) {
            const found = tagged === undefined ? "is not there" : `points to ${tagged}, not to ${digest}`;
            return { source, problem: `the tag ${repository}:${check.tag} ${found}` };
        }
    }
    const tree = await trees.check(repository, digest);
    // A child that a sparse index leaves out may be absent; the same manifest as an image of its own may not.
    const isExcused = (child: Digest) => child !== digest && (absent.has(child) || absent.has(`${source} ${child}`));
    // A registry that has such a layer after all, but damaged, is not excused.
    const isExcusedLayer = (blob: Digest): boolean =>
        isExcused(blob) && tree.absentBlobs.has(blob) && isForeignLayer(tree.blobs.get(blob)?.mediaType ?? "");
    const missing = [...tree.missing].filter((manifest) => !isExcused(manifest));
    const problems = [
        ...missing.map((manifest) => `manifest ${manifest} is not there`),
        ...[...tree.problems].flatMap(([about, problem]) => (isExcusedLayer(about) ? [] : [problem])),
    ];
    let bytesRead = 0;
    if (check.whole === true) {
        const sound = [...tree.blobs.values()].filter((blob) => !tree.problems.has(blob.digest));
        const readings = await Promise.all(sound.map((blob) => reader.read(repository, blob)));
        problems.push(...readings.flatMap(({ problem }) => problem ?? []));
        const sum = (bytes: Iterable<number>) => [...bytes].reduce((total, one) => total + one, 0);
        bytesRead = sum(tree.manifests.values()) + sum(readings.map(({ bytes }) => bytes));
    }
    if (problems.length > 0) return { source, problem: `${place}: ${problems.join("; ")}` };
    return { source, manifests: tree.manifests.size, blobs: tree.blobs.size, bytesRead };
}
