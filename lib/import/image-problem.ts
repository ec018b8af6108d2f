import { type ProblemJson, formatGroups, formatProblem, problemToJson } from "../errors/format";
import { toProblem } from "../errors/errors";
import type { ErrorCode } from "../errors/codes";
import { causeCodes } from "../errors/failure-kind";
import type { NamedProblem, Problem } from "../errors/problem";

/** An image that is not as it should be, or could not be handled. */
export interface ImageProblem {
    /** Source reference. */
    readonly source: string;
    /** At least one. */
    readonly problems: readonly Problem[];
}

/** The same as plain JSON: for people and for machines. */
export interface ImageProblemJson {
    readonly source: string;
    /** All of them as text. */
    readonly problem: string;
    readonly errors: readonly ProblemJson[];
}

/** An image that something thrown is about. */
export function imageProblem(source: string, error: unknown): ImageProblem {
    return { source, problems: [toProblem(error)] };
}

export function imageProblemToJson({ source, problems }: ImageProblem): ImageProblemJson {
    return { source, problem: problems.map(formatProblem).join("; "), errors: problems.map(problemToJson) };
}

/** The codes of everything that is wrong with them. */
export function imageCodes(images: readonly ImageProblem[]): ErrorCode[] {
    return images.flatMap(({ problems }) => problems.flatMap(causeCodes));
}

/** For an error that sums them up. */
export function namedProblems(images: readonly ImageProblem[]): NamedProblem[] {
    return images.flatMap(({ source, problems }) =>
        problems.map((problem) => ({ name: source, kind: "image", problem })),
    );
}

/**
 * One line for each cause, with the images that it affects.
 * @param most causes, and images of one cause, that are listed; the others are counted
 */
export function problemLines(images: readonly ImageProblem[], most = Infinity): string[] {
    return formatGroups(namedProblems(images), most);
}
