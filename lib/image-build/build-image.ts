import { type Digest, computeDigest } from "../oci/digest";
import { type Manifest, parseManifest } from "../oci/manifest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../oci/media-types";
import type { LayerFile, TarLayer } from "./tar-layer";

/** Who images run as, if nobody says another: a number, since `runAsNonRoot` cannot be checked against a name. */
export const NOBODY = "65534";
/** The name of that user. */
export const USERS: LayerFile = {
    path: "etc/passwd",
    content: { bytes: Buffer.from(`nobody:x:${NOBODY}:${NOBODY}::/:\n`) },
};

/** An image that was made without a base image, for Linux. */
export interface BuiltImage {
    /** `amd64`, as images and nodes name it. */
    readonly architecture: string;
    readonly manifest: Manifest;
    readonly config: Buffer;
    readonly layers: readonly TarLayer[];
}

/** What an image is made of. */
export interface ImageParts {
    readonly architecture: string;
    readonly title: string;
    /** Of the image configuration, "config": user, environment, entry point. */
    readonly config: object;
    readonly layers: readonly TarLayer[];
}

/** Describes layers as an image (OCI image specification, "Image Manifest"): the same parts make the same digest. */
export function buildImage({ architecture, title, config: run, layers }: ImageParts): BuiltImage {
    const config = Buffer.from(
        JSON.stringify({
            ...{ architecture, os: "linux" },
            config: { ...run, Labels: { "org.opencontainers.image.title": title } },
            rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
        }),
    );
    const describe = (mediaType: string, digest: Digest, size: number) => ({ mediaType, digest, size });
    const document = {
        ...{ schemaVersion: 2, mediaType: MEDIA_TYPE_OCI_MANIFEST },
        config: describe("application/vnd.oci.image.config.v1+json", computeDigest(config), config.length),
        layers: layers.map(({ digest, size }) => describe("application/vnd.oci.image.layer.v1.tar", digest, size)),
    };
    const manifest = parseManifest(Buffer.from(JSON.stringify(document)), { thing: `the image ${title}` });
    return { architecture, manifest, config, layers };
}
