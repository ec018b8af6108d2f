import { RegistryClient, requestsFor } from "../distribution/client/registry-client";
import { DEFAULT_RETRY } from "../distribution/limits/retry";
import { toProblem } from "../errors/errors";
import { problemToJson } from "../errors/format";
import {
    type ImportPlan,
    type ImportProgress,
    type Shard,
    imagesOfShard,
    shardPlan,
    splitBlobs,
    toImageMap,
} from "../import";
import { readLock } from "../lock";
import { carryOut, planLockedSet, refusedMounts } from "../passthrough";
import { parseConnection, registryEndpoint } from "../site";
import { type RemoteLine, reportLines } from "./report";
import type { ImportRequest, ImportSecrets } from "./request";

/** What one importer does of a request: a shard of it, or, without one, all that is missing. */
export interface ImportRun {
    readonly request: ImportRequest;
    readonly secrets: ImportSecrets;
    /** Path of the lock. */
    readonly lock: string;
    readonly shard?: Shard | undefined;
    /** Folder of the journals of open uploads; absent: there is none that outlives the importer. */
    readonly journals?: string | undefined;
    readonly signal: AbortSignal;
    /** Gets each line that is to be said. */
    readonly say: (line: RemoteLine) => void;
}

/** Progress is said in steps: logs of pods are kept, and read again and again. Milliseconds. */
const PROGRESS_MS = 2000;

/**
 * Imports what is missing where the archive is. What comes of it is said, never thrown.
 * @returns whether the run came to its end; images that failed are said then
 */
export async function runImportRequest(run: ImportRun): Promise<boolean> {
    try {
        await importShard(run);
        return true;
    } catch (error) {
        // Whoever ended it knows.
        if (run.signal.aborted) return false;
        run.say({ line: "error", problem: problemToJson(toProblem(error)) });
        return false;
    }
}

async function importShard(run: ImportRun): Promise<void> {
    const { request, lock: path, shard, say } = run;
    const lock = await readLock(path);
    const wanted = toImageMap(request.images);
    const owners = splitBlobs(wanted, lock, shard?.of ?? 1);
    const images = shard === undefined ? wanted : imagesOfShard(wanted, lock, owners, shard);
    const client = openRegistry(run);
    try {
        const { archive, lockDigest, overrides } = request;
        const kind = request.registry.type;
        const base = parseConnection(request.registry).mirror;
        const asked = { archive, lock: path, lockDigest, images, overrides };
        const suspects = new Set(request.suspects);
        const { set, plan } = await planLockedSet(client, asked, { base, kind, suspects });
        const own: ImportPlan = shard === undefined ? plan : shardPlan(plan, lock, owners, shard);
        const result = await carryOut(client, own, set, {
            concurrency: part(request.concurrency, shard),
            journals: run.journals,
            registryKind: kind,
            isFirstImport: request.isFirstImport && (shard?.index ?? 0) === 0,
            leavesReferrers: shard !== undefined,
            onWarning: (text) => say({ line: "note", text }),
            onProgress: throttled((progress) => say({ line: "progress", ...progress })),
        });
        // What was not tried any more is no result: another run goes on with it.
        run.signal.throwIfAborted();
        for (const text of refusedMounts(result)) say({ line: "note", text });
        for (const line of reportLines(result)) say(line);
    } finally {
        await client.close();
    }
}

/** Importers side by side keep the site's caps together. */
function part(cap: number, shard: Shard | undefined): number {
    return Math.max(1, Math.floor(cap / (shard?.of ?? 1)));
}

function openRegistry({ request, secrets, shard, signal }: ImportRun): RegistryClient {
    const { connectionSecrets } = secrets;
    const registry = { ...parseConnection(request.registry), ...(connectionSecrets && { secrets: connectionSecrets }) };
    return new RegistryClient({
        endpoint: registryEndpoint(registry, "importer"),
        credentials: secrets.credentials,
        requests: part(registry.requests ?? requestsFor(request.concurrency), shard),
        maxBody: registry.maxBody,
        retry: { ...DEFAULT_RETRY, seconds: registry.retrySeconds },
        signal,
    });
}

function throttled(show: (progress: ImportProgress) => void): (progress: ImportProgress) => void {
    let next = 0;
    return (progress) => {
        const now = Date.now();
        if (now < next) return;
        next = now + PROGRESS_MS;
        show(progress);
    };
}
