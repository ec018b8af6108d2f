import { formatReference } from "../../../oci/reference";
import type { NameProblem } from "../../naming/name-problem";
import type { TagLink } from "./cache-index";
import { isFilterTag } from "./catalogs";
import type { TagVerdict } from "./tag-verdict";

/**
 * A tag of the cache that does not lead to one upstream, as a question to the reader.
 * @param folder where its image was read from, if not from a registry
 */
export function tagProblem(
    link: TagLink,
    verdict: Exclude<TagVerdict, { kind: "named" }>,
    folder: string | undefined,
): NameProblem {
    const name = `${link.repository}:${link.tag}`;
    if (verdict.kind === "converted") {
        const what =
            "the tag stands for another digest: oc-mirror changed the image (4.16 and 4.17 do), mirror it again with 4.18 or newer";
        return { name, digest: link.digest, what, candidates: [] };
    }
    const candidates = [...new Set(verdict.candidates.map(({ reference }) => formatReference(reference)))].sort();
    // Where nothing is known the whole repository is of one upstream, most likely; where two fit, it is not.
    const match = verdict.kind === "unknown" ? link.repository : name;
    return { name, digest: link.digest, what: whatOf(link, verdict, folder), candidates, match };
}

function whatOf(
    { tag }: TagLink,
    { kind, candidates }: Exclude<TagVerdict, { kind: "named" | "converted" }>,
    folder: string | undefined,
): string {
    if (kind === "ambiguous") return "several upstreams are possible";
    if (folder !== undefined) return `it was read from ${folder}, which is no registry`;
    if (candidates.length > 0) return "the names that it could have are of other digests";
    if (isFilterTag(tag)) return "a rebuilt catalog of another filter than the image set's";
    return "no upstream name is known";
}
