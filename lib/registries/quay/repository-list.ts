import { z } from "zod";
import { endlessList, parseBody } from "../admin-client";
import { type QuayApi, expect } from "./quay-api";

const repository = z.object({ name: z.string(), is_public: z.boolean(), state: z.string().default("NORMAL") });
const page = z.object({ repositories: z.array(repository), next_page: z.string().optional() });

/** Quay gives 100 repositories at once. */
const MAX_PAGES = 10_000;

export type ListedRepository = z.infer<typeof repository>;

/**
 * Every repository of an organization. Only a list that an administrator of the organization got says anything: Quay
 * gives an empty one to anonymous clients, and for an organization that does not exist.
 * @throws RegistryError also if the pages have no end
 */
export async function listRepositories(api: QuayApi, organization: string): Promise<ListedRepository[]> {
    const found = new Map<string, ListedRepository>();
    let from = "";
    for (let number = 1; ; number++) {
        const response = expect(await api.get(`/api/v1/repository?namespace=${organization}${from}`), 200);
        const { repositories, next_page } = parseBody(response, page);
        const size = found.size;
        for (const one of repositories) found.set(one.name, one);
        // A page token that Quay cannot read gives the first page again.
        if (next_page === undefined || found.size === size) return [...found.values()];
        if (number === MAX_PAGES) throw endlessList(response);
        from = `&next_page=${encodeURIComponent(next_page)}`;
    }
}
