import type { Digest } from "../oci/digest";
import { RegistryError, messageOf } from "../oci/errors";
import type { Descriptor } from "../oci/manifest";
import { isIndexMediaType } from "../oci/media-types";
import { once } from "../oci/once";
import type { RegistryClient } from "../oci/registry-client";
import type { SeenManifest, Sightings } from "./sightings";
import { DAMAGED } from "./stored-blob-reader";

/** What the registry has of an image. */
export interface Tree {
    /** Bytes by digest; none if the root itself is not there. */
    readonly manifests: ReadonlyMap<Digest, number>;
    readonly blobs: ReadonlyMap<Digest, Descriptor>;
    /** By the manifest or blob that they are about: indexes may share what is broken. */
    readonly problems: ReadonlyMap<Digest, string>;
}

function broken(digest: Digest, problem: string): Tree {
    return { manifests: new Map(), blobs: new Map(), problems: new Map([[digest, problem]]) };
}

/** Bytes that hash to something else are a definite answer. */
function otherBytes(error: unknown): string {
    if (error instanceof RegistryError && error.code === "DIGEST_MISMATCH") return messageOf(error);
    throw error;
}

/** Walks manifest trees, each tree and each blob of a repository once. */
export class TreeChecker {
    private readonly trees = new Map<string, Promise<Tree>>();
    private readonly sizes = new Map<string, Promise<number | undefined>>();

    constructor(
        private readonly client: RegistryClient,
        private readonly absent: ReadonlySet<Digest>,
        private readonly sightings: Sightings,
    ) {}

    /** What a tag points to; undefined if it is not there. */
    tag(repository: string, tag: string): Promise<Digest | undefined> {
        return this.sightings.tag(this.client, repository, tag);
    }

    check(repository: string, digest: Digest): Promise<Tree> {
        return once(this.trees, `${repository} ${digest}`, () => this.walk(repository, digest));
    }

    private async walk(repository: string, digest: Digest): Promise<Tree> {
        const manifest = await this.sightings.manifest(this.client, repository, digest).catch(otherBytes);
        if (manifest === undefined) return broken(digest, `manifest ${digest} is not there`);
        // It is there, so no sparse index excuses it.
        if (typeof manifest === "string") return { ...broken(digest, manifest), manifests: new Map([[digest, 0]]) };
        return isIndexMediaType(manifest.mediaType)
            ? this.index(repository, digest, manifest)
            : this.image(repository, digest, manifest);
    }

    private async index(repository: string, root: Digest, manifest: SeenManifest): Promise<Tree> {
        const found = await Promise.all(
            manifest.manifests.map(async ({ digest }) => ({ digest, tree: await this.check(repository, digest) })),
        );
        // A child that a sparse index leaves out may be absent; the same manifest as an image of its own may not.
        const children = found
            .filter(({ digest, tree }) => tree.manifests.size > 0 || !this.absent.has(digest))
            .map(({ tree }) => tree);
        return {
            manifests: new Map([[root, manifest.size], ...children.flatMap((child) => [...child.manifests])]),
            blobs: new Map(children.flatMap((child) => [...child.blobs])),
            problems: new Map(children.flatMap((child) => [...child.problems])),
        };
    }

    private async image(repository: string, root: Digest, manifest: SeenManifest): Promise<Tree> {
        const blobs = new Map(manifest.blobs.map((blob) => [blob.digest, blob]));
        const found = await Promise.all(
            [...blobs.values()].map(async ({ digest, size }) => {
                const length = await once(this.sizes, `${repository} ${digest}`, () =>
                    this.sightings.blob(this.client, repository, digest),
                );
                if (length === undefined) return [[digest, `blob ${digest} is not there`] as const];
                if (length === size) return [];
                return [[digest, `blob ${digest} has ${length} bytes instead of ${size}${DAMAGED}`] as const];
            }),
        );
        return { manifests: new Map([[root, manifest.size]]), blobs, problems: new Map(found.flat()) };
    }
}
