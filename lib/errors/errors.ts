/** What every error of the house carries: a stable code to test for, and the cure for the person who reads it. */
export interface ErrorDetails {
    /** Stable, machine-readable: `ARCHIVE_TRUNCATED`, `UNAUTHORIZED`, … Callers test this, never the text. */
    readonly code: string;
    /** What the reader can do about it, as an imperative sentence without a full stop. */
    readonly fix?: string;
    readonly cause?: unknown;
}

/**
 * The base of all errors meant for people: "<thing and place>: <what is wrong>; <cure>". After a message that is a list,
 * and so ends with its line, the cure begins a line of its own.
 */
export class PassthroughError extends Error {
    readonly code: string;
    readonly fix: string | undefined;

    constructor(message: string, facts: ErrorDetails) {
        super(
            facts.fix === undefined ? message : `${message}${message.endsWith("\n") ? "" : "; "}${facts.fix}`,
            facts.cause === undefined ? undefined : { cause: facts.cause },
        );
        this.name = new.target.name;
        this.code = facts.code;
        this.fix = facts.fix;
    }
}

/** Something in an archive is not as its format demands. Names archive, entry and offset where they are known. */
export class ArchiveError extends PassthroughError {
    readonly archive: string;
    readonly entry: string | undefined;
    readonly offset: number | undefined;

    constructor(
        what: string,
        facts: ErrorDetails & { readonly archive: string; readonly entry?: string; readonly offset?: number },
    ) {
        const place = [
            `archive ${facts.archive}`,
            facts.entry === undefined ? undefined : `entry ${facts.entry}`,
            facts.offset === undefined ? undefined : `offset ${facts.offset}`,
        ];
        super(`${place.filter((part) => part !== undefined).join(", ")}: ${what}`, facts);
        this.archive = facts.archive;
        this.entry = facts.entry;
        this.offset = facts.offset;
    }
}

/**
 * A registry answered with an error, answered nonsense, or could not be reached.
 * `code` is the registry's own (distribution-spec, "Error Codes") or one of
 * `NETWORK`, `TIMEOUT`, `TLS`, `DIGEST_MISMATCH`, `UNEXPECTED_ANSWER`, `DATABASE_LOCKED`, `DISK_FULL`, `UPLOADS_REFUSED`, `ABORTED`.
 */
export class RegistryError extends PassthroughError {
    /** HTTP status; absent if there was no answer. */
    readonly status: number | undefined;
    /** "PUT mirror/quay.io/org/app/manifests/1.2" */
    readonly operation: string;
    /** Seconds the registry asked to wait (Retry-After), if it did. */
    readonly retryAfter: number | undefined;

    constructor(
        operation: string,
        what: string,
        facts: ErrorDetails & { readonly status?: number; readonly retryAfter?: number },
    ) {
        super(`${operation}: ${what}`, facts);
        this.operation = operation;
        this.status = facts.status;
        this.retryAfter = facts.retryAfter;
    }
}

/** What a cure ends with where bytes were on their way; who only reads has nothing to go on with. */
export function resumeHint(operation: string): string {
    return /^(?:GET|HEAD) /.test(operation) ? "" : "; the next run goes on from here";
}

/** The text of anything thrown, for people: no stack. */
export function errorMessage(error: unknown): string {
    if (typeof error !== "object" || error === null || !("message" in error)) return String(error);
    return String(error.message);
}

/** True for the file system's "there is none", whichever realm the error was made in. */
export function isMissingFile(error: unknown): boolean {
    return typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT";
}
