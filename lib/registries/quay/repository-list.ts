import { z } from "zod";
import type { QuayApi } from "./quay-api";

const repository = z.object({ name: z.string(), is_public: z.boolean(), state: z.string().default("NORMAL") });
const page = z.object({ repositories: z.array(repository), next_page: z.string().optional() });

export type ListedRepository = z.infer<typeof repository>;

/**
 * Every repository of an organization. Only a list that an administrator of the organization got says anything: Quay
 * gives an empty one to anonymous clients, and for an organization that does not exist.
 */
export async function listRepositories(api: QuayApi, organization: string): Promise<ListedRepository[]> {
    const found = new Map<string, ListedRepository>();
    let next: string | undefined;
    do {
        const from: string = next === undefined ? "" : `&next_page=${encodeURIComponent(next)}`;
        const response: z.infer<typeof page> = await api.read(
            `/api/v1/repository?namespace=${organization}${from}`,
            page,
        );
        const size = found.size;
        for (const one of response.repositories) found.set(one.name, one);
        // A page token that Quay cannot read gives the first page again.
        next = found.size > size ? response.next_page : undefined;
    } while (next !== undefined);
    return [...found.values()];
}
