import type { ErrorCode } from "./codes";
import { formatProblem, printableText } from "./format";
import type { ArchivePlace, NamedProblem, Place, Problem } from "./problem";
import { bounded } from "./text";

/** What an error carries beside its problem. */
export interface ErrorFacts extends Omit<Problem, "problem"> {
    readonly cause?: unknown;
}

/** The base of all errors that are meant for people. Its `message` is formatted once, from its fields. */
export class PassthroughError extends Error implements Problem {
    readonly code: ErrorCode;
    readonly problem: string;
    readonly isMultiline: boolean | undefined;
    readonly fix: string | undefined;
    readonly operation: string | undefined;
    readonly thing: string | undefined;
    readonly place: Place | undefined;
    readonly status: number | undefined;
    readonly registryCode: string | undefined;
    readonly retryAfter: number | undefined;
    readonly problems: readonly NamedProblem[] | undefined;

    /** @param problem what is wrong, without the place and the fix */
    constructor(problem: string, { cause, ...facts }: ErrorFacts) {
        super(formatProblem({ ...facts, problem }), cause === undefined ? undefined : { cause });
        this.name = new.target.name;
        this.problem = printableText(problem, facts);
        this.code = facts.code;
        this.isMultiline = facts.isMultiline;
        this.fix = facts.fix === undefined ? undefined : printableText(facts.fix, facts);
        this.operation = facts.operation;
        this.thing = facts.thing === undefined ? undefined : bounded(facts.thing);
        this.place = facts.place;
        this.status = facts.status;
        this.registryCode = facts.registryCode;
        this.retryAfter = facts.retryAfter;
        this.problems = facts.problems;
    }
}

/** Something in an archive is not as its format demands. Names archive, entry and offset where they are known. */
export class ArchiveError extends PassthroughError {
    readonly archive: string;
    readonly entry: string | undefined;
    readonly offset: number | undefined;

    constructor(problem: string, facts: Omit<ErrorFacts, "place"> & ArchivePlace) {
        const { archive, entry, offset, ...rest } = facts;
        super(problem, { ...rest, place: { archive, entry, offset } });
        this.archive = archive;
        this.entry = entry;
        this.offset = offset;
    }
}

/** Where and how a request was made, for errors. */
export interface RequestContext {
    /** "PUT mirror/quay.io/org/app/manifests/1.2" */
    readonly operation?: string | undefined;
    /** HTTP method; absent where there is no single request. */
    readonly method?: string | undefined;
    /** `host[:port]` that was asked. */
    readonly registry: string;
    /** The account that the request was made with, if any; never secret. */
    readonly account?: string | undefined;
}

/** A registry responded with an error or with something unexpected, or could not be reached. */
export class RegistryError extends PassthroughError {
    /** `host[:port]` */
    readonly registry: string;

    constructor(problem: string, { registry, account, method, ...facts }: Omit<ErrorFacts, "place"> & RequestContext) {
        super(problem, { ...facts, place: { registry } });
        this.registry = registry;
    }
}

/** The text of anything thrown, for people: no stack. */
export function errorMessage(error: unknown): string {
    if (typeof error !== "object" || error === null || !("message" in error)) return String(error);
    return String(error.message);
}

const FACTS = [
    "isMultiline",
    "fix",
    "operation",
    "thing",
    "place",
    "status",
    "registryCode",
    "retryAfter",
    "problems",
] as const satisfies readonly (keyof Problem)[];

/** Anything thrown, as plain data. Errors that this program does not throw itself are defects of it. */
export function toProblem(error: unknown): Problem {
    if (!(error instanceof PassthroughError)) return { code: "INTERNAL_ERROR", problem: errorMessage(error) };
    const { code, problem, ...facts } = error;
    const known = FACTS.filter((name) => facts[name] !== undefined).map((name) => [name, facts[name]]);
    return { code, problem, ...(Object.fromEntries(known) as Partial<Problem>) };
}

/** True for ENOENT; not by `instanceof`, since errors of other realms (jest) are no `Error` here. */
export function isMissingFile(error: unknown): boolean {
    return typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT";
}
