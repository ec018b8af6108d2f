import { formatReference } from "../../../oci/reference";
import type { NameProblem } from "../../naming/name-problem";
import type { TagLink } from "./cache-index";
import { isFilterTag } from "./catalogs";
import { subjectOfTag } from "./cache-name";
import { DRY_RUN } from "./mentions";
import type { TagContest } from "./tag-contest";
import type { TagVerdict } from "./tag-verdict";

const TWO_IMAGES =
    "where two images share path and tag, give one of them targetRepo or targetTag in the image set and mirror again: " +
    `the cache keeps the last one only; where it is one image whose tag moved, ${DRY_RUN}: then the archive shows it`;

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
    if (verdict.kind === "disputed") return { ...verdict.problem, digest: link.digest };
    const candidates = [...new Set(verdict.candidates.map(({ reference }) => formatReference(reference)))].sort();
    if (verdict.kind === "contested") {
        const what = contestText(verdict.contest);
        return { name, digest: link.digest, what, candidates, match: name, hint: TWO_IMAGES };
    }
    // Where nothing is known the whole repository is of one upstream, most likely; where two fit, it is not.
    const match = verdict.kind === "unknown" ? link.repository : name;
    return { name, digest: link.digest, what: describeQuestion(link, verdict, folder), candidates, match };
}

function describeQuestion(
    { tag }: TagLink,
    { kind, candidates }: Exclude<TagVerdict, { kind: "named" | "converted" | "contested" | "disputed" }>,
    folder: string | undefined,
): string {
    if (kind === "ambiguous") return "several upstreams are possible";
    if (folder !== undefined) return `it was read from ${folder}, which is no registry`;
    if (candidates.length > 0) return "the names that it could have are of other digests";
    if (isFilterTag(tag)) return "a rebuilt catalog of another filter than the image set's";
    return "no upstream name is known";
}

function contestText({ digests, reason }: TagContest): string {
    return digests.length === 0 ? reason : `the tag has pointed to ${digests.join(", ")} too, and ${reason}`;
}

/**
 * Offers one override for a whole repository where it settles all of its images: a release has two hundred. Where others
 * of the repository have a name already, it would rename them, so each problem keeps an override of its own.
 * @param taken the tags whose images the archive or an earlier one holds
 */
export function joinedByRepository(problems: readonly NameProblem[], taken: readonly TagLink[]): NameProblem[] {
    const tags = new Map<string, number>();
    // Signatures follow what they are about.
    for (const { repository, tag } of taken) {
        if (subjectOfTag(tag) === undefined) tags.set(repository, (tags.get(repository) ?? 0) + 1);
    }
    const counts = new Map<string, number>();
    for (const problem of problems.filter(({ name }) => subjectOfTag(tagIn(name)) === undefined)) {
        counts.set(sharedAnswer(problem), (counts.get(sharedAnswer(problem)) ?? 0) + 1);
    }
    const joined = problems.map((problem) => {
        const [repository, count] = [repositoryIn(problem.name), counts.get(sharedAnswer(problem)) ?? 0];
        const isWhole = count >= (tags.get(repository) ?? 0);
        if (problem.match === repository) return isWhole ? problem : { ...problem, match: problem.name };
        return sharedAnswer(problem) !== "" && isWhole && count > 1 ? { ...problem, match: repository } : problem;
    });
    return joined.map((problem) => ({ ...problem, spellings: [problem.name, problem.digest] }));
}

/** The same for problems of a repository that one override settles; "" for others. */
function sharedAnswer({ name, match, registries = [], before }: NameProblem): string {
    const repository = repositoryIn(name);
    if (match === repository) return repository;
    return before === undefined || registries.length !== 1 ? "" : `${repository} ${registries[0]} ${before}`;
}

function repositoryIn(name: string): string {
    return name.slice(0, name.lastIndexOf(":"));
}

function tagIn(name: string): string {
    return name.slice(name.lastIndexOf(":") + 1);
}
