import { RegistryError } from "../../lib/errors/errors";
import { type ImageTask, type ImagesBySource, imageTask } from "../../lib/import";
import type { ListedTags } from "../../lib/registries";
import type { RegistryContext } from "../registry/registry-process";
import type { ImageImportOutputs } from "./kind";

/** The images of a set by what the registry's lists of tags say. */
export interface ListedImages {
    /** Shown as they should be. */
    readonly listed: ImagesBySource;
    /** To be asked for one by one: a list alone proves no image to be missing. All of them where there are no lists. */
    readonly unlisted: ImagesBySource;
}

export async function findListed(
    state: Pick<ImageImportOutputs, "registry" | "connectionSecrets" | "sparse">,
    images: ImagesBySource,
    context: RegistryContext,
): Promise<ListedImages> {
    const { process } = context;
    const list = process.listings.get(state.registry.mirrorBase);
    if (list === undefined) return { listed: {}, unlisted: images };
    const { mirror } = process.settings.registry(state);
    const namespace = `${mirror.prefix}/`;
    const tasks = Object.entries(images).map(([source, digest]) => {
        const task = imageTask(mirror, source, digest);
        return { ...task, repository: task.repository.slice(namespace.length) };
    });
    const wanted = new Map<string, number>();
    for (const { repository } of tasks) wanted.set(repository, (wanted.get(repository) ?? 0) + 1);
    const tags = await list(wanted, context).catch(nothingListed);
    const absent = new Set(state.sparse);
    const split = (isWanted: boolean) =>
        Object.fromEntries(
            tasks
                .filter((task) => isListed(task, tags, absent) === isWanted)
                .map(({ source, digest }) => [source, digest]),
        );
    return { listed: split(true), unlisted: split(false) };
}

/** @param absent children that sparse indexes leave out: `<digest>`, or `<source> <digest>` for one image */
function isListed(
    { source, repository, tag, digest }: ImageTask,
    listed: ListedTags,
    absent: ReadonlySet<string>,
): boolean {
    const found = listed.get(repository)?.get(tag);
    if (found?.digest !== digest || found.missingChildren === undefined) return false;
    return found.missingChildren.every((child) => absent.has(child) || absent.has(`${source} ${child}`));
}

function nothingListed(error: unknown): ListedTags {
    if (error instanceof RegistryError) return new Map();
    throw error;
}
