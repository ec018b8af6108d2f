import { type OpenOptions, openArchive } from "../../archives";
import { PassthroughError, errorMessage } from "../../errors/errors";
import { type Lock, readLock } from "../../lock";
import type { BlobSource, ImageMark } from "../../mirror/image-set";
import { type MirrorBase, mirrorRepository } from "../../mirror/mirror-reference";
import { type Digest, isDigest } from "../../oci/digest";
import { type Manifest, parseManifest } from "../../oci/manifest";
import type { ImageSetFiles, SignatureReader } from "../../signatures";

type SetLock = Pick<Lock, "images" | "manifests" | "blobs" | "earlier">;

/** An image set whose archive is open. */
export interface OpenSet {
    readonly lock: SetLock;
    readonly source: BlobSource;
    /** Source reference -> why its digest is not upstream's. */
    readonly marks: Readonly<Record<string, ImageMark>>;
}

/** The mirror that the sets are pushed to. */
export interface MirrorOfSets {
    readonly client: SignatureReader;
    readonly base: MirrorBase;
}

/** An image set as it is read: its lock, and its archive. */
interface ReadableSet {
    lock(): Promise<SetLock>;
    /** @throws PassthroughError if the archive cannot be read */
    source(): Promise<BlobSource>;
    close(): Promise<void>;
}

export function openSet({ lock, source }: Pick<OpenSet, "lock" | "source">): ReadableSet {
    return {
        lock: () => Promise.resolve(lock),
        source: () => Promise.resolve(source),
        close: () => Promise.resolve(),
    };
}

/** A set whose files are opened when something of them is needed, and then once. */
export function closedSet({ archive: paths, lock: path }: ImageSetFiles, options: OpenOptions): ReadableSet {
    let lock: ReturnType<typeof readLock> | undefined;
    let archive: ReturnType<typeof openArchive> | undefined;
    return {
        lock: () => (lock ??= readLock(path)),
        source: async () => {
            try {
                return (await (archive ??= openArchive(paths, options))).source;
            } catch (cause) {
                options.signal?.throwIfAborted();
                throw new PassthroughError(
                    `it comes with ${path}, whose archive was not read: ${errorMessage(cause)}`,
                    {
                        code: "ARCHIVE_NOT_FOUND",
                        thing: "signature",
                        fix: "put the archive where the lock's set has it",
                        cause,
                    },
                );
            }
        },
        close: async () => (await archive?.catch(() => undefined))?.close(),
    };
}

/** Archives, read as a registry in which each image is under its upstream name. What they lack may be in the mirror. */
export class ArchiveReader implements SignatureReader {
    /**
     * @param sets in the order in which things are looked for in them
     * @param mirror absent: it is not asked
     */
    constructor(
        private readonly sets: readonly ReadableSet[],
        private readonly mirror?: MirrorOfSets,
    ) {}

    /** @throws PassthroughError `EARLIER_CONTENT_MISSING` for a tag that came with an earlier archive and is nowhere */
    async manifestGet(repository: string, reference: string): Promise<Manifest | undefined> {
        if (isDigest(reference)) return this.manifest(repository, reference);
        const name = `${repository}:${reference}`;
        const digest = await this.find(({ images }) => images[name]);
        if (digest !== undefined) return this.manifest(repository, digest.found);
        const found = await this.atMirror(repository, (client, at) => client.manifestGet(at, reference));
        const isEarlier = found === undefined && (await this.find(({ earlier }) => earlier.images[name])) !== undefined;
        if (!isEarlier) return found;
        throw new PassthroughError("it came with an earlier archive", {
            code: "EARLIER_CONTENT_MISSING",
            thing: name,
            fix: "check it in the mirror with `passthrough verify --signatures`",
        });
    }

    async blobGet(repository: string, digest: Digest): Promise<AsyncIterable<Buffer> | undefined> {
        const held = await this.find(({ blobs }) => blobs[digest]);
        return this.read(held?.set, repository, {
            archive: (source) => Promise.resolve(source.open(digest) as AsyncIterable<Buffer>),
            mirror: (client, at) => client.blobGet(at, digest),
        });
    }

    /** An archive gives the same bytes again. */
    async retrying<T>(operation: (goneOn: () => void) => Promise<T>): Promise<T> {
        return this.mirror === undefined ? operation(() => undefined) : this.mirror.client.retrying(operation);
    }

    private async manifest(repository: string, digest: Digest): Promise<Manifest | undefined> {
        const held = await this.find(({ manifests }) => manifests[digest]);
        return this.read(held?.set, repository, {
            archive: async (source) => parseManifest(await source.read(digest)),
            mirror: (client, at) => client.manifestGet(at, digest),
        });
    }

    /** Of the set that holds it; where that archive is not here, of the mirror, which may have it already. */
    private async read<T>(
        set: ReadableSet | undefined,
        repository: string,
        from: {
            readonly archive: (source: BlobSource) => Promise<T>;
            readonly mirror: (client: SignatureReader, repository: string) => Promise<T | undefined>;
        },
    ): Promise<T | undefined> {
        if (set === undefined) return this.atMirror(repository, from.mirror);
        let source;
        try {
            source = await set.source();
        } catch (error) {
            const found = await this.atMirror(repository, from.mirror);
            if (found === undefined) throw error;
            return found;
        }
        return from.archive(source);
    }

    private async atMirror<T>(
        repository: string,
        ask: (client: SignatureReader, repository: string) => Promise<T | undefined>,
    ): Promise<T | undefined> {
        if (this.mirror === undefined) return undefined;
        const { client, base } = this.mirror;
        return ask(client, mirrorRepository(base, repository));
    }

    /** The first set whose lock has it. */
    private async find<T>(
        look: (lock: SetLock) => T | undefined,
    ): Promise<{ readonly set: ReadableSet; readonly found: T } | undefined> {
        for (const set of this.sets) {
            const found = look(await set.lock());
            if (found !== undefined) return { set, found };
        }
        return undefined;
    }
}
