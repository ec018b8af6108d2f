import { mapLimited } from "../../concurrency/limiter";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { RegistryError } from "../../errors/errors";
import type { Problem } from "../../errors/problem";
import { counted } from "../../errors/text";
import { creationFix } from "./creation-fix";
import type { ImageProblem, ImportPlan } from "../../import";

/** Lists of tags asked for at once. */
const AT_ONCE = 16;

/** How the reason of a registry with other codes begins. */
const ABSENT = /\brepository\b.*\b(does not exist|not found)\b/i;

/** True for the rejected start of an upload where the registry creates no repository with the first push (ECR). */
export function isMissingRepository(error: unknown): error is RegistryError {
    if (!(error instanceof RegistryError) || error.status !== 404) return false;
    return error.code === "NAME_UNKNOWN" || ABSENT.test(error.message);
}

/**
 * The repositories that the registry does not have, or cannot be asked about with this account.
 * @param repositories paths at the registry
 */
export async function findMissingRepositories(
    client: RegistryClient,
    repositories: readonly string[],
): Promise<string[]> {
    const found = await mapLimited([...new Set(repositories)].sort(), AT_ONCE, async (repository) => {
        const tags = await client.tagList(repository).catch((error: unknown) => {
            if (error instanceof RegistryError && [401, 403].includes(error.status ?? 0)) return undefined;
            throw error;
        });
        return tags === undefined ? [repository] : [];
    });
    return found.flat();
}

const CREATE =
    "create them, then run again (npm run -s passthrough -- plan --repositories prints all that the stack needs, one a line)";

/** The error for repositories that must exist before the first push: all of them, one a line. */
export function missingRepositoriesError(rejected: RegistryError, repositories: readonly string[]): RegistryError {
    const { registry, operation, status } = rejected;
    const count =
        repositories.length === 1
            ? "1 repository does"
            : `${counted(repositories.length, "repository", "repositories")} do`;
    const lines = repositories.map((repository) => `\n    ${repository}`);
    const problem = `the registry creates no repository with the first push, and ${count} not exist:${lines.join("")}`;
    return new RegistryError(problem, {
        ...{ registry, operation, status },
        code: "REPOSITORIES_MISSING",
        isMultiline: true,
        fix: creationFix(registry, repositories) ?? CREATE,
        cause: rejected,
    });
}

/**
 * Problems of images, where those whose repository does not exist name all repositories to create. A later import may be
 * the first one into a repository.
 */
export function nameMissingRepositories(failed: readonly ImageProblem[], { push }: ImportPlan): ImageProblem[] {
    const isMissing = ({ code, status }: Problem) => code === "NAME_UNKNOWN" && status === 404;
    const sources = new Set(failed.filter(({ problems }) => problems.some(isMissing)).map(({ source }) => source));
    const tasks = push.map(({ task }) => task).filter(({ source }) => sources.has(source));
    const repositories = [...new Set(tasks.map(({ repository }) => repository))].sort();
    const fix = `if the registry creates no repository with the first push, create ${repositories.join(", ")}, and run again`;
    const fixAt = ({ place }: Problem) =>
        place !== undefined && "registry" in place ? (creationFix(place.registry, repositories) ?? fix) : fix;
    const named = (problem: Problem) => (isMissing(problem) ? { ...problem, fix: fixAt(problem) } : problem);
    return failed.map(({ source, problems }) => ({ source, problems: problems.map(named) }));
}
