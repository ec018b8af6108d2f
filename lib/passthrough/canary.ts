import { type Digest, computeDigest } from "../oci/digest";
import { type Manifest, parseManifest } from "../oci/manifest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../oci/media-types";

/** A tiny image with content of its own: what a selftest pushes and pulls. */
export interface Canary {
    readonly manifest: Manifest;
    readonly blobs: ReadonlyMap<Digest, Buffer>;
}

/** An empty tar: 1024 zero bytes (POSIX pax, "End-of-archive"). */
const TAR = Buffer.alloc(1024);
/** The same, gzipped once and for all, since two versions of zlib may write different bytes. */
const LAYER = Buffer.from("H4sIAAAAAAACA2NgGAWjYBSMVAAALq+17wAEAAA=", "base64");
const CONFIG = Buffer.from(
    JSON.stringify({
        architecture: "amd64",
        os: "linux",
        config: {},
        rootfs: { type: "layers", diff_ids: [computeDigest(TAR)] },
    }),
);

/**
 * A canary of its own for each run, so that runs side by side do not take each other's away. Only its manifest differs:
 * blobs are the same ones always, and a registry keeps them once.
 * @param name what makes it unlike the others
 */
export function canaryImage(name: string): Canary {
    const describe = (bytes: Buffer, mediaType: string) => ({
        mediaType,
        digest: computeDigest(bytes),
        size: bytes.length,
    });
    const document = {
        schemaVersion: 2,
        mediaType: MEDIA_TYPE_OCI_MANIFEST,
        config: describe(CONFIG, "application/vnd.oci.image.config.v1+json"),
        layers: [describe(LAYER, "application/vnd.oci.image.layer.v1.tar+gzip")],
        annotations: { "org.opencontainers.image.title": `registry-passthrough selftest ${name}` },
    };
    return {
        manifest: parseManifest(Buffer.from(JSON.stringify(document)), { thing: "the selftest's image" }),
        blobs: new Map([CONFIG, LAYER].map((bytes) => [computeDigest(bytes), bytes])),
    };
}
