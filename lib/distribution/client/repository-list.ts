import { z } from "zod";
import { RegistryError, type RequestContext } from "../../errors/errors";
import { parseJson } from "../../errors/text";
import type { RegistryCalls } from "./registry-calls";
import type { RegistryRequest } from "./registry-session";
import { responseError } from "./response-errors";
import { nextQuery, readPageText } from "./tag-page";

const PAGE = "_catalog?n=1000";
const MAX_PAGES = 10_000;
const body = z.object({ repositories: z.array(z.string()).nullable() });

/** distribution, docs/content/spec/auth/scope.md. */
const SCOPE = "registry:catalog:*";

/**
 * The repositories that a registry names to the account, which need not be all: `GET /v2/_catalog` of distribution
 * (docs/spec/api.md, "Listing Repositories"), which distribution-spec does not have.
 * @throws RegistryError if the registry does not list them to this account, whatever its reason
 */
export async function listRepositories(calls: RegistryCalls): Promise<string[]> {
    try {
        return await readPages(calls, [SCOPE]);
    } catch (error) {
        // Quay's token service knows scopes of repositories only, and its list needs none.
        if (!(error instanceof RegistryError) || error.status !== 400) throw error;
        return readPages(calls, []);
    }
}

async function readPages(calls: RegistryCalls, scopes: readonly string[]): Promise<string[]> {
    const found = new Set<string>();
    let next: string | undefined = PAGE;
    for (let page = 0; next !== undefined; page++) {
        const request: RegistryRequest = {
            ...{ method: "GET", url: `/v2/${next}`, operation: "GET /v2/_catalog", scopes },
        };
        next = await calls.run(request, async (response): Promise<string | undefined> => {
            if (response.status !== 200) throw responseError(response, await response.text());
            const parsed = body.safeParse(parseJson(await readPageText(response)));
            if (!parsed.success) throw invalid(response.context, "the response is not a list of repositories");
            for (const name of parsed.data.repositories ?? []) found.add(name);
            const query = nextQuery(response);
            if (query !== undefined && page === MAX_PAGES)
                throw invalid(response.context, "the pages of the list of repositories have no end");
            return query === undefined ? undefined : `_catalog?${query}`;
        });
    }
    return [...found].sort();
}

function invalid(context: RequestContext, problem: string): RegistryError {
    return new RegistryError(problem, {
        ...context,
        code: "UNEXPECTED_RESPONSE",
        status: 200,
        fix: "check the registry and what stands in front of it",
    });
}
