/** How long a registry may keep a request waiting, in milliseconds. */
export interface Timeouts {
    /** Until a connection stands, TLS included. */
    readonly connect: number;
    /** Until a response begins. */
    readonly response: number;
    /** Until the response to an upload begins, however large the blob is. */
    readonly store: number;
    /** The same for an upload of a few bytes: the base to which the time for storing more of them is added. */
    readonly storeBase: number;
    /** Until a piece of a body has been taken, or the next one has come. */
    readonly piece: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = {
    connect: 10_000,
    response: 60_000,
    store: 900_000,
    storeBase: 120_000,
    piece: 60_000,
};

/** The slowest storage that is waited for, in bytes per millisecond: 1 MB/s. */
const LEAST_STORE_SPEED = 1000;

/**
 * How long the response to an upload may take after its last byte was sent, in milliseconds: the registry stores and
 * hashes the blob first. A few bytes fit into the buffers of a connection that has died already, so the time depends on
 * the size.
 * @param bytes of the blob that the registry has to store before it responds
 */
export function storeTimeout({ store, storeBase }: Timeouts, bytes: number): number {
    return Math.min(store, storeBase + bytes / LEAST_STORE_SPEED);
}
