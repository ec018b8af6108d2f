import { z } from "zod";
import { mapLimited } from "../../concurrency/limiter";
import { RegistryError } from "../../errors/errors";
import { type ContentListing, type ListedTag, type ListedTags, TagCollector, registryError } from "../content-listing";
import type { QuayApi } from "./quay-api";

const tag = z.object({
    name: z.string(),
    manifest_digest: z.string(),
    is_manifest_list: z.boolean(),
    /** Since 3.18: by the digest of each child of an index. */
    child_manifests_presence: z.record(z.string(), z.boolean()).optional(),
});
const page = z.object({ tags: z.array(tag), has_additional: z.boolean() });

/** The most that Quay gives at once; more is taken for this. */
const PAGE_SIZE = 100;
const AT_ONCE = 4;
/** The questions about single images are asked for the validation as well: below this, a list would be one more. */
const LEAST_IMAGES = 3;

/** The tags of repositories with several images: Quay lists those of one repository at a time, and no manifest without a tag. */
export class QuayContent implements ContentListing {
    constructor(private readonly reader: () => Promise<QuayApi>) {}

    async list(organization: string, wanted: ReadonlyMap<string, number>): Promise<ListedTags> {
        const api = await this.reader();
        const worthListing = [...wanted].filter(([, images]) => images >= LEAST_IMAGES);
        let isFailing = false;
        const listed = await mapLimited(worthListing, AT_ONCE, async ([name, images]) => {
            // Each attempt waits for a while: an API that does not respond is not asked for every repository.
            if (isFailing) return [];
            const path = `/api/v1/repository/${organization}/${name}/tag/`;
            const { tags, error } = await listTags(api, path, images);
            if (error !== undefined && (error.status ?? 500) >= 500) isFailing = true;
            return [[name, tags] as const];
        });
        return new Map(listed.flat());
    }
}

/** The tags of a repository, or the first of them where there are more than `most` pages or a page cannot be read. */
async function listTags(
    api: QuayApi,
    path: string,
    most: number,
): Promise<{ readonly tags: ReadonlyMap<string, ListedTag>; readonly error?: RegistryError }> {
    const collector = new TagCollector();
    for (let number = 1; number <= most; number++) {
        const query = `limit=${PAGE_SIZE}&page=${number}&onlyActiveTags=true`;
        const read = await api.read(`${path}?${query}`, page).catch(registryError);
        if (read instanceof RegistryError) return { tags: collector.tags, error: read };
        for (const { name, manifest_digest, ...about } of read.tags) {
            collector.add(name, { digest: manifest_digest, missingChildren: missingChildren(about) });
        }
        if (!read.has_additional) break;
    }
    return { tags: collector.tags };
}

function missingChildren({
    is_manifest_list,
    child_manifests_presence,
}: Pick<z.infer<typeof tag>, "is_manifest_list" | "child_manifests_presence">): string[] | undefined {
    if (child_manifests_presence === undefined) return is_manifest_list ? undefined : [];
    return Object.entries(child_manifests_presence).flatMap(([digest, isPresent]) => (isPresent ? [] : [digest]));
}
