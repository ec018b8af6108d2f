import type { RegistryError } from "../../errors/errors";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { isBusy, isUnreachable } from "../../distribution/limits/retry";

/** Failures of one operation may be about its content; those of two are about the registry. */
const ENOUGH = 2;

/**
 * Decides when a registry that fails one operation would fail every further one too: each of them would be repeated for
 * a whole retry period. Periods count by half, since an operation gives up before its last wait.
 */
export class NoProgressTimer {
    private since = Date.now();
    private readonly failures = new Set<RegistryError>();

    constructor(private readonly client: Pick<RegistryClient, "silentSeconds" | "retrySeconds">) {}

    /** Something got further: bytes that need not be sent again, a blob, a manifest. */
    end(): void {
        this.since = Date.now();
        this.failures.clear();
    }

    /**
     * @param error with which an operation gave up
     * @returns true if nobody was given an answer for a retry period, or if several operations were answered with
     * nothing but 5xx (a full disk) or 429 and nothing at all got further meanwhile
     */
    isOver(error: RegistryError): boolean {
        const period = this.client.retrySeconds / 2;
        if (isUnreachable(error)) return this.client.silentSeconds >= period;
        if (!isBusy(error)) return false;
        this.failures.add(error);
        return this.failures.size >= ENOUGH && (Date.now() - this.since) / 1000 >= period;
    }
}
