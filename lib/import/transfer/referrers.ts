import { z } from "zod";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { RegistryError } from "../../errors/errors";
import { parseJson } from "../../errors/text";
import { type Manifest, parseManifest } from "../../oci/manifest";
import { MEDIA_TYPE_OCI_INDEX } from "../../oci/media-types";
import { referrersTag } from "../image-task";

/** What a descriptor in the list of referrers repeats of the manifest (distribution-spec, "Listing Referrers"). */
const referrer = z.object({
    artifactType: z.string().min(1).optional().catch(undefined),
    annotations: z.record(z.string(), z.string()).optional().catch(undefined),
    config: z.object({ mediaType: z.string() }).optional().catch(undefined),
});
/** Whatever else an index of others has stays in it. */
const referrerIndex = z.looseObject({ manifests: z.array(z.looseObject({ digest: z.string() })) });

/**
 * The lists of referrers that a registry without the referrers API leaves to its clients: an index under the tag
 * `sha256-<hex>` of the subject (distribution-spec, "Unavailable Referrers API").
 */
export class ReferrerTags {
    /** Settles when the last change of a tag is done: two referrers of one subject must not overwrite each other. */
    private readonly underWay = new Map<string, Promise<void>>();

    /** @param owned `<repository>:<tag>` of tags that the set has itself: those are as the archive has them */
    constructor(
        private readonly client: RegistryClient,
        private readonly owned: ReadonlySet<string>,
    ) {}

    /** Lists a manifest that was pushed under its subject; what is listed there already stays. */
    async list(repository: string, manifest: Manifest): Promise<void> {
        const { subject } = manifest;
        if (subject === undefined) return;
        const tag = referrersTag(subject.digest);
        const key = `${repository}:${tag}`;
        if (this.owned.has(key)) return;
        const before = this.underWay.get(key) ?? Promise.resolve();
        const change = before.catch(() => undefined).then(() => this.add(repository, tag, manifest));
        this.underWay.set(key, change);
        await change;
    }

    private async add(repository: string, tag: string, manifest: Manifest): Promise<void> {
        const stored = await this.client.manifestGet(repository, tag);
        const index = stored === undefined ? emptyIndex() : this.readIndex(repository, tag, stored);
        if (index.manifests.some(({ digest }) => digest === manifest.digest)) return;
        const manifests = [...index.manifests, describe(manifest)];
        const bytes = Buffer.from(JSON.stringify({ ...index, manifests }));
        await this.client.manifestPut(repository, tag, parseManifest(bytes, { thing: `referrers tag ${tag}` }));
    }

    private readIndex(repository: string, tag: string, stored: Manifest) {
        const index = referrerIndex.safeParse(parseJson(stored.bytes.toString("utf8")));
        if (stored.mediaType === MEDIA_TYPE_OCI_INDEX && index.success) return index.data;
        throw new RegistryError("it is no index of referrers, so a signature or SBOM cannot be listed in it", {
            registry: this.client.host,
            thing: `tag ${repository}:${tag}`,
            code: "CONFLICT",
            fix: "delete that tag, if nobody uses it, and run again",
        });
    }
}

function emptyIndex() {
    return { schemaVersion: 2, mediaType: MEDIA_TYPE_OCI_INDEX, manifests: [] };
}

function describe({ bytes, digest, mediaType }: Manifest) {
    const { artifactType, annotations, config } = referrer.parse(parseJson(bytes.toString("utf8")));
    const type = artifactType ?? config?.mediaType;
    return {
        ...{ mediaType, digest, size: bytes.length },
        ...(type === undefined ? {} : { artifactType: type }),
        ...(annotations === undefined ? {} : { annotations }),
    };
}
