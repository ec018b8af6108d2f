import type { Digest } from "../../oci/digest";
import { RegistryError, toProblem } from "../../errors/errors";
import type { Problem } from "../../errors/problem";
import { isIndexMediaType } from "../../oci/media-types";
import { once } from "../../concurrency/once";
import type { RegistryClient } from "../../distribution/client/registry-client";
import type { LookupCache, SeenBlob, SeenManifest } from "./lookup-cache";
import { DAMAGED_FIX } from "./stored-blob-reader";

/** What the registry has of an image. */
export interface Tree {
    /** Bytes by digest, of those that are there. */
    readonly manifests: ReadonlyMap<Digest, number>;
    readonly blobs: ReadonlyMap<Digest, SeenBlob>;
    /** Manifests that are not there: whether one may be absent depends on the image. */
    readonly missing: ReadonlySet<Digest>;
    /** Blobs that the registry does not have. */
    readonly absentBlobs: ReadonlySet<Digest>;
    /** By the manifest or blob that they are about: indexes may share what is broken. */
    readonly problems: ReadonlyMap<Digest, Problem>;
    /** What the root is about, if it is a referrer. */
    readonly subject?: Digest;
}

const NOTHING: Tree = {
    manifests: new Map(),
    blobs: new Map(),
    missing: new Set(),
    absentBlobs: new Set(),
    problems: new Map(),
};

/** Bytes that hash to something else are a definite result. */
function digestMismatch(error: unknown): Problem {
    if (error instanceof RegistryError && error.code === "DIGEST_MISMATCH") return toProblem(error);
    throw error;
}

/** Walks manifest trees, each tree and each blob of a repository once. */
export class TreeChecker {
    private readonly trees = new Map<string, Promise<Tree>>();
    private readonly sizes = new Map<string, Promise<number | undefined>>();

    constructor(
        private readonly client: RegistryClient,
        private readonly lookups: LookupCache,
    ) {}

    /** `host[:port]`, for problems. */
    get host(): string {
        return this.client.host;
    }

    /** What a tag points to; undefined if it does not exist. */
    tag(repository: string, tag: string): Promise<Digest | undefined> {
        return this.lookups.tag(this.client, repository, tag);
    }

    check(repository: string, digest: Digest): Promise<Tree> {
        return once(this.trees, `${repository} ${digest}`, () => this.walk(repository, digest));
    }

    private async walk(repository: string, digest: Digest): Promise<Tree> {
        const manifest = await this.lookups.manifest(this.client, repository, digest).catch(digestMismatch);
        if (manifest === undefined) return { ...NOTHING, missing: new Set([digest]) };
        if ("problem" in manifest) {
            return { ...NOTHING, manifests: new Map([[digest, 0]]), problems: new Map([[digest, manifest]]) };
        }
        const tree = isIndexMediaType(manifest.mediaType)
            ? await this.index(repository, digest, manifest)
            : await this.image(repository, digest, manifest);
        return manifest.subject === undefined ? tree : { ...tree, subject: manifest.subject };
    }

    private async index(repository: string, root: Digest, manifest: SeenManifest): Promise<Tree> {
        const children = await Promise.all(manifest.manifests.map((digest) => this.check(repository, digest)));
        return {
            manifests: new Map([[root, manifest.size], ...children.flatMap((child) => [...child.manifests])]),
            blobs: new Map(children.flatMap((child) => [...child.blobs])),
            missing: new Set(children.flatMap((child) => [...child.missing])),
            absentBlobs: new Set(children.flatMap((child) => [...child.absentBlobs])),
            problems: new Map(children.flatMap((child) => [...child.problems])),
        };
    }

    private async image(repository: string, root: Digest, manifest: SeenManifest): Promise<Tree> {
        const blobs = new Map(manifest.blobs.map((blob) => [blob.digest, blob]));
        const absent: Digest[] = [];
        const found = await Promise.all(
            [...blobs.values()].map(async (blob) => {
                const { digest, size } = blob;
                const length = await once(this.sizes, `${repository} ${digest}`, () =>
                    this.lookups.blob(this.client, repository, digest),
                );
                if (length === undefined) absent.push(digest);
                return length === size ? [] : [[digest, this.blobProblem(repository, blob, length)] as const];
            }),
        );
        const sound = { ...NOTHING, manifests: new Map([[root, manifest.size]]), blobs };
        // Nearly every image is: thousands of empty sets would take some MB.
        const problems = found.flat();
        return problems.length === 0 ? sound : { ...sound, absentBlobs: new Set(absent), problems: new Map(problems) };
    }

    private blobProblem(repository: string, { digest, size }: SeenBlob, length: number | undefined): Problem {
        const about = { thing: `blob ${repository}@${digest}`, place: { registry: this.client.host } };
        if (length === undefined) return { ...about, code: "BLOB_UNKNOWN", problem: "it is missing" };
        const problem = `it has ${length} bytes instead of ${size}`;
        return { ...about, code: "SIZE_MISMATCH", problem, fix: DAMAGED_FIX };
    }
}
