import { type Reference, parseSourceKey } from "../../oci/reference";

/**
 * By upstream host, the repository of the first image: the mirror has it, whether or not the account that pushes may
 * create others.
 * @param sources source references of images that keep their upstream names
 */
export function firstRepositories(
    sources: Iterable<string>,
): ReadonlyMap<string, Pick<Reference, "registry" | "repository">> {
    const found = new Map<string, Pick<Reference, "registry" | "repository">>();
    for (const { registry, repository } of [...sources].sort().map(parseSourceKey)) {
        if (!found.has(registry)) found.set(registry, { registry, repository });
    }
    return found;
}
