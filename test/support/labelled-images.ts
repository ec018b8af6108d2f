import { RegistryClient, requestsFor } from "../../lib/distribution/client/registry-client";
import type { RegistryEndpoint } from "../../lib/distribution/http/transport";
import type { Credentials } from "../../lib/http/credentials";
import { pushBlobs } from "../../lib/passthrough/push-blobs";
import { pauseImage } from "./node/pause-image";

/** Where an image goes to or comes from, and as whom. */
export interface Access {
    readonly endpoint: RegistryEndpoint;
    readonly credentials: Credentials;
}

/** Pushes a small image with this label, as `mirror/<label>:1`. */
export async function pushLabelled({ endpoint, credentials }: Access, label: string): Promise<void> {
    const { manifest, blobs } = pauseImage(label);
    const client = new RegistryClient({ endpoint, credentials, requests: requestsFor(2) });
    try {
        await pushBlobs(client, blobs, `mirror/${label}`);
        await client.manifestPut(`mirror/${label}`, "1", manifest);
    } finally {
        await client.close();
    }
}

/** @returns whether the registry has the image that `pushLabelled` pushes, unchanged */
export async function hasLabelled({ endpoint, credentials }: Access, label: string): Promise<boolean> {
    const client = new RegistryClient({ endpoint, credentials, requests: requestsFor(2) });
    try {
        const found = await client.manifestGet(`mirror/${label}`, "1");
        return found?.digest === pauseImage(label).manifest.digest;
    } finally {
        await client.close();
    }
}
