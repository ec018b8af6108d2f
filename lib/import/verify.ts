import type { Digest } from "../oci/digest";
import { RegistryError, messageOf } from "../oci/errors";
import { mapLimited } from "../oci/limiter";
import type { Descriptor, Manifest } from "../oci/manifest";
import { isIndexMediaType } from "../oci/media-types";
import { once } from "../oci/once";
import type { RegistryClient } from "../oci/registry-client";
import { StoredBlobReader, DAMAGED } from "./stored-blob-reader";

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

export interface Verification {
    readonly proofs: readonly ImageProof[];
    readonly failures: readonly ImageFailure[];
}

export interface VerifyOptions {
    /** Child manifests that sparse indexes leave out on purpose. */
    readonly absent?: ReadonlySet<Digest>;
    /** Told when an image is done, and while bytes are read. */
    readonly onProgress?: (images: number, ofImages: number, bytesRead: number) => void;
}

/** Images looked at together; each asks a few questions at once. */
const IMAGES_AT_ONCE = 8;

/**
 * Proves images at the registry: the manifest tree by GET with its digests computed here, every blob by HEAD with its
 * size, the tag by HEAD; whole images byte for byte.
 * @returns failures only for what the registry definitely answered.
 * @throws RegistryError if the registry could not be asked: that is no statement about an image.
 */
export async function verifyImages(
    client: RegistryClient,
    checks: readonly ImageCheck[],
    options: VerifyOptions = {},
): Promise<Verification> {
    const trees = new TreeChecker(client, options.absent ?? new Set());
    let finished = 0;
    let bytesRead = 0;
    const report = () => options.onProgress?.(finished, checks.length, bytesRead);
    const reader = new StoredBlobReader(client, (bytes) => {
        bytesRead += bytes;
        report();
    });
    const verdicts = await mapLimited(checks, IMAGES_AT_ONCE, async (check) => {
        const verdict = await verifyImage(client, trees, reader, check);
        finished++;
        report();
        return verdict;
    });
    return {
        proofs: verdicts.filter((verdict): verdict is ImageProof => "blobs" in verdict),
        failures: verdicts.filter((verdict): verdict is ImageFailure => "problem" in verdict),
    };
}

async function verifyImage(
    client: RegistryClient,
    trees: TreeChecker,
    reader: StoredBlobReader,
    check: ImageCheck,
): Promise<ImageProof | ImageFailure> {
    const { source, repository, digest } = check;
    const place = `${repository}@${digest}`;
    if (check.tag !== undefined) {
        const tagged = await client.manifestHead(repository, check.tag);
        if (tagged !== digest) {
            const found = tagged === undefined ? "is not there" : `points to ${tagged}, not to ${digest}`;
            return { source, problem: `the tag ${repository}:${check.tag} ${found}` };
        }
    }
    const tree = await trees.check(repository, digest);
    const problems = [...tree.problems];
    let bytesRead = 0;
    if (check.whole === true) {
        const sound = [...tree.blobs.values()].filter((blob) => !tree.unsound.has(blob.digest));
        const readings = await Promise.all(sound.map((blob) => reader.read(repository, blob)));
        problems.push(...readings.flatMap(({ problem }) => problem ?? []));
        bytesRead = readings.reduce((sum, { bytes }) => sum + bytes, tree.manifestBytes);
    }
    if (problems.length > 0) return { source, problem: `${place}: ${problems.join("; ")}` };
    return { source, manifests: tree.manifests, blobs: tree.blobs.size, bytesRead };
}

interface Tree {
    readonly manifests: number;
    readonly manifestBytes: number;
    readonly blobs: ReadonlyMap<Digest, Descriptor>;
    readonly problems: readonly string[];
    /** Blobs that are named in `problems`. */
    readonly unsound: ReadonlySet<Digest>;
}

function broken(problem: string): Tree {
    return { manifests: 0, manifestBytes: 0, blobs: new Map(), problems: [problem], unsound: new Set() };
}

/** Bytes that hash to something else are a definite answer. */
function otherBytes(error: unknown): string {
    if (error instanceof RegistryError && error.code === "DIGEST_MISMATCH") return messageOf(error);
    throw error;
}

/** Walks manifest trees, each tree and each blob of a repository once. */
class TreeChecker {
    private readonly trees = new Map<string, Promise<Tree>>();
    private readonly sizes = new Map<string, Promise<number | undefined>>();

    constructor(
        private readonly client: RegistryClient,
        private readonly absent: ReadonlySet<Digest>,
    ) {}

    check(repository: string, digest: Digest): Promise<Tree> {
        return once(this.trees, `${repository} ${digest}`, () => this.walk(repository, digest));
    }

    private async walk(repository: string, digest: Digest): Promise<Tree> {
        const manifest = await this.client.manifestGet(repository, digest).catch(otherBytes);
        if (manifest === undefined) return broken(`manifest ${digest} is not there`);
        if (typeof manifest === "string") return broken(manifest);
        return isIndexMediaType(manifest.mediaType)
            ? this.index(repository, manifest)
            : this.image(repository, manifest);
    }

    private async index(repository: string, manifest: Manifest): Promise<Tree> {
        const found = await Promise.all(
            manifest.manifests.map(async ({ digest }) => ({ digest, tree: await this.check(repository, digest) })),
        );
        // A child that a sparse index leaves out may be absent; the same manifest as an image of its own may not.
        const children = found
            .filter(({ digest, tree }) => tree.manifests > 0 || !this.absent.has(digest))
            .map(({ tree }) => tree);
        return {
            manifests: 1 + children.reduce((sum, child) => sum + child.manifests, 0),
            manifestBytes: manifest.bytes.length + children.reduce((sum, child) => sum + child.manifestBytes, 0),
            blobs: new Map(children.flatMap((child) => [...child.blobs])),
            problems: children.flatMap((child) => child.problems),
            unsound: new Set(children.flatMap((child) => [...child.unsound])),
        };
    }

    private async image(repository: string, manifest: Manifest): Promise<Tree> {
        const blobs = new Map(manifest.blobs.map((blob) => [blob.digest, blob]));
        const found = await Promise.all(
            [...blobs.values()].map(async ({ digest, size }) => {
                const length = await once(this.sizes, `${repository} ${digest}`, () =>
                    this.client.blobHead(repository, digest),
                );
                if (length === undefined) return [{ digest, problem: `blob ${digest} is not there` }];
                if (length === size) return [];
                return [{ digest, problem: `blob ${digest} has ${length} bytes instead of ${size}${DAMAGED}` }];
            }),
        );
        const wrong = found.flat();
        return {
            manifests: 1,
            manifestBytes: manifest.bytes.length,
            blobs,
            problems: wrong.map(({ problem }) => problem),
            unsound: new Set(wrong.map(({ digest }) => digest)),
        };
    }
}
