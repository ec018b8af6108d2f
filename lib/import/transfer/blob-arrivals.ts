import type { BlobTask } from "../plan/plan";

/** When the blobs of an archive come that decides their order itself. */
export interface BlobArrivals {
    /** Resolves when the blob can be sent. @throws why it never can be */
    arrival(blob: BlobTask): Promise<void>;
    /** Runs an attempt to send the blob's bytes, when it is their turn: what it waits for must not wait for it. */
    inTurn<T>(blob: BlobTask, attempt: () => Promise<T>): Promise<T>;
    /**
     * Called when an attempt to send the blob has failed for good, before anybody learns of it.
     * @param sent bytes of it that the registry was sent by any attempt
     * @returns true once its bytes come again, from the first one on
     */
    comesAgain(blob: BlobTask, error: unknown, sent: number): Promise<boolean>;
    /** Resolves when images may be put. @throws why none may */
    mayPut(): Promise<void>;
    /** The blob is in its repository, or will not come there with this run. */
    ended(blob: BlobTask, isStored: boolean): void;
    /** The run sends nothing further. @param reason the error that ended it */
    stop(reason: unknown): void;
}
