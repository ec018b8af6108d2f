import type { ErrorCode } from "../../errors/codes";
import { ArchiveError, PassthroughError, RegistryError, toProblem } from "../../errors/errors";
import { formatWithoutFix } from "../../errors/format";
import type { NoProgressTimer } from "./no-progress-timer";

/** Errors of the file system, and of a file that is shorter than when it was opened. */
const ARCHIVE_LOST = new Set<ErrorCode>(["ARCHIVE_UNREADABLE", "ARCHIVE_TRUNCATED"]);
/** What no request to the registry gets around. */
const ENDS_ALL = new Set<ErrorCode>([
    "TLS",
    "CLIENT_CERTIFICATE_REQUIRED",
    "CLIENT_CERTIFICATE_REJECTED",
    "PROXY_FAILED",
    "PROXY_REJECTED",
    "ABORTED",
    "UPLOADS_REFUSED",
    "UPLOAD_URL_UNREACHABLE",
]);

/** What is told of everything that an error keeps from being tried. */
export function notTried(reason: unknown): PassthroughError {
    const problem = toProblem(reason);
    return new PassthroughError(`an earlier error stopped the run: ${formatWithoutFix(problem)}`, {
        code: "NOT_TRIED",
        fix: problem.fix,
        cause: reason,
    });
}

/** Whether a run goes on after the errors it has met. */
export class RunStop {
    /** The first error that ends the run. */
    reason: Error | undefined;

    constructor(private readonly noProgress: NoProgressTimer) {}

    /** True if nothing further is tried. */
    get isStopped(): boolean {
        return this.reason !== undefined;
    }

    /** @throws PassthroughError `NOT_TRIED` once the run is stopped */
    check(): void {
        if (this.reason !== undefined) throw notTried(this.reason);
    }

    /**
     * An error of one image does not stop the others.
     * A medium that fails, or a file that somebody cuts meanwhile, is not read on: what else it gives cannot be trusted, and
     * a failing disk is not to be worn out.
     */
    note(error: unknown): void {
        if (error instanceof ArchiveError && ARCHIVE_LOST.has(error.code)) this.reason ??= error;
        if (!(error instanceof RegistryError)) return;
        const isOver = this.noProgress.isOver(error);
        if (isOver || ENDS_ALL.has(error.code)) this.reason ??= error;
    }
}
