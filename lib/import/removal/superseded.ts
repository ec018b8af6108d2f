import { mapLimited } from "../../concurrency/limiter";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { RegistryError } from "../../errors/errors";
import { type Digest, computeDigest } from "../../oci/digest";
import type { Manifest } from "../../oci/manifest";
import { type ImageProblem, imageProblem } from "../image-problem";
import type { ImageTask } from "../image-task";
import type { WantedManifest } from "./removal";
import { RepositoryGraph } from "./repository-graph";

/** A tag that no set names. */
export interface SupersededTag extends ImageTask {
    /** Of all manifests and blobs of its image, each once, as their descriptors say; those that others need too are in it. */
    readonly bytes: number;
    /** Its manifest stays if the tag goes: an image of a set, or what belongs to one, needs it. */
    readonly isNeeded: boolean;
}

/** What of some repositories no set needs. */
export interface SupersededContent {
    /** By repository and tag. */
    readonly tags: readonly SupersededTag[];
    /** Bytes that only these tags lead to, as far as was read: the most that can become free. */
    readonly bytes: number;
    /** Repositories that could not be read: what they have is not known. */
    readonly unread: readonly ImageProblem[];
    /** What sets want and the registry does not have, as `repository@digest`: its import may build on what no set names. */
    readonly absent: readonly string[];
}

/** What is known of the content that is needed. */
export interface NeededContent {
    /** What the sets want, of all repositories. */
    readonly stay: readonly WantedManifest[];
    /** True for manifests and blobs that a set needs. */
    isNeeded(digest: Digest): boolean;
    /** True for a manifest that this program pushes for itself, under whichever tag. */
    isOwn(manifest: Manifest): boolean;
}

const REPOSITORIES_AT_ONCE = 4;
const QUESTIONS = 8;

/**
 * Finds the tags of repositories that no set names, and that are not about an image that is kept: signatures, attestations and
 * referrers of what a set needs stay with it, whoever pushed them. Manifests without a tag cannot be listed. It only reads.
 * @param repositories `mirror/quay.io/org/app`
 */
export async function findSuperseded(
    client: RegistryClient,
    repositories: readonly string[],
    needed: NeededContent,
): Promise<SupersededContent> {
    const { stay } = needed;
    const absent = new Set<string>();
    const unread: ImageProblem[] = [];
    const sizes = new Map<Digest, number>();
    const found = await mapLimited([...repositories].sort(), REPOSITORIES_AT_ONCE, async (repository) => {
        const wanted = stay.filter((one) => one.repository === repository);
        try {
            const graph = await RepositoryGraph.read(
                client,
                repository,
                wanted.map(({ digest }) => digest),
            );
            for (const { digest } of wanted) if (!graph.isPresent(digest)) absent.add(`${repository}@${digest}`);
            return await inRepository(client, graph, wanted, needed, (digest, size) => sizes.set(digest, size));
        } catch (error) {
            if (!(error instanceof RegistryError)) throw error;
            unread.push(imageProblem(repository, error));
            return [];
        }
    });
    const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    unread.sort((a, b) => (a.source < b.source ? -1 : 1));
    return { tags: found.flat(), bytes, unread, absent: [...absent].sort() };
}

/** A digest that names these tags and what each points to: another one if any of it changes. */
export function supersededDigest({ tags }: Pick<SupersededContent, "tags">): Digest {
    return computeDigest(
        tags
            .map(({ source, digest }) => `${source} ${digest}\n`)
            .sort()
            .join(""),
    );
}

/** @param onSize told of each manifest and blob of a tag that is found, if nothing that is kept has it */
async function inRepository(
    client: RegistryClient,
    graph: RepositoryGraph,
    wanted: readonly WantedManifest[],
    needed: NeededContent,
    onSize: (digest: Digest, size: number) => void,
): Promise<SupersededTag[]> {
    const { repository } = graph;
    const names = new Set(wanted.map(({ tag }) => tag));
    const { kept, left } = stayingWith(graph, names, wanted);
    const found = await mapLimited(left, QUESTIONS, async (tag) => {
        const digest = graph.tags.get(tag) ?? "";
        const { parts, root } = await partsOf(client, graph, digest);
        if (root !== undefined && needed.isOwn(root)) return [];
        const isNeeded = kept.has(digest);
        const isFree = (part: Digest) => !isNeeded && !kept.has(part) && !needed.isNeeded(part);
        for (const [part, size] of parts) if (isFree(part)) onSize(part, size);
        const bytes = [...parts.values()].reduce((sum, size) => sum + size, 0);
        return [{ source: `${client.host}/${repository}:${tag}`, digest, repository, tag, bytes, isNeeded }];
    });
    return found.flat();
}

/** What stays in a repository, and the tags that are left. What is about something that stays, stays with it. */
function stayingWith(
    graph: RepositoryGraph,
    names: ReadonlySet<string | undefined>,
    wanted: readonly WantedManifest[],
) {
    const digests = wanted.map(({ digest }) => digest);
    const tags = [...graph.tags.keys()];
    const staying = new Set(tags.filter((tag) => names.has(tag)));
    for (;;) {
        const kept = graph.keptBy(staying, digests);
        const about = tags.filter((tag) => !staying.has(tag) && graph.about(tag).some((digest) => kept.has(digest)));
        if (about.length === 0) return { kept, left: tags.filter((tag) => !staying.has(tag)).sort() };
        for (const tag of about) staying.add(tag);
    }
}

/** The manifest of an image, and all its manifests and blobs with their sizes in bytes. */
async function partsOf(client: RegistryClient, graph: RepositoryGraph, image: Digest) {
    const parts = new Map<Digest, number>();
    let root: Manifest | undefined;
    for (const digest of graph.below([image])) {
        // A child that is not there takes no room.
        if (!graph.isPresent(digest)) continue;
        const manifest = await client.manifestGet(graph.repository, digest);
        if (manifest === undefined) continue;
        if (digest === image) root = manifest;
        parts.set(digest, manifest.bytes.length);
        for (const blob of manifest.blobs) parts.set(blob.digest, blob.size);
    }
    return { parts, root };
}
