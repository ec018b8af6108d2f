import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Digest, computeDigest, digestHex } from "../../lib/oci/digest";
import { cosignPayload, signatureLayer } from "./signed-registry";
import type { SigningKey } from "./signing-key";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const INDEX = "application/vnd.oci.image.index.v1+json";
const SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json";

/** An OCI layout whose images are named as Hauler, nerdctl and others name them. */
export class SignedLayout {
    private readonly manifests: object[] = [];

    constructor(private readonly path: string) {
        mkdirSync(join(path, "blobs/sha256"), { recursive: true });
    }

    blob(mediaType: string, text: string | Buffer, more: object = {}) {
        const digest = computeDigest(text);
        writeFileSync(join(this.path, "blobs/sha256", digestHex(digest)), text);
        return { mediaType, digest, size: Buffer.byteLength(text), ...more };
    }

    manifest(layers: readonly object[]) {
        const config = this.blob("application/vnd.oci.image.config.v1+json", '{"os":"linux","architecture":"amd64"}');
        return this.blob(MANIFEST, JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers }));
    }

    image(text: string) {
        return this.manifest([this.blob("application/vnd.oci.image.layer.v1.tar", text)]);
    }

    /** Signs an image as cosign does. @param name upstream name without a tag */
    sign(name: string, digest: Digest, key: SigningKey): void {
        const { payload, annotations } = signatureLayer(key, cosignPayload(digest, name));
        this.add(
            `${name}:sha256-${digestHex(digest)}.sig`,
            this.manifest([this.blob(SIMPLE_SIGNING, payload, { annotations })]),
        );
    }

    add(name: string, descriptor: object): void {
        this.manifests.push({ ...descriptor, annotations: { "io.containerd.image.name": name } });
        const index = { schemaVersion: 2, mediaType: INDEX, manifests: this.manifests };
        writeFileSync(join(this.path, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
        writeFileSync(join(this.path, "index.json"), JSON.stringify(index));
    }
}
