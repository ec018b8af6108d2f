import { z } from "zod";
import { mapLimited } from "../../concurrency/limiter";
import { RegistryError } from "../../errors/errors";
import { type ContentListing, type ListedTag, type ListedTags, TagCollector, registryError } from "../content-listing";
import { BY_NAME, type HarborClient, PAGE_SIZE } from "./client";
import { repositoryPath } from "./repositories";

const artifact = z.object({
    digest: z.string(),
    /** `mirror/quay.io/org/app`; may be missing in the list of one repository. */
    repository_name: z.string().optional(),
    tags: z.array(z.object({ name: z.string() })).nullish(),
    /** Children of an index. */
    references: z.array(z.object({ child_digest: z.string() })).nullish(),
});
type Artifact = z.infer<typeof artifact>;

/** In the order of their creation, so that what is pushed meanwhile moves nothing; `base=*`: children of indexes too. */
const QUERY = `with_tag=true&q=${encodeURIComponent("base=*")}&sort=id&page_size=${PAGE_SIZE}`;
/** How many times the least possible number of pages the list of a project may have: else repositories are listed alone. */
const MAX_SPREAD = 2;
const AT_ONCE = 4;

interface Listing {
    readonly artifacts: Artifact[];
    readonly isWhole?: boolean;
    /** The list cannot be read, and that of a repository no more: this is not about the path (404 of an older Harbor). */
    readonly isRefused?: boolean;
}

/**
 * The artifacts of a project, or of single repositories of it. Harbor lists neither signatures nor other accessories with
 * them.
 */
export class HarborContent implements ContentListing {
    constructor(private readonly client: HarborClient) {}

    async list(project: string, wanted: ReadonlyMap<string, number>): Promise<ListedTags> {
        const least = [...wanted.values()].reduce((pages, images) => pages + Math.ceil(images / PAGE_SIZE), 0);
        const all = await this.pages(`/projects/${project}/artifacts`, least * MAX_SPREAD);
        if (all.isWhole === true || all.isRefused === true) return byRepository(project, all.artifacts);
        const listed = await mapLimited([...wanted], AT_ONCE, async ([name, images]) => {
            const path = `/projects/${project}/repositories/${repositoryPath(name)}/artifacts`;
            return [name, taggedArtifacts((await this.pages(path, images)).artifacts)] as const;
        });
        return new Map(listed);
    }

    /** A list, or its beginning where it has more pages than `most` or a page cannot be read. */
    private async pages(path: string, most: number): Promise<Listing> {
        const artifacts: Artifact[] = [];
        for (let page = 1; page <= most; page++) {
            const read = await this.page(path, page).catch(registryError);
            if (read instanceof RegistryError) return { artifacts, isRefused: read.status !== 404 };
            for (const one of read.artifacts) artifacts.push(one);
            if (read.artifacts.length < PAGE_SIZE) return { artifacts, isWhole: true };
            if (read.total > most * PAGE_SIZE) break;
        }
        return { artifacts };
    }

    private async page(path: string, page: number): Promise<{ artifacts: Artifact[]; total: number }> {
        const request = { method: "GET", path: `${path}?${QUERY}&page=${page}`, headers: BY_NAME } as const;
        const response = await this.client.call(request);
        const total = Number(response.headers["x-total-count"]);
        return { artifacts: this.client.read(response, z.array(artifact)), total };
    }
}

function byRepository(project: string, artifacts: readonly Artifact[]): ListedTags {
    const groups = new Map<string, Artifact[]>();
    for (const one of artifacts) {
        const name = one.repository_name?.slice(project.length + 1) ?? "";
        const group = groups.get(name) ?? [];
        group.push(one);
        groups.set(name, group);
    }
    return new Map([...groups].map(([name, group]) => [name, taggedArtifacts(group)]));
}

function taggedArtifacts(artifacts: readonly Artifact[]): ReadonlyMap<string, ListedTag> {
    const digests = new Set(artifacts.map(({ digest }) => digest));
    const collector = new TagCollector();
    for (const { digest, tags, references } of artifacts) {
        const children = (references ?? []).map(({ child_digest }) => child_digest);
        const missingChildren = children.filter((child) => !digests.has(child));
        for (const { name } of tags ?? []) collector.add(name, { digest, missingChildren });
    }
    return collector.tags;
}
