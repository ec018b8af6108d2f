/** How long a registry may keep a request waiting, in milliseconds. */
export interface Timeouts {
    /** Until a connection stands, TLS included. */
    readonly connect: number;
    /** Until an answer begins. */
    readonly response: number;
    /** Until the answer to a PUT begins, after its last byte was taken: the registry stores and hashes the blob first. */
    readonly store: number;
    /** Until a piece of a body has been taken, or the next one has come. */
    readonly piece: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = { connect: 10_000, response: 60_000, store: 900_000, piece: 60_000 };
