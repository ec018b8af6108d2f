import { createHash } from "node:crypto";
import { z } from "zod";
import type { RegistryClient } from "../distribution/client/registry-client";
import { parseBoundedJson } from "../oci/bounded-json";
import type { Digest } from "../oci/digest";
import type { Descriptor, Manifest } from "../oci/manifest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../oci/media-types";
import type { StoredSignature } from "./judge";

/** What a node finds under the tag of a manifest's signatures. */
export type SignatureLookup =
    | { readonly signatures: readonly StoredSignature[] }
    /** Something is there that ends every pull which needs a signature. */
    | { readonly unusable: string };

/** Where manifests and signatures are read: a registry, or archives by the names that images have upstream. */
export type SignatureReader = Pick<RegistryClient, "manifestGet" | "blobGet" | "retrying">;

/** Nodes read no longer ones (go.podman.io/image, internal/iolimits). */
const MAX_PAYLOAD_BYTES = 4 * 1024 * 1024;

/** The tag where nodes look for the signatures of a manifest, and the only place. */
export function signatureTag(digest: Digest): string {
    return `${digest.replace(":", "-")}.sig`;
}

/**
 * Reads the signatures of a manifest as a node does (go.podman.io/image, docker/docker_image_src.go,
 * `appendSignaturesFromSigstoreAttachments`): the layers under the tag `sha256-<hex>.sig` in the repository that the image
 * is pulled from. Referrers and sigstore bundles are not looked up by nodes.
 * @throws RegistryError if the registry could not be asked: that is no statement about signatures
 */
export async function readSignatures(
    client: SignatureReader,
    repository: string,
    digest: Digest,
): Promise<SignatureLookup> {
    const tag = signatureTag(digest);
    const manifest = await client.manifestGet(repository, tag);
    if (manifest === undefined) return { signatures: [] };
    if (manifest.mediaType !== MEDIA_TYPE_OCI_MANIFEST) {
        return { unusable: `the tag ${tag} has the media type ${manifest.mediaType}, which nodes do not read` };
    }
    const signatures: StoredSignature[] = [];
    for (const layer of layersOf(manifest)) {
        const payload = await readPayload(client, repository, layer);
        if (payload === undefined) {
            return { unusable: `the payload ${layer.digest} of the tag ${tag} is missing, damaged or too long` };
        }
        signatures.push({ mediaType: layer.mediaType, payload, annotations: layer.annotations ?? {} });
    }
    return { signatures };
}

const layered = z.object({ layers: z.array(z.unknown()).default([]) });

/** Without the config, which stands before them in `blobs`. */
function layersOf({ bytes, blobs }: Manifest): readonly Descriptor[] {
    const { layers } = layered.parse(parseBoundedJson(bytes));
    return blobs.slice(blobs.length - layers.length);
}

/** Undefined for what nodes fail at, too. */
async function readPayload(
    client: SignatureReader,
    repository: string,
    { digest }: Descriptor,
): Promise<Buffer | undefined> {
    return client.retrying(async () => {
        const stream = await client.blobGet(repository, digest);
        if (stream === undefined) return undefined;
        const pieces: Buffer[] = [];
        let length = 0;
        for await (const piece of stream) {
            length += piece.length;
            if (length > MAX_PAYLOAD_BYTES) return undefined;
            pieces.push(piece);
        }
        const payload = Buffer.concat(pieces);
        const [algorithm = ""] = digest.split(":", 1);
        const found = createHash(algorithm).update(payload).digest("hex");
        return `${algorithm}:${found}` === digest ? payload : undefined;
    });
}
