import type { RegistryClient } from "../../distribution/client/registry-client";
import type { BlobSource } from "../../mirror/image-set";
import type { Digest } from "../../oci/digest";
import type { BlobArrivals } from "./blob-arrivals";
import type { UploadJournal } from "./upload-journal";
import type { BlobReader } from "./verified-pieces";

/** How a blob got into its repository. */
export type TransferOutcome = "mounted" | "uploaded" | "present";

/** A mount that the plan counted on and the registry did not do: the blob's bytes were sent. */
export interface RefusedMount {
    readonly repository: string;
    readonly digest: Digest;
    /** Bytes. */
    readonly size: number;
    readonly from: string;
}

/** Receives the progress of a transfer. */
export interface TransferWatch {
    /**
     * Payload bytes that were sent.
     * @param fresh those that got further than any attempt before; the others are `repeated`
     */
    sent(fresh: number, repeated: number): void;
    /** So many bytes of the blob that the plan has were sent by an earlier run. */
    resumed(bytes: number): void;
    mountRefused(mount: RefusedMount): void;
}

/** What the transfers of one import share. */
export interface TransferTools {
    readonly client: RegistryClient;
    readonly source: BlobSource;
    readonly reader: BlobReader;
    readonly journal: UploadJournal;
    /** As in `ExecuteOptions`. */
    readonly arrivals?: BlobArrivals | undefined;
}
