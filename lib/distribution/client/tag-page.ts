import { z } from "zod";
import { RegistryError, type RequestContext } from "../../errors/errors";
import { parseJson } from "../../errors/text";
import type { HttpResponse } from "../http/transport";

/** Tags that one page is asked for. */
const PAGE_SIZE = 1000;

/** The path of the first page under a repository. */
export const FIRST_TAG_PAGE = `tags/list?n=${PAGE_SIZE}`;

/** One page of a repository's tags, and the path of the next under the repository. */
export interface TagPage {
    readonly tags: readonly string[];
    readonly next?: string;
    /** False if only the number of tags tells that there may be more: registries need not link their pages. */
    readonly isLinked: boolean;
    readonly context: RequestContext;
}

const body = z.object({ tags: z.array(z.string()).nullable() });

/**
 * Reads a response to `GET /v2/<name>/tags/list`. Its `Link` names the next page (RFC 8288); a registry may leave that out
 * (distribution-spec, "Listing Tags"), and a full page is followed by what comes after its last tag then.
 */
export async function readTagPage(response: HttpResponse): Promise<TagPage> {
    const { context } = response;
    const parsed = body.safeParse(parseJson(await readPageText(response)));
    if (!parsed.success) throw invalidList(context, "the response is not a list of tags");
    const tags = parsed.data.tags ?? [];
    const query = nextQuery(response);
    if (query !== undefined) return { context, tags, next: `tags/list?${query}`, isLinked: true };
    const last = tags.length < PAGE_SIZE ? undefined : tags.at(-1);
    const next = last === undefined ? {} : { next: `${FIRST_TAG_PAGE}&last=${encodeURIComponent(last)}` };
    return { context, tags, ...next, isLinked: false };
}

/**
 * The query of the page that a response links as the next one. Registries write its path with and without their host; only
 * its query tells the pages apart. Each character of the header is read a few times at most: one search from every bracket
 * would take its square in time.
 */
export function nextQuery({ headers: { link } }: Pick<HttpResponse, "headers">): string | undefined {
    if (typeof link !== "string") return undefined;
    const links = [...link.matchAll(/<([^<>]*)>([^<]*)/g)];
    const next = links.find(
        ([, target = "", about = ""]) => target.includes("?") && /^\s*;[^,]*rel="?next"?/.test(about),
    );
    return next?.[1]?.slice(next[1].indexOf("?") + 1);
}

/** A thousand tags are more than an error text may be long; registries that know no pages send all at once. */
const MAX_PAGE = 64 * 1024 * 1024;

/** The text of a page. @throws RegistryError if it is longer than any list */
export async function readPageText(response: HttpResponse): Promise<string> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response.bytes()) {
        length += chunk.length;
        if (length > MAX_PAGE) throw invalidList(response.context, "the list of tags has no end");
        chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
}

/** All tags of a repository are in memory at once. */
export const MAX_TAGS = 2_000_000;

/** The error for a repository with more tags than this program reads. */
export function tooManyTags(context: RequestContext, repository: string): RegistryError {
    return new RegistryError(`it has more than ${MAX_TAGS} tags, which is more than this program reads`, {
        ...context,
        thing: `repository ${repository}`,
        code: "UNEXPECTED_RESPONSE",
        status: 200,
        fix: "delete tags of it that nothing pulls, or mirror to another path (site.registry.mirrorBase)",
    });
}

/** The error for what cannot be read as a list: which tags there are is not known then. */
export function invalidList(context: RequestContext, problem: string): RegistryError {
    return new RegistryError(problem, {
        ...context,
        code: "UNEXPECTED_RESPONSE",
        status: 200,
        fix: "check what stands in front of the registry",
    });
}
