import type { NamedProblem, Problem } from "./problem";

/** One cause, and everything that it affects. */
export interface ProblemGroup {
    /** Without `operation` and `thing` where several are affected: they are not the cause. */
    readonly problem: Problem;
    /** In the order in which they were met, each once. */
    readonly names: readonly string[];
}

/**
 * Groups problems by their cause: code, status, registry code, place, problem and fix. What a registry's words repeat of
 * the request (its repository, its digest) does not make another cause.
 */
export function groupProblems(problems: readonly NamedProblem[]): ProblemGroup[] {
    const groups = new Map<string, { first: Problem; names: Set<string>; isSameText: boolean }>();
    for (const { name, problem } of problems) {
        const key = causeKey(problem);
        const known = groups.get(key);
        if (known === undefined) groups.set(key, { first: problem, names: new Set([name]), isSameText: true });
        else {
            known.names.add(name);
            known.isSameText &&= known.first.problem === problem.problem;
        }
    }
    return [...groups.values()].map(({ first, names, isSameText }) => ({
        problem: names.size === 1 && isSameText ? first : sharedCause(first, isSameText),
        names: [...names],
    }));
}

function sharedCause({ operation, thing, retryAfter, ...cause }: Problem, isSameText: boolean): Problem {
    return isSameText ? cause : { ...cause, problem: masked(cause.problem, operation) };
}

function causeKey({ code, status, registryCode, place, problem, fix, operation }: Problem): string {
    const text = [problem, fix ?? ""].map((part) => masked(part, operation));
    return JSON.stringify([code, status, registryCode, place, ...text]);
}

/** A text without what belongs to one request: digests, ids, and the repository and reference of the request. */
function masked(text: string, operation = ""): string {
    const names = [...operation.matchAll(/\S+\/\S+/g)].flatMap(([path]) => requestNames(path.replace(/\)$/, "")));
    const rest = names.reduce((left, { name, mask }) => replaceName(left, name, mask), text);
    return rest
        .replace(/\bsha256:[0-9a-f]{64}\b/g, "<digest>")
        .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, "<id>");
}

function requestNames(path: string): { name: string; mask: string }[] {
    const [, repository, reference] = /^(.+?)\/(?:manifests|blobs|tags|referrers)\/(.+)$/.exec(path) ?? [];
    return [
        { name: repository ?? path, mask: "<repository>" },
        ...(reference === undefined ? [] : [{ name: reference, mask: "<reference>" }]),
    ];
}

/** Where the name stands alone: a tag `1` is not part of a number. */
function replaceName(text: string, name: string, mask: string): string {
    const literal = name.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
    return text.replace(new RegExp(`(?<![\\w.-])${literal}(?![\\w-])`, "g"), mask);
}
