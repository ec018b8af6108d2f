import type { Digest } from "../../oci/digest";
import type { ProblemJson } from "../../errors/format";
import type { ImageProblemJson } from "../image-problem";
import type { ImportProgress } from "./import-meter";
import type { Payload } from "../plan/plan";
import type { RefusedMount, TransferOutcome } from "./transfer-tools";

/** How an image ended. */
export type ImageEvent =
    | { readonly event: "image"; readonly state: "done"; readonly source: string; readonly digest: Digest }
    | ({ readonly event: "image"; readonly state: "failed" } & ImageProblemJson);

/**
 * What happens while a plan is carried out, for machines: plain JSON, one object per happening, in its order. `planned`
 * comes first and `finished` last, also after failures. New fields and new kinds of events may be added.
 */
export type ImportEvent =
    | ({
          readonly event: "planned";
          readonly present: number;
          readonly push: number;
          readonly tagOnly: number;
          readonly cannot: number;
      } & Payload)
    | {
          readonly event: "blob";
          readonly repository: string;
          readonly digest: Digest;
          /** Bytes. */
          readonly size: number;
          readonly outcome: TransferOutcome;
          /** The plan had counted on a mount. */
          readonly mountRefused: boolean;
      }
    | ImageEvent
    /** A request failed in a way that passes and is repeated. */
    | {
          readonly event: "wait";
          readonly operation: string;
          /** As text. */
          readonly problem: string;
          readonly error: ProblemJson;
          /** Until the next attempt. */
          readonly seconds: number;
          /** Requests that may be in flight to the host from now on. */
          readonly requests: number;
      }
    /** Every second while there is something new. */
    | ({ readonly event: "progress" } & ImportProgress)
    | {
          readonly event: "finished";
          readonly done: number;
          readonly failed: number;
          readonly planned: Payload;
          readonly sent: Payload;
          /** Bytes that were sent once more after a transfer broke. */
          readonly repeatedBytes: number;
          readonly refusedMounts: readonly RefusedMount[];
      };
