import { z } from "zod";
import { RegistryError } from "../../errors/errors";
import { jsonOf } from "./response-errors";
import type { HttpResponse } from "../http/transport";

/** One page of a repository's tags, and the path of the next under the repository. */
export interface TagPage {
    readonly tags: readonly string[];
    readonly next?: string;
}

const body = z.object({ tags: z.array(z.string()).nullable() });

/** Reads an answer to `GET /v2/<name>/tags/list`: its `Link` names the next page (RFC 8288, distribution-spec). */
export async function readTagPage(response: HttpResponse, operation: string): Promise<TagPage> {
    const parsed = body.safeParse(jsonOf(await textOf(response, operation)));
    if (!parsed.success) throw noList(operation, "the answer is no list of tags");
    const { link } = response.headers;
    // Registries write the path with and without their host; only its query tells the pages apart.
    const query = typeof link === "string" ? /<[^>?]*\?([^>]*)>\s*;[^,]*rel="?next"?/.exec(link)?.[1] : undefined;
    return { tags: parsed.data.tags ?? [], ...(query === undefined ? {} : { next: `tags/list?${query}` }) };
}

/** A thousand tags are more than an error text may be long; registries that know no pages send all at once. */
const MAX_PAGE = 64 * 1024 * 1024;

async function textOf(response: HttpResponse, operation: string): Promise<string> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response.bytes()) {
        length += chunk.length;
        if (length > MAX_PAGE) throw noList(operation, "the list of tags has no end");
        chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
}

/** The error for what cannot be read as a list: which tags there are is not known then. */
export function noList(operation: string, what: string): RegistryError {
    return new RegistryError(operation, what, { code: "UNEXPECTED_ANSWER", status: 200 });
}
