import type { RegistryClient } from "../../distribution/client/registry-client";
import { RegistryError } from "../../errors/errors";
import type { BlobSource } from "../../mirror/image-set";
import { once } from "../../concurrency/once";
import type { Digest } from "../../oci/digest";
import { type Manifest, parseManifest } from "../../oci/manifest";
import type { ImagePlan } from "../plan/plan";
import type { ReferrerTags } from "../referrer-tags";
import { explainRejection } from "../sparse-index";
import { explainMissingBlobs } from "./missing-blobs";

/** Puts the manifests of images whose blobs are in the registry, each once per repository (distribution-spec, "Pushing Manifests"). */
export class ManifestPuts {
    private readonly puts = new Map<string, Promise<void>>();

    /** @param sent gets the bytes of each manifest that was put */
    constructor(
        private readonly client: RegistryClient,
        private readonly source: BlobSource,
        private readonly referrerTags: ReferrerTags,
        private readonly sent: (bytes: number) => void,
    ) {}

    /**
     * Those that the image needs, and then its own with its tag: an image is visible when all of it is there.
     * @throws PassthroughError of the archive; RegistryError, also `MANIFEST_UNKNOWN` for one that was there when the plan was
     * made
     */
    async putAll({ task, copies, manifests, rootReference, rootIsThere }: ImagePlan): Promise<void> {
        const { repository, digest: root } = task;
        for (const { digest, from } of copies) await this.copy(repository, digest, from);
        for (const { digest } of manifests)
            await once(this.puts, `${repository} ${digest}`, () => this.put(repository, digest, digest, false));
        await this.put(repository, rootReference, root, rootIsThere);
    }

    private async put(repository: string, reference: string, digest: Digest, isThere: boolean): Promise<void> {
        const manifest = isThere
            ? await this.stored(repository, digest)
            : parseManifest(await this.source.read(digest), { place: this.source.place(digest) });
        const { isListed } = await this.client
            .manifestPut(repository, reference, manifest)
            .catch(async (error: unknown) => {
                const explained = await explainMissingBlobs(this.client, repository, manifest, error);
                throw explainRejection(explained, manifest, this.client.host);
            });
        if (!isListed) await this.referrerTags.list(repository, manifest);
        this.sent(manifest.bytes.length);
    }

    private async stored(repository: string, digest: Digest): Promise<Manifest> {
        const manifest = await this.client.manifestGet(repository, digest);
        if (manifest !== undefined) return manifest;
        throw new RegistryError("it existed when the plan was made, and does not exist any more", {
            registry: this.client.host,
            operation: `GET ${repository}/manifests/${digest}`,
            code: "MANIFEST_UNKNOWN",
            fix: "run again",
        });
    }

    private async copy(repository: string, digest: Digest, from: string): Promise<void> {
        await once(this.puts, `${repository} ${digest}`, async () => {
            const manifest = await this.stored(from, digest);
            await this.client.manifestPut(repository, digest, manifest);
            this.sent(manifest.bytes.length);
        });
    }
}
