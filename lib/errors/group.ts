import type { NamedProblem, Problem } from "./problem";
import { listed } from "./text";

/** One cause, and everything that it affects. */
export interface ProblemGroup {
    /** `thing` lists the first things of the group; `operation` is absent if several names are affected. */
    readonly problem: Problem;
    /** In the order in which they were met, each once. */
    readonly names: readonly string[];
    /** What the names are, for counts. */
    readonly kind: string | undefined;
}

interface Members {
    readonly first: NamedProblem;
    readonly names: Set<string>;
    readonly things: Set<string>;
    isSameText: boolean;
}

/**
 * Groups problems by their cause: code, status, registry code, place, problem and fix. What a registry's words repeat of
 * the request (its repository, its digest) does not make another cause.
 */
export function groupProblems(problems: readonly NamedProblem[]): ProblemGroup[] {
    const groups = new Map<string, Members>();
    for (const met of problems) {
        const { name, problem } = met;
        const key = causeKey(problem);
        const group = groups.get(key) ?? { first: met, names: new Set(), things: new Set(), isSameText: true };
        groups.set(key, group);
        group.names.add(name);
        if (problem.thing !== undefined) group.things.add(problem.thing);
        group.isSameText &&= group.first.problem.problem === problem.problem;
    }
    return [...groups.values()].map((group) => ({
        problem: sharedProblem(group),
        names: [...group.names],
        kind: group.first.kind,
    }));
}

/** Of one name everything is shown that it has, of several what they share, and the things that a fix may need. */
function sharedProblem({ first, names, things, isSameText }: Members): Problem {
    if (names.size === 1 && things.size <= 1) return first.problem;
    const { operation, thing, retryAfter, problem, ...cause } = first.problem;
    return {
        ...cause,
        problem: isSameText ? problem : masked(problem, operation),
        ...(things.size === 0 ? {} : { thing: listed([...things], MAX_THINGS) }),
    };
}

const MAX_THINGS = 3;

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
