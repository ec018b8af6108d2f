import type { RegistryClient } from "../distribution/client/registry-client";
import type { Problem } from "../errors/problem";
import {
    type ImageProblem,
    type ImagesBySource,
    type ImportPlan,
    type ImportProgress,
    type ImportResult,
    executePlan,
    needsArchive,
} from "../import";
import { NO_ARCHIVE } from "../passthrough/no-archive";
import type { RemoteCounts, RemoteReport } from "./report";

/** Which importers run: those of the shards side by side, or one for all that they have left. */
export type Round = "shards" | "rest";

/** Where an archive is, and how importers run there. */
export interface ImportPlace {
    /** `the Job transfer/import-2026-11`, for messages. */
    readonly name: string;
    /** Importers side by side. */
    readonly shards: number;
    /**
     * Runs a round to its end.
     * @returns what each importer said
     * @throws PassthroughError if they could not run, or did not come to their end
     */
    run(round: Round): Promise<readonly RemoteReport[]>;
}

/** How a remote import is shown. */
export interface RemoteImportOptions {
    readonly images: ImagesBySource;
    /** Plans again, by what the registry has then. */
    readonly plan: () => Promise<ImportPlan>;
    /** The most blobs in flight. */
    readonly concurrency: number;
}

/**
 * Has a plan carried out where the archive is. What the registry has in the end decides what is done; importers only say
 * why something is not.
 * @param plan of what is missing now
 * @returns also after failures: they are in `failed`, by image
 * @throws PassthroughError if importers could not run, and nothing tells what they did
 */
export async function importRemotely(
    client: RegistryClient,
    plan: ImportPlan,
    place: ImportPlace,
    options: RemoteImportOptions,
): Promise<ImportResult> {
    const reports: RemoteReport[] = [];
    let left = plan;
    for (const round of place.shards > 1 ? (["shards", "rest"] as const) : (["rest"] as const)) {
        if (!needsArchive(left)) break;
        const found = await place.run(round);
        reports.push(...found);
        left = await options.plan();
        if (found.some(({ error }) => error !== undefined)) break;
    }
    const counts = total(reports.map((report) => report.counts));
    const tagged = needsArchive(left)
        ? undefined
        : await executePlan(client, NO_ARCHIVE, left, { concurrency: options.concurrency });
    const failed = tagged?.failed ?? unfinished(left, reports, place);
    const isFailed = new Set(failed.map(({ source }) => source));
    const done = Object.fromEntries(Object.entries(options.images).filter(([source]) => !isFailed.has(source)));
    const sent = { bytes: counts.bytes + (tagged?.sent.bytes ?? 0), uploads: counts.uploads, mounts: counts.mounts };
    const { bytes, uploads, mounts } = plan;
    return {
        ...{ done, failed, left: [], sent, planned: { bytes, uploads, mounts } },
        ...{ repeatedBytes: counts.repeatedBytes, refusedMounts: [] },
    };
}

/** What all importers are about. */
function total(counts: readonly RemoteCounts[]): RemoteCounts {
    const sum = (name: keyof RemoteCounts) => counts.reduce((all, one) => all + one[name], 0);
    return {
        bytes: sum("bytes"),
        uploads: sum("uploads"),
        mounts: sum("mounts"),
        repeatedBytes: sum("repeatedBytes"),
    };
}

/** The progress of importers side by side, by the last that each one said. */
export function joinProgress(all: readonly ImportProgress[]): ImportProgress {
    const sum = (name: Exclude<keyof ImportProgress, "secondsLeft">) =>
        all.reduce((found, one) => found + one[name], 0);
    const left = all.flatMap(({ secondsLeft }) => secondsLeft ?? []);
    return {
        ...{ images: sum("images"), ofImages: sum("ofImages"), bytes: sum("bytes"), ofBytes: sum("ofBytes") },
        bytesPerSecond: sum("bytesPerSecond"),
        ...(left.length === 0 ? {} : { secondsLeft: Math.max(...left) }),
    };
}

/** Its archive is not on the machine that says so. */
function locate(problem: Problem, where: string): Problem {
    const { place } = problem;
    if (place === undefined || !("archive" in place)) return problem;
    return { ...problem, place: { ...place, archive: `${place.archive} (${where})` } };
}

/** What the registry still lacks, with what importers said about it. */
function unfinished(left: ImportPlan, reports: readonly RemoteReport[], { name }: ImportPlace): ImageProblem[] {
    const said = new Map(reports.flatMap(({ failed }) => failed).map((one) => [one.source, one]));
    const ended = reports.find(({ error }) => error !== undefined)?.error;
    const silent: Problem = {
        code: "REMOTE_IMPORT_FAILED",
        problem: `${name} ended, and the registry lacks it`,
        fix: "run again: what the registry has is not sent again",
    };
    const images = left.push.map(({ task: { source } }) => {
        const { problems } = said.get(source) ?? { problems: [ended ?? silent] };
        return { source, problems: problems.map((one) => locate(one, name)) };
    });
    return [...left.problems, ...images];
}
