import type { Digest } from "../../oci/digest";
import { RegistryError } from "../../errors/errors";
import { mapLimited } from "../../concurrency/limiter";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { type ImageProblem, imageProblem } from "../image-problem";
import { isAttachment } from "../../mirror/attachment-tag";
import type { ImageTask } from "../image-task";
import { ReferrerTags } from "../referrer-tags";
import { deleteTagged } from "../tagged-manifest";
import { type ReferrerList, RepositoryGraph } from "./repository-graph";

/** An image that stays although it was to go, and what still points to it. */
export interface KeptImage {
    readonly source: string;
    readonly reason: string;
}

/** A manifest that is still wanted in a repository, and the tag it is wanted under. */
export type WantedManifest = Pick<ImageTask, "repository" | "digest"> & Partial<Pick<ImageTask, "tag">>;

/** What came of a removal. */
export interface Removal {
    readonly removed: readonly ImageTask[];
    readonly kept: readonly KeptImage[];
    /** Could not be found out or done: they are still to go. */
    readonly failed: readonly ImageProblem[];
}

/** Repositories worked on at once. */
const REPOSITORIES_AT_ONCE = 4;

/**
 * Takes images out of the registry: their tags, and of their manifests those that no other tag, index or referrer of
 * the same repository points to. A tag that was moved to another image since is not ours and stays. Blobs are left to
 * the registry's own garbage collection.
 * @param stay what is still wanted; an image that is wanted as it is does not go at all
 * @returns also after failures: they are in `failed`, by image
 */
export async function removeImages(
    client: RegistryClient,
    images: readonly ImageTask[],
    stay: readonly WantedManifest[],
): Promise<Removal> {
    const byRepository = new Map<string, ImageTask[]>();
    const wanted = new Set(stay.map(formatPlace));
    for (const image of images.filter((found) => !wanted.has(formatPlace(found)))) {
        byRepository.set(image.repository, [...(byRepository.get(image.repository) ?? []), image]);
    }
    const parts = await mapLimited([...byRepository], REPOSITORIES_AT_ONCE, ([repository, tasks]) =>
        removeFrom(client, repository, tasks, inRepository(stay, repository)).catch((error: unknown) => ({
            removed: [],
            kept: [],
            failed: tasks.map(({ source }) => imageProblem(source, error)),
        })),
    );
    return {
        removed: parts.flatMap(({ removed }) => removed),
        kept: parts.flatMap(({ kept }) => kept),
        failed: parts.flatMap(({ failed }) => failed),
    };
}

function formatPlace({ repository, tag, digest }: WantedManifest): string {
    return `${repository}:${tag ?? ""} ${digest}`;
}

function inRepository(images: readonly WantedManifest[], repository: string): WantedManifest[] {
    return images.filter((image) => image.repository === repository);
}

async function removeFrom(
    client: RegistryClient,
    repository: string,
    tasks: readonly ImageTask[],
    stay: readonly WantedManifest[],
): Promise<Removal> {
    const roots = [...tasks, ...stay].map(({ digest }) => digest);
    const graph = await RepositoryGraph.read(client, repository, roots);
    const wanted = new Set(stay.map(({ tag }) => tag));
    const going = new Set(
        tasks.filter(({ tag, digest }) => graph.tags.get(tag) === digest && !wanted.has(tag)).map(({ tag }) => tag),
    );
    const lists = await graph.referrerLists(new Set([...going, ...wanted]));
    // A list does not keep what it names: what others have listed keeps itself.
    const staying = [...graph.tags.keys()].filter((tag) => !going.has(tag) && !lists.has(tag));
    const leaving = new Set(tasks.map(({ digest }) => digest));
    const listed = [...lists.values()].flatMap(({ entries }) => entries).filter((entry) => !leaving.has(entry));
    const kept = graph.keptBy(staying, [...stay.map(({ digest }) => digest), ...listed]);
    const doomed = new Set([...graph.below(tasks.map(({ digest }) => digest))].filter((digest) => !kept.has(digest)));
    await spareReferred(graph, lists, doomed, kept);
    const referrerTags = new ReferrerTags(client);
    const remove = async (manifest: Digest): Promise<void> => {
        const tags = [...graph.tags]
            .filter(([tag, digest]) => digest === manifest && going.has(tag))
            .map(([tag]) => tag);
        await deleteTagged(client, repository, manifest, tags);
        for (const [tag, { entries }] of lists)
            if (entries.includes(manifest)) await referrerTags.unlist(repository, tag, manifest);
    };
    const removal = { removed: [] as ImageTask[], kept: [] as KeptImage[], failed: [] as ImageProblem[] };
    // Whatever speaks about an image goes before it.
    const isAbout = (task: ImageTask) => isAttachment(task) || graph.isReferrer(task.digest);
    for (const task of [...tasks.filter(isAbout), ...tasks.filter((task) => !isAbout(task))]) {
        const { source, digest } = task;
        try {
            for (const manifest of graph.below([digest])) {
                if (doomed.delete(manifest)) await remove(manifest);
            }
            if (!kept.has(digest)) removal.removed.push(task);
            else {
                const tag = going.has(task.tag) ? await untag(client, task) : "";
                removal.kept.push({ source, reason: `${pointers(graph, staying, digest)}${tag}` });
            }
        } catch (error) {
            removal.failed.push(imageProblem(source, error));
        }
    }
    return removal;
}

/** What somebody else's referrer is about stays, with all below it. */
async function spareReferred(
    graph: RepositoryGraph,
    lists: ReadonlyMap<string, ReferrerList>,
    doomed: Set<Digest>,
    kept: Set<Digest>,
): Promise<void> {
    for (const digest of [...doomed]) {
        const others = (await graph.referrers(digest, lists)).filter((referrer) => !doomed.has(referrer));
        if (others.length === 0) continue;
        for (const spared of graph.below([digest])) {
            doomed.delete(spared);
            kept.add(spared);
        }
    }
}

/** Takes only the tag away. @returns what to say of it: Harbor and Quay remove no tag alone by this API */
async function untag(client: RegistryClient, { repository, tag }: ImageTask): Promise<string> {
    try {
        await client.manifestDelete(repository, tag);
        return `; only its tag ${tag} is removed`;
    } catch (error) {
        if (!(error instanceof RegistryError) || ![400, 405].includes(error.status ?? 0)) throw error;
        return `; its tag ${tag} stays too, since the registry removes no tag alone`;
    }
}

const MAX_POINTERS = 3;

function pointers(graph: RepositoryGraph, tags: readonly string[], digest: Digest): string {
    const names = tags.filter((tag) => graph.keptBy([tag], []).has(digest)).sort();
    if (names.length === 0) return "a referrer or another set still needs it";
    const more = names.length > MAX_POINTERS ? ` and ${names.length - MAX_POINTERS} more` : "";
    return `${names.slice(0, MAX_POINTERS).join(", ")}${more} still ${names.length === 1 ? "points" : "point"} to it`;
}
