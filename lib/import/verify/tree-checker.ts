import type { Digest } from "../../oci/digest";
import { RegistryError, errorMessage } from "../../errors/errors";
import type { Descriptor } from "../../oci/manifest";
import { isIndexMediaType } from "../../oci/media-types";
import { once } from "../../concurrency/once";
import type { RegistryClient } from "../../distribution/client/registry-client";
import type { SeenManifest, LookupCache } from "./lookup-cache";
import { DAMAGED } from "./stored-blob-reader";

/** What the registry has of an image. */
export interface Tree {
    /** Bytes by digest, of those that are there. */
    readonly manifests: ReadonlyMap<Digest, number>;
    readonly blobs: ReadonlyMap<Digest, Descriptor>;
    /** Manifests that are not there: whether one may be absent depends on the image. */
    readonly missing: ReadonlySet<Digest>;
    /** Blobs that the registry does not have. */
    readonly absentBlobs: ReadonlySet<Digest>;
    /** By the manifest or blob that they are about: indexes may share what is broken. */
    readonly problems: ReadonlyMap<Digest, string>;
}

const NOTHING: Tree = {
    manifests: new Map(),
    blobs: new Map(),
    missing: new Set(),
    absentBlobs: new Set(),
    problems: new Map(),
};

/** Bytes that hash to something else are a definite answer. */
function otherBytes(error: unknown): string {
    if (error instanceof RegistryError && error.code === "DIGEST_MISMATCH") return errorMessage(error);
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

    /** What a tag points to; undefined if it is not there. */
    tag(repository: string, tag: string): Promise<Digest | undefined> {
        return this.lookups.tag(this.client, repository, tag);
    }

    check(repository: string, digest: Digest): Promise<Tree> {
        return once(this.trees, `${repository} ${digest}`, () => this.walk(repository, digest));
    }

    private async walk(repository: string, digest: Digest): Promise<Tree> {
        const manifest = await this.lookups.manifest(this.client, repository, digest).catch(otherBytes);
        if (manifest === undefined) return { ...NOTHING, missing: new Set([digest]) };
        if (typeof manifest === "string") {
            return { ...NOTHING, manifests: new Map([[digest, 0]]), problems: new Map([[digest, manifest]]) };
        }
        return isIndexMediaType(manifest.mediaType)
            ? this.index(repository, digest, manifest)
            : this.image(repository, digest, manifest);
    }

    private async index(repository: string, root: Digest, manifest: SeenManifest): Promise<Tree> {
        const children = await Promise.all(manifest.manifests.map(({ digest }) => this.check(repository, digest)));
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
        const absentBlobs = new Set<Digest>();
        const found = await Promise.all(
            [...blobs.values()].map(async ({ digest, size }) => {
                const length = await once(this.sizes, `${repository} ${digest}`, () =>
                    this.lookups.blob(this.client, repository, digest),
                );
                if (length === undefined) {
                    absentBlobs.add(digest);
                    return [[digest, `blob ${digest} is not there`] as const];
                }
                if (length === size) return [];
                return [[digest, `blob ${digest} has ${length} bytes instead of ${size}${DAMAGED}`] as const];
            }),
        );
        const problems = new Map(found.flat());
        return { ...NOTHING, manifests: new Map([[root, manifest.size]]), blobs, absentBlobs, problems };
    }
}
