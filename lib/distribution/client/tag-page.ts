import { z } from "zod";
import { RegistryError, type RequestContext } from "../../errors/errors";
import { parseJson } from "../../errors/text";
import type { HttpResponse } from "../http/transport";

/** One page of a repository's tags, and the path of the next under the repository. */
export interface TagPage {
    readonly tags: readonly string[];
    readonly next?: string;
    readonly context: RequestContext;
}

const body = z.object({ tags: z.array(z.string()).nullable() });

/** Reads a response to `GET /v2/<name>/tags/list`: its `Link` names the next page (RFC 8288, distribution-spec). */
export async function readTagPage(response: HttpResponse): Promise<TagPage> {
    const { context } = response;
    const parsed = body.safeParse(parseJson(await readText(response)));
    if (!parsed.success) throw invalidList(context, "the response is not a list of tags");
    const { link } = response.headers;
    const query = typeof link === "string" ? nextQuery(link) : undefined;
    return { context, tags: parsed.data.tags ?? [], ...(query === undefined ? {} : { next: `tags/list?${query}` }) };
}

/**
 * Registries write the path with and without their host; only its query tells the pages apart. Each character of the
 * header is read a few times at most: one search from every bracket would take its square in time.
 */
function nextQuery(link: string): string | undefined {
    const links = [...link.matchAll(/<([^<>]*)>([^<]*)/g)];
    const next = links.find(
        ([, target = "", about = ""]) => target.includes("?") && /^\s*;[^,]*rel="?next"?/.test(about),
    );
    return next?.[1]?.slice(next[1].indexOf("?") + 1);
}

/** A thousand tags are more than an error text may be long; registries that know no pages send all at once. */
const MAX_PAGE = 64 * 1024 * 1024;

async function readText(response: HttpResponse): Promise<string> {
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
