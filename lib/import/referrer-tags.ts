import { z } from "zod";
import type { RegistryClient } from "../distribution/client/registry-client";
import { RegistryError } from "../errors/errors";
import { parseJson } from "../errors/text";
import type { Digest } from "../oci/digest";
import { type Manifest, parseManifest } from "../oci/manifest";
import { MEDIA_TYPE_OCI_INDEX } from "../oci/media-types";
import { referrersTag } from "./image-task";
import { deleteTagged } from "./tagged-manifest";

/** What a descriptor in the list of referrers repeats of the manifest (distribution-spec, "Listing Referrers"). */
const referrer = z.object({
    artifactType: z.string().min(1).optional().catch(undefined),
    annotations: z.record(z.string(), z.string()).optional().catch(undefined),
    config: z.object({ mediaType: z.string() }).optional().catch(undefined),
});
/** Whatever else an index of others has stays in it. */
const referrerIndex = z.looseObject({ manifests: z.array(z.looseObject({ digest: z.string() })) });

type ReferrerIndex = z.infer<typeof referrerIndex>;
type Entries = ReferrerIndex["manifests"];

/** How often a list is changed again that somebody else changes at the same time. */
const ATTEMPTS = 5;

/**
 * The lists of referrers that a registry without the referrers API leaves to its clients: an index under the tag
 * `sha256-<hex>` of the subject (distribution-spec, "Unavailable Referrers API").
 */
export class ReferrerTags {
    /** Settles when the last change of a tag is done: two referrers of one subject must not overwrite each other. */
    private readonly underWay = new Map<string, Promise<void>>();

    /** @param owned default: none. `<repository>:<tag>` of tags that the set has itself: those are as the archive has them */
    constructor(
        private readonly client: RegistryClient,
        private readonly owned: ReadonlySet<string> = new Set(),
    ) {}

    /** Lists a manifest that was pushed under its subject; what is listed there already stays. */
    async list(repository: string, manifest: Manifest): Promise<void> {
        const { subject } = manifest;
        if (subject === undefined) return;
        const tag = referrersTag(subject.digest);
        const key = `${repository}:${tag}`;
        if (this.owned.has(key)) return;
        await this.change(repository, tag, (entries) =>
            entries.some(({ digest }) => digest === manifest.digest) ? entries : [...entries, describe(manifest)],
        );
    }

    /**
     * Takes a manifest that was deleted off a list (distribution-spec, "Deleting Manifests"); what others have listed stays.
     * A list without entries is deleted.
     */
    async unlist(repository: string, tag: string, removed: Digest): Promise<void> {
        await this.change(repository, tag, (entries) =>
            entries.some(({ digest }) => digest === removed)
                ? entries.filter(({ digest }) => digest !== removed)
                : entries,
        );
    }

    /** @param edit returns what it got where nothing is to be changed */
    private async change(repository: string, tag: string, edit: (entries: Entries) => Entries): Promise<void> {
        const key = `${repository}:${tag}`;
        const before = this.underWay.get(key) ?? Promise.resolve();
        const change = before.catch(() => undefined).then(() => this.changeOnce(repository, tag, edit));
        this.underWay.set(key, change);
        await change;
    }

    /** Registries have no conditional PUT, so the list is read again after it: another writer may have replaced it. */
    private async changeOnce(repository: string, tag: string, edit: (entries: Entries) => Entries): Promise<void> {
        for (let attempt = 0; attempt <= ATTEMPTS; attempt++) {
            const stored = await this.client.manifestGet(repository, tag);
            const index = stored === undefined ? emptyIndex() : this.readIndex(repository, tag, stored);
            const manifests = edit(index.manifests);
            if (manifests === index.manifests) return;
            if (manifests.length === 0 && stored !== undefined) {
                // By its digest: a list that was written meanwhile has another one.
                await deleteTagged(this.client, repository, stored.digest, [tag]);
            } else {
                const bytes = Buffer.from(JSON.stringify({ ...index, manifests }));
                await this.client.manifestPut(repository, tag, parseManifest(bytes, { thing: `referrers tag ${tag}` }));
            }
        }
        throw new RegistryError(`it was replaced ${ATTEMPTS + 1} times while it was changed`, {
            registry: this.client.host,
            thing: `tag ${repository}:${tag}`,
            code: "CONFLICT",
            fix: "find out what else writes referrers to this repository, and run again",
        });
    }

    private readIndex(repository: string, tag: string, stored: Manifest): ReferrerIndex {
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

function emptyIndex(): ReferrerIndex {
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
