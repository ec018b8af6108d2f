import type { ArchivePlace } from "../../lib/errors/problem";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import type { BlobSource, ImageSet, ManifestFacts } from "../../lib/mirror/image-set";
import { type Digest, computeDigest } from "../../lib/oci/digest";
import { MEDIA_TYPE_OCI_INDEX, MEDIA_TYPE_OCI_MANIFEST } from "../../lib/oci/media-types";

/** An image set made in memory: what a lock would say and where its bytes are. */
export class MemoryImageSet implements BlobSource {
    readonly bytes = new Map<Digest, Buffer>();
    readonly images: Record<string, Digest> = {};
    private readonly manifests: Record<Digest, ManifestFacts> = {};
    private blobs: Record<Digest, number> = {};
    readonly earlier: {
        images: ImageSet["earlier"]["images"];
        manifests: ImageSet["earlier"]["manifests"];
        blobs: ImageSet["earlier"]["blobs"];
    } = { images: {}, manifests: {}, blobs: {} };

    /** @param fresh bytes that nothing else has, of this length */
    constructor(private readonly fresh: (length: number) => Buffer = randomBytes) {}

    get set(): ImageSet {
        return { images: this.images, manifests: this.manifests, blobs: this.blobs, earlier: this.earlier };
    }

    blob(bytes: Buffer = this.fresh(2000)): Digest {
        const digest = this.keep(bytes);
        this.blobs[digest] = bytes.length;
        return digest;
    }

    /** As if an earlier archive had brought the blob: manifests name it, the set does not hold it. */
    leaveOut(blob: Digest): void {
        this.blobs = Object.fromEntries(Object.entries(this.blobs).filter(([digest]) => digest !== blob));
        this.bytes.delete(blob);
    }

    /** @param more fields of the document: annotations, a subject */
    manifest(layers: readonly Digest[] = [this.blob()], more: object = {}): Digest {
        const config = this.blob(Buffer.from(JSON.stringify({ made: this.fresh(8).toString("hex") })));
        const describe = (digest: Digest, mediaType: string) => ({ mediaType, digest, size: this.blobs[digest] ?? 0 });
        return this.document(
            {
                schemaVersion: 2,
                mediaType: MEDIA_TYPE_OCI_MANIFEST,
                config: describe(config, "application/vnd.oci.image.config.v1+json"),
                layers: layers.map((layer) => describe(layer, "application/vnd.oci.image.layer.v1.tar")),
                ...more,
            },
            { blobs: [config, ...layers] },
        );
    }

    /** @param absent children that it names and the set leaves out on purpose */
    index(children: readonly Digest[], absent: readonly Digest[] = []): Digest {
        const manifests = [...children, ...absent].map((digest) => ({
            mediaType: MEDIA_TYPE_OCI_MANIFEST,
            digest,
            size: this.bytes.get(digest)?.length ?? 0,
            platform: { os: "linux", architecture: "amd64" },
        }));
        return this.document(
            { schemaVersion: 2, mediaType: MEDIA_TYPE_OCI_INDEX, manifests },
            { manifests: [...children], ...(absent.length === 0 ? {} : { absent: [...absent] }) },
        );
    }

    image(source: string, digest: Digest = this.manifest()): Digest {
        this.images[source] = digest;
        return digest;
    }

    size(digest: Digest): number | undefined {
        return this.bytes.get(digest)?.length;
    }

    read(digest: Digest): Promise<Buffer> {
        const bytes = this.bytes.get(digest);
        return bytes === undefined ? Promise.reject(new Error(`no ${digest}`)) : Promise.resolve(bytes);
    }

    open(digest: Digest, start = 0): Readable {
        return Readable.from(pieces((this.bytes.get(digest) ?? Buffer.alloc(0)).subarray(start)));
    }

    place(digest: Digest): ArchivePlace {
        return { archive: "memory", entry: digest, offset: 0 };
    }

    private document(
        json: { mediaType: string } & Record<string, unknown>,
        refs: Pick<ManifestFacts, "blobs" | "manifests" | "absent">,
    ): Digest {
        const bytes = Buffer.from(JSON.stringify(json));
        const digest = this.keep(bytes);
        this.manifests[digest] = { mediaType: json.mediaType, size: bytes.length, ...refs };
        return digest;
    }

    private keep(bytes: Buffer): Digest {
        const digest = computeDigest(bytes);
        this.bytes.set(digest, bytes);
        return digest;
    }
}

function* pieces(bytes: Buffer): Iterable<Buffer> {
    const size = 64 * 1024;
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
