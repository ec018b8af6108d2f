import { mapLimited } from "../../concurrency/limiter";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { RegistryError, errorMessage } from "../../errors/errors";
import { type ProbeImage, probeDigests, probeImage } from "../../openshift/probe/probe-image";
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

/** The images of one run, which the mirror has while it lasts, and nobody else at any time. */
export class ProbeImages {
    private readonly contents: ReadonlyMap<string, PushedContent>;

    /** @param run letters and digits, another one in each run */
    constructor(sources: readonly SourceProbe[], run: string) {
        const tags = { digest: `probe-${run}-digest`, tag: `probe-${run}-tag` };
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
     * Removes what was pushed.
     * @returns what is left, for people; empty if nothing is
     */
    async remove(client: RegistryClient): Promise<string[]> {
        const left = await mapLimited([...this.contents.values()], PARALLEL, (content) =>
            removeContent(client, content),
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
async function removeContent(client: RegistryClient, { repository, images }: PushedContent): Promise<string[]> {
    const { digest, tag } = images;
    const digests = new Set([digest, tag].map(({ index }) => index.digest));
    for (const one of [digest, tag]) for (const manifest of one.manifests) digests.add(manifest.digest);
    for (const one of digests) {
        try {
            await client.manifestDelete(repository, one);
        } catch (error) {
            const isRefused = error instanceof RegistryError && [401, 403, 405].includes(error.status ?? 0);
            const why = isRefused ? "the registry does not let the account delete" : errorMessage(error);
            return [`images of the probe stay in ${repository} (less than 20 kB): ${why}`];
        }
    }
    return [];
}
