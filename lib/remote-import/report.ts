import { z } from "zod";
import { ERROR_CODES, type ErrorCode } from "../errors/codes";
import { type ProblemJson, problemToJson } from "../errors/format";
import type { Problem } from "../errors/problem";
import { parseJson } from "../errors/text";
import type { ImportProgress, ImportResult, ImageProblem } from "../import";

/** Logs of pods are cut at their beginning, and read as a whole: images beyond that fail with a reason of their own. */
const MAX_FAILED_IMAGES = 200;

/** Exit codes of an importer that runs elsewhere: it came to its end, another run may, or none will. */
export const IMPORT_EXITS = { done: 0, again: 1, never: 3 } as const;

/** What an importer that runs elsewhere says, one line of JSON each. `report` or `error` comes last. */
export type RemoteLine =
    | { readonly line: "note"; readonly text: string }
    | ({ readonly line: "progress" } & ImportProgress)
    | { readonly line: "failed"; readonly source: string; readonly problems: readonly ProblemJson[] }
    | ({ readonly line: "report" } & RemoteCounts)
    | { readonly line: "error"; readonly problem: ProblemJson };

/** What an importer did. */
export interface RemoteCounts {
    /** Payload bytes of blobs and manifests, each counted once. */
    readonly bytes: number;
    readonly uploads: number;
    readonly mounts: number;
    /** Bytes that were sent once more after a transfer broke. */
    readonly repeatedBytes: number;
}

/** What came of one importer. */
export interface RemoteReport {
    readonly counts: RemoteCounts;
    readonly failed: readonly ImageProblem[];
    /** Why it ended without having looked at all images. */
    readonly error?: Problem;
}

const NOTHING_SENT: RemoteCounts = { bytes: 0, uploads: 0, mounts: 0, repeatedBytes: 0 };

/** The last lines of an importer whose run came to its end. */
export function reportLines({ failed, sent, repeatedBytes }: ImportResult): RemoteLine[] {
    const told = failed.slice(0, MAX_FAILED_IMAGES).map(({ source, problems }) => {
        return { line: "failed" as const, source, problems: problems.map(problemToJson) };
    });
    return [...told, { line: "report", ...sent, repeatedBytes }];
}

const count = z.number().nonnegative();
const counts = z.object({ bytes: count, uploads: count, mounts: count, repeatedBytes: count });
const problem = z.looseObject({ code: z.string(), problem: z.string() });
const remoteLine = z.discriminatedUnion("line", [
    z.object({ line: z.literal("note"), text: z.string() }),
    z.object({
        line: z.literal("progress"),
        ...{ images: count, ofImages: count, bytes: count, ofBytes: count, bytesPerSecond: count },
        secondsLeft: count.optional(),
    }),
    z.object({ line: z.literal("failed"), source: z.string(), problems: z.array(problem).min(1) }),
    z.object({ line: z.literal("report"), ...counts.shape }),
    z.object({ line: z.literal("error"), problem }),
]);

/** A line of an importer; undefined for anything else that a log may hold. */
export function parseRemoteLine(text: string): RemoteLine | undefined {
    return remoteLine.safeParse(parseJson(text)).data as RemoteLine | undefined;
}

/**
 * What came of an importer, by all that it said.
 * @returns undefined if its end is not among it: it was killed, or still runs
 */
export function readReport(lines: readonly string[]): RemoteReport | undefined {
    const read = lines.flatMap((line) => parseRemoteLine(line) ?? []);
    const failed = read.flatMap((one): ImageProblem[] =>
        one.line === "failed" ? [{ source: one.source, problems: one.problems.map(toProblem) }] : [],
    );
    const end = read.findLast((one) => one.line === "report" || one.line === "error");
    if (end?.line === "report") return { counts: counts.parse(end), failed };
    return end?.line === "error" ? { counts: NOTHING_SENT, failed, error: toProblem(end.problem) } : undefined;
}

const CODES: ReadonlySet<string> = new Set(Object.values(ERROR_CODES).flat());
const facts = z.object({
    fix: z.string().optional().catch(undefined),
    operation: z.string().optional().catch(undefined),
    thing: z.string().optional().catch(undefined),
    status: z.number().optional().catch(undefined),
    place: z
        .union([
            z.strictObject({ registry: z.string() }),
            z.strictObject({ file: z.string() }),
            z.strictObject({ archive: z.string(), entry: z.string().optional(), offset: z.number().optional() }),
        ])
        .optional()
        .catch(undefined),
});
const nested = z.array(problem.extend({ name: z.string(), kind: z.string().optional() })).catch([]);

/** A problem that travelled as JSON. */
function toProblem(json: ProblemJson): Problem {
    const { code, problem: text } = problem.parse(json);
    const problems = nested.parse(json["problems"] ?? []).map(({ name, kind, ...one }) => {
        return { name, kind, problem: toProblem(one) };
    });
    return {
        code: CODES.has(code) ? (code as ErrorCode) : "INTERNAL_ERROR",
        problem: text,
        ...facts.parse(json),
        ...(problems.length === 0 ? {} : { problems }),
    };
}
