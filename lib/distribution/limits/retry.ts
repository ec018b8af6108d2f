import { type RetryPolicy, repeat } from "../../concurrency/retry";
import { RegistryError } from "../../errors/errors";
import type { ErrorCode } from "../../errors/codes";

/** A registry that restarts, a switch that reboots: both are back within this. */
export const DEFAULT_RETRY: RetryPolicy = { seconds: 60, firstDelay: 250, longestDelay: 8000 };

/** 520 to 524 are those of proxies that lost what is behind them; Quay itself says 520. */
const PASSING_STATUS = new Set([408, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524]);

/** What does not pass by itself, whatever the status: a registry that was made read-only (Quay: 503), rejected URLs. */
const LASTING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["REGISTRY_READ_ONLY", "FOREIGN_LAYERS_REJECTED"]);

/** True if the registry responded that it is too busy, or has trouble that passes. */
export function isBusy(error: unknown): error is RegistryError {
    if (!(error instanceof RegistryError) || LASTING.has(error.code)) return false;
    return error.code === "DATABASE_LOCKED" || (error.status !== undefined && PASSING_STATUS.has(error.status));
}

/** True if there was no response: the connection broke, or nothing came in time. */
export function isUnreachable(error: unknown): error is RegistryError {
    return error instanceof RegistryError && (error.code === "NETWORK" || error.code === "TIMEOUT");
}

/** Codes of an upload that the registry has lost (it was restarted, or another instance has it): a new one is begun. */
const LOST_UPLOAD = new Set<ErrorCode>(["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"]);

/** True if the same request may well succeed later without anybody changing anything. */
export function isRetryable(error: unknown): error is RegistryError {
    return isBusy(error) || isUnreachable(error) || isLostUpload(error);
}

/** True if the registry does not know a blob that it has just accepted: another instance, or a cache, lags behind. */
export function isBlobUnknown(error: unknown): error is RegistryError {
    return error instanceof RegistryError && error.code === "MANIFEST_BLOB_UNKNOWN";
}

/** A POST begins an upload, so what it is refused for was not lost. */
function isLostUpload(error: unknown): error is RegistryError {
    return (
        error instanceof RegistryError && LOST_UPLOAD.has(error.code) && error.operation?.startsWith("POST ") !== true
    );
}

/**
 * `withRetry` of lib/concurrency for operations at a registry.
 * @param mayPass which errors may pass by themselves
 * @throws the last error of the operation, or the signal's reason
 */
export function withRetry<T>(
    policy: RetryPolicy,
    signal: AbortSignal | undefined,
    operation: (goneOn: () => void) => Promise<T>,
    onWait?: (error: RegistryError, milliseconds: number) => void,
    mayPass: (error: unknown) => error is RegistryError = isRetryable,
): Promise<T> {
    return repeat({ policy, signal, mayPass, ...(onWait && { onWait }) }, operation);
}
