import { type Digest, computeDigest } from "../../lib/oci/digest";
import { MEDIA_TYPE_OCI_INDEX, MEDIA_TYPE_OCI_MANIFEST } from "../../lib/oci/media-types";

/** Sends one request to the server under test. */
export type Send = (
    method: "POST" | "PUT",
    path: string,
    body: string | undefined,
    headers: Readonly<Record<string, string>>,
) => Promise<{ readonly status: number; readonly headers: Readonly<Record<string, string | string[] | undefined>> }>;

export interface PushedManifest {
    readonly mediaType: string;
    readonly digest: Digest;
    readonly size: number;
}

/** Pushes small images to a server by plain requests. */
export class ContractImages {
    /** @param origin what relative locations are resolved against */
    constructor(
        private readonly send: Send,
        private readonly origin: string,
    ) {}

    /** An image without layers. @param reference a tag; absent: pushed by its digest */
    async image(repository: string, reference: string | undefined, label: string, more: object = {}) {
        const rootfs = { type: "layers", diff_ids: [] };
        const config = JSON.stringify({ architecture: "amd64", os: "linux", rootfs, config: { Labels: { label } } });
        const upload = await this.send("POST", `/v2/${repository}/blobs/uploads/`, undefined, {});
        const place = new URL(String(upload.headers.location), this.origin);
        place.searchParams.set("digest", computeDigest(config));
        const octets = { "content-type": "application/octet-stream" };
        await this.created("PUT", `${place.pathname}${place.search}`, config, octets);
        const mediaType = "application/vnd.oci.image.config.v1+json";
        const descriptor = { mediaType, digest: computeDigest(config), size: config.length };
        const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE_OCI_MANIFEST, config: descriptor, layers: [] };
        return this.manifest(repository, reference, { ...manifest, ...more });
    }

    async index(repository: string, tag: string, children: readonly PushedManifest[]): Promise<PushedManifest> {
        const manifests = children.map((child, i) => ({
            ...child,
            platform: { os: "linux", architecture: i === 0 ? "amd64" : "arm64" },
        }));
        return this.manifest(repository, tag, { schemaVersion: 2, mediaType: MEDIA_TYPE_OCI_INDEX, manifests });
    }

    private async manifest(
        repository: string,
        reference: string | undefined,
        manifest: { readonly mediaType: string; readonly [field: string]: unknown },
    ): Promise<PushedManifest> {
        const body = JSON.stringify(manifest);
        const { mediaType } = manifest;
        const pushed = { mediaType, digest: computeDigest(body), size: Buffer.byteLength(body) };
        const path = `/v2/${repository}/manifests/${reference ?? pushed.digest}`;
        await this.created("PUT", path, body, { "content-type": mediaType });
        return pushed;
    }

    private async created(...request: Parameters<Send>): Promise<void> {
        const { status } = await this.send(...request);
        if (status !== 201) throw new Error(`${request[0]} ${request[1]}: ${status}`);
    }
}
