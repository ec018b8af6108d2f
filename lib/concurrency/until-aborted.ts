/**
 * Waits for work that others may wait for as well: the signal ends this wait, and not the work.
 * @throws what the work throws; the signal's reason
 */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (signal === undefined) return work;
    const over = new AbortController();
    const aborted = new Promise<never>((_, reject) => {
        const give = () => reject(signal.reason as Error);
        if (signal.aborted) give();
        else signal.addEventListener("abort", give, { once: true, signal: over.signal });
    });
    return Promise.race([work, aborted]).finally(() => over.abort());
}
