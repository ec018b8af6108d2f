import { mapLimited } from "../../concurrency/limiter";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { RegistryError, errorMessage } from "../../errors/errors";
import { computeDigest } from "../../oci/digest";
import type { Manifest } from "../../oci/manifest";
import { type ProbeImage, isProbeIndex, probeDigests, probeImage } from "../../openshift/probe/probe-image";
import type { SourceProbe } from "../../openshift/probe/probe-plan";
import type { ProbeContent } from "../../openshift/probe/probe-pods";
import { pushBlobs } from "../push-blobs";

/** What a run pushes to one repository of the mirror. */
interface PushedContent {
    readonly repository: string;
    readonly tags: { readonly digest: string; readonly tag: string };
    readonly images: { readonly digest: ProbeImage; readonly tag: ProbeImage };
}

const PARALLEL = 4;

/** Whose images they are. */
interface ProbeImagesOwner {
    /** Letters and digits, others in each run. */
    readonly run: string;
    /** `clusterOwner` of the cluster: its runs remove what earlier ones have left. */
    readonly owner: string;
}

/** The images of one run, which the mirror has while it lasts, and nobody else at any time. */
export class ProbeImages {
    private readonly contents: ReadonlyMap<string, PushedContent>;
    /** Of the tags of every run of this owner. */
    private readonly tagPrefix: string;

    constructor(sources: readonly SourceProbe[], { run, owner }: ProbeImagesOwner) {
        this.tagPrefix = `probe-${computeDigest(owner).slice("sha256:".length).slice(0, 12)}-`;
        const tags = { digest: `${this.tagPrefix}${run}-digest`, tag: `${this.tagPrefix}${run}-tag` };
        const entries = sources.map(({ source, mirror }) => {
            const images = { digest: probeImage(run, `${source} digest`), tag: probeImage(run, `${source} tag`) };
            return [source, { repository: mirror.repository, tags, images }] as const;
        });
        this.contents = new Map(entries);
    }

    /** What pods pull of a source. */
    of(source: string): ProbeContent {
        const { images, tags } = this.content(source);
        return {
            digest: { digest: images.digest.index.digest, digests: probeDigests(images.digest) },
            tag: { name: tags.tag, digests: probeDigests(images.tag) },
        };
    }

    /** Pushes all of them. */
    async push(client: RegistryClient): Promise<void> {
        await mapLimited([...this.contents.values()], PARALLEL, (content) => pushContent(client, content));
    }

    /**
     * Removes what was pushed, and what runs of the same owner have left that were killed.
     * @returns what is left, for people; empty if nothing is
     */
    async remove(client: RegistryClient): Promise<string[]> {
        const left = await mapLimited([...this.contents.values()], PARALLEL, (content) =>
            removeContent(client, content, this.tagPrefix),
        );
        return left.flat();
    }

    private content(source: string): PushedContent {
        const found = this.contents.get(source);
        if (found === undefined) throw new Error(`${source} is not among the sources of the probe`);
        return found;
    }
}

async function pushContent(client: RegistryClient, { repository, images, tags }: PushedContent): Promise<void> {
    for (const form of ["digest", "tag"] as const) {
        const { blobs, manifests, index } = images[form];
        await pushBlobs(client, blobs, repository);
        for (const manifest of manifests) await client.manifestPut(repository, manifest.digest, manifest);
        // By tag also what is pulled by digest: registries collect what has none.
        await client.manifestPut(repository, tags[form], index);
    }
}

/** Not to be allowed to delete is how a careful registry is set up: that is said, and no failure. */
async function removeContent(
    client: RegistryClient,
    { repository, images }: PushedContent,
    tagPrefix: string,
): Promise<string[]> {
    try {
        for (const one of [images.digest, images.tag]) await removeImage(client, repository, one);
        await removeEarlier(client, repository, tagPrefix);
        return [];
    } catch (error) {
        return [
            `images of the probe stay in ${repository} (tags ${tagPrefix}…, less than 20 kB each run): ${why(error)}`,
        ];
    }
}

/** Of immutable tags, the registry's own words say it (Harbor 412, Quay 409). */
function why(error: unknown): string {
    const isRefused = error instanceof RegistryError && [401, 403, 405].includes(error.status ?? 0);
    return isRefused ? "the registry does not let the account delete" : errorMessage(error);
}

type Addressed = Pick<Manifest, "digest">;

/** The index first: a manifest that an index lists is not deleted (Harbor: 412 VIOLATE_FOREIGN_KEY_CONSTRAINT). */
async function removeImage(
    client: RegistryClient,
    repository: string,
    { index, manifests }: { readonly index: Addressed; readonly manifests: readonly Addressed[] },
): Promise<void> {
    for (const { digest } of [index, ...manifests]) await client.manifestDelete(repository, digest);
}

/** By their tags, in a repository that may have images of others under such a tag: only what is a probe's goes. */
async function removeEarlier(client: RegistryClient, repository: string, tagPrefix: string): Promise<void> {
    for (const tag of (await client.tagList(repository)) ?? []) {
        const found = tag.startsWith(tagPrefix) ? await client.manifestGet(repository, tag) : undefined;
        if (found === undefined || !isProbeIndex(found)) continue;
        await removeImage(client, repository, { index: found, manifests: found.manifests });
    }
}
