import type { ErrorCode } from "./codes";
import { groupProblems } from "./group";
import type { ArchivePlace, NamedProblem, Place, Problem } from "./problem";
import { bounded, counted, escapedLines, listed, oneLine, printable } from "./text";

/** More names than this scroll away what matters. */
export const MAX_NAMES = 50;

const INDENT = "\n    ";

/**
 * A problem as text: "CODE (status) at place: operation: thing: problem; fix". One line, unless it sums up others: those
 * follow on lines of their own, and the fix comes last.
 */
export function formatProblem(problem: Problem): string {
    const text = formatWithoutFix(problem);
    const { fix } = problem;
    return fix === undefined ? text : `${text}${isList(problem) ? "\n" : "; "}${printableText(fix, problem)}`;
}

/** The same without the fix, for a text that gives another one. */
export function formatWithoutFix(problem: Problem): string {
    return `${formatCode(problem)}${formatPlace(problem.place)}: ${formatReason(problem)}`;
}

/** What is wrong, without code, place and fix: "operation: thing: problem". */
export function formatReason({ code, operation, thing, problem, isMultiline, problems = [] }: Problem): string {
    const subject = [operation, thing].flatMap((part) => (part === undefined ? [] : [`${shownName(part)}: `]));
    const lines = formatGroups(problems, MAX_NAMES, code);
    const shown = printableText(problem, { isMultiline });
    return [`${subject.join("")}${shown}${lines.length > 0 ? ":" : ""}`, ...lines].join(INDENT);
}

/**
 * A text of a problem as it may be printed: what a registry or an archive put into it starts no line of its own, and is
 * cut where it is too long to be read.
 */
export function printableText(text: string, { isMultiline = false }: Pick<Problem, "isMultiline">): string {
    return bounded(isMultiline ? escapedLines(bounded(text)) : oneLine(bounded(text)));
}

function shownName(name: string): string {
    return printable(bounded(name));
}

function isList({ problem, problems = [], isMultiline = false }: Problem): boolean {
    return problems.length > 0 || (isMultiline && problem.includes("\n"));
}

function formatCode({ code, status, registryCode, retryAfter }: Problem): string {
    const details = [
        ...(status === undefined ? [] : [String(status)]),
        ...(registryCode === undefined ? [] : [shownName(registryCode)]),
        ...(retryAfter === undefined ? [] : [`retry after ${Math.ceil(retryAfter)} s`]),
    ];
    return details.length === 0 ? code : `${code} (${details.join(", ")})`;
}

function formatPlace(place: Place | undefined): string {
    if (place === undefined) return "";
    if ("registry" in place) return ` at ${shownName(place.registry)}`;
    if ("cluster" in place) return ` at ${shownName(place.cluster)}`;
    if ("host" in place) return ` at ${shownName(place.host)}`;
    if ("file" in place) return ` in ${shownName(place.file)}`;
    if ("key" in place) return ` at ${shownName(place.key)}`;
    return ` in ${formatArchivePlace(place)}`;
}

/** "archive /mnt/set.tar, entry blobs/sha256/…, offset 1024". */
function formatArchivePlace({ archive, entry, offset }: ArchivePlace): string {
    const parts = [
        `archive ${shownName(archive)}`,
        ...(entry === undefined ? [] : [`entry ${shownName(entry)}`]),
        ...(offset === undefined ? [] : [`offset ${offset}`]),
    ];
    return parts.join(", ");
}

/**
 * Problems as text, one line for each cause with the names that it affects.
 * @param most causes, and names of one cause, that are listed; the others are counted
 * @param known the code of the problem that these belong to: it is not repeated
 */
export function formatGroups(problems: readonly NamedProblem[], most = MAX_NAMES, known?: ErrorCode): string[] {
    const groups = groupProblems(problems);
    const lines = groups.slice(0, most).map(({ problem, names, kind }) => {
        const text = problem.code === known ? formatUnderCode(problem) : formatProblem(problem);
        if (names.length === 1) return `${listed(names, 1)}: ${text}`;
        return `${text} (${count(names.length, kind)}: ${listed(names, most)})`;
    });
    const hidden = new Set(groups.slice(most).flatMap(({ names }) => names)).size;
    return hidden === 0 ? lines : [...lines, `and ${hidden} more`];
}

function formatUnderCode(problem: Problem): string {
    const { fix } = problem;
    return fix === undefined ? formatReason(problem) : `${formatReason(problem)}; ${printableText(fix, problem)}`;
}

function count(number: number, kind: string | undefined): string {
    return kind === undefined ? String(number) : counted(number, kind);
}

/** A problem as plain JSON, without what is not known. Nested problems have a `name` beside. */
export type ProblemJson = Readonly<Record<string, unknown>>;

/** A problem for machines. */
export function problemToJson(problem: Problem): ProblemJson {
    const { code, problem: text, fix, operation, thing, place, status, registryCode, retryAfter, problems } = problem;
    const nested = problems?.map(({ name, kind, problem: one }) => ({ name, kind, ...problemToJson(one) }));
    const fields = { code, problem: text, fix, operation, thing, place, status, registryCode, retryAfter };
    return Object.fromEntries(
        Object.entries({ ...fields, problems: nested }).filter(([, value]) => value !== undefined),
    );
}
