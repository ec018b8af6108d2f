import type { RegistryClient } from "../../distribution/client/registry-client";
import type { Problem } from "../../errors/problem";
import type { BlobSource } from "../../mirror/image-set";
import type { ImportPlan } from "../plan/plan";
import { type ExecuteOptions, executePlan } from "../transfer/execute";
import type { ImportResult } from "../transfer/import-recorder";
import { requireAllTold } from "./all-told";
import type { StreamedEntry } from "./archive-stream";
import { PackedContent } from "./packed-content";

/** A plan that is being carried out while its archive is opened. */
interface Running {
    readonly content: PackedContent;
    readonly result: Promise<ImportResult>;
}

/**
 * Carries a plan out while its archive is opened, if anything of that is compressed: its blobs are sent as they pass by, so
 * that it is decompressed once, without a copy. A blob without a manifest is invisible: no image is put before `finish`.
 */
export class PassingImport {
    private readonly blocked = new Map<string, Problem>();
    private running: Running | undefined;

    /**
     * @param label what the archive is called in errors
     * @param before called before the first byte is sent
     */
    constructor(
        private readonly client: RegistryClient,
        private readonly plan: ImportPlan,
        private readonly label: string,
        private readonly options: Omit<ExecuteOptions, "arrivals" | "blocked">,
        private readonly before: () => Promise<void>,
    ) {}

    /** False for an archive of which nothing has passed by: then nothing was sent. */
    get hasBegun(): boolean {
        return this.running !== undefined;
    }

    /** A file of the archive passes by. @throws why nothing more is wanted of it */
    async take(entry: StreamedEntry): Promise<void> {
        await (await this.begin()).content.take(entry);
    }

    /**
     * The archive is open, and what the lock says: everything is put.
     * @param blocked as in `ExecuteOptions`
     * @returns also after failures: they are in `failed`, by image
     */
    async finish(source: BlobSource, blocked: ReadonlyMap<string, Problem>): Promise<ImportResult> {
        const { content, result } = await this.begin();
        for (const [image, problem] of blocked) this.blocked.set(image, problem);
        content.release(source);
        const ended = await result;
        requireAllTold(this.plan, ended);
        return ended;
    }

    /**
     * The archive cannot be read, or is not what the lock says: nothing is put. Waits for what is under way.
     * @returns the result of a run that had ended before, or was interrupted; undefined if the error is what there is to say
     * @throws what ended the run before
     */
    async failed(error: unknown): Promise<ImportResult | undefined> {
        if (this.running === undefined) return undefined;
        const { content, result } = this.running;
        if (this.client.isInterrupted) content.stop(error);
        if (content.stopped.aborted) return result;
        content.end(error);
        await result.catch(() => undefined);
        return undefined;
    }

    private async begin(): Promise<Running> {
        if (this.running !== undefined) return this.running;
        await this.before();
        const content = new PackedContent(this.client, this.plan, this.label);
        const { blocked, options } = this;
        const result = executePlan(this.client, content, this.plan, { ...options, blocked, arrivals: content });
        // Who waits for it comes when the archive is open.
        result.catch(() => undefined);
        return (this.running = { content, result });
    }
}
