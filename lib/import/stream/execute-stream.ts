import type { RegistryClient } from "../../distribution/client/registry-client";
import type { ImportPlan } from "../plan/plan";
import { type ExecuteOptions, executePlan } from "../transfer/execute";
import type { ImportResult } from "../transfer/import-recorder";
import type { ArchiveStream } from "./archive-stream";
import { requireAllTold } from "./all-told";
import { StreamedContent } from "./streamed-content";

/**
 * Carries a plan out with an archive that is read once, without a copy of it: its order decides what is sent next. An image
 * is put as soon as all of it is in the registry, so a stream that ends early leaves whole images.
 * The stream is read to its end even where less would do: what writes into it is not to fail.
 * @returns also after failures: they are in `failed`, by image
 * @throws what is wrong with the stream, where every image is there all the same
 */
export async function executeStream(
    client: RegistryClient,
    plan: ImportPlan,
    stream: ArchiveStream,
    options: Omit<ExecuteOptions, "arrivals" | "blocked" | "leavesReferrers"> = {},
): Promise<ImportResult> {
    const content = new StreamedContent(client, plan, stream.label);
    const reading = readAll(content, stream);
    let result: ImportResult;
    try {
        result = await executePlan(client, content, plan, { ...options, arrivals: content });
    } catch (error) {
        content.stop(error);
        await reading;
        throw error;
    }
    const damage = await reading;
    if (damage !== undefined && result.failed.length === 0) throw damage.error;
    requireAllTold(plan, result);
    return result;
}

/** @returns what ended it before the end of the stream */
async function readAll(content: StreamedContent, stream: ArchiveStream): Promise<{ error: unknown } | undefined> {
    try {
        for await (const entry of stream.entries(content.stopped)) await content.take(entry);
        content.end();
        return undefined;
    } catch (thrown) {
        const { aborted, reason } = content.stopped;
        const error: unknown = aborted ? reason : thrown;
        content.end(error);
        return { error };
    }
}
