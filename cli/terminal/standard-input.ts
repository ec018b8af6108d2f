/**
 * The bytes of standard input.
 * @param signal ends the reading, also while it waits for bytes
 * @throws the signal's reason
 */
export async function* standardInput(signal: AbortSignal): AsyncGenerator<Buffer> {
    const end = () => process.stdin.destroy();
    signal.addEventListener("abort", end, { once: true });
    try {
        if (signal.aborted) end();
        yield* process.stdin as AsyncIterable<Buffer>;
    } catch (error) {
        signal.throwIfAborted();
        throw error;
    } finally {
        signal.removeEventListener("abort", end);
    }
    signal.throwIfAborted();
}
