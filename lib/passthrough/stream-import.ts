import { ArchiveError } from "../errors/errors";
import { formatBytes } from "../errors/text";
import { streamEntries } from "../archives";
import { type ImportPlan, type ImportResult, executeStream, manifestBytes, offerExclusion } from "../import";
import { type Lock, lockDigest } from "../lock";
import type { RegistryClient } from "../distribution/client/registry-client";
import { registryAdmin } from "../registries";
import { nameMissingRepositories } from "./doctor/missing-repositories";
import type { LockedSet } from "./planned-set";
import { type CarryOutOptions, checkRegistry } from "./set-import";

/** The bytes of an archive that comes once. */
export interface ByteStream {
    /** What it is called in errors. */
    readonly label: string;
    /** @param signal ends the reading, also while it waits for bytes */
    chunks(signal: AbortSignal): AsyncIterable<Buffer>;
}

/** Manifests that come before their blobs are in memory until then. */
const MOST_MANIFEST_BYTES = 32 * 1024 * 1024;

/**
 * Carries a set's plan out with an archive that is read once and not copied anywhere. Every blob and manifest is compared
 * with its digest in the lock. Names, and the sizes of the archive's files, cannot be compared: a warning says so.
 * @returns also after failures: they are in `failed`, by image
 * @throws ArchiveError `ARCHIVE_FORMAT_UNSUPPORTED`, `ARCHIVE_TOO_LARGE` before the first byte is read; what is wrong with
 * the stream, where every image is in the registry all the same
 */
export async function carryOutStream(
    client: RegistryClient,
    plan: ImportPlan,
    set: LockedSet,
    stream: ByteStream,
    options: CarryOutOptions,
): Promise<ImportResult> {
    requireStreamable(plan, set, stream.label, options);
    options.onWarning?.(`the names of the lock file are not compared with ${stream.label}, which is read once`);
    if (options.isFirstImport === true) await checkRegistry(client, plan, options);
    const archive = {
        label: stream.label,
        entries: (signal: AbortSignal) => streamEntries(stream.chunks(signal), stream.label),
    };
    const result = await executeStream(client, plan, archive, { ...options, set: lockDigest(set.lock) });
    const failed = offerExclusion(result.failed);
    const { mayNeedRepositories } = registryAdmin(options.registryKind).capabilities;
    return { ...result, failed: mayNeedRepositories ? nameMissingRepositories(failed, plan) : failed };
}

function requireStreamable(plan: ImportPlan, set: LockedSet, archive: string, options: CarryOutOptions): void {
    const made = madeImages(plan, set.lock);
    if (made !== undefined)
        throw new ArchiveError(
            `the manifest of ${made} is made from what is in the archive, so all of it must be there`,
            {
                archive,
                code: "ARCHIVE_FORMAT_UNSUPPORTED",
                fix: GIVE_FILE,
            },
        );
    if (options.signatures !== undefined)
        throw new ArchiveError(
            "signatures are checked before the first byte is sent, so all of the archive must be there",
            {
                archive,
                code: "ARCHIVE_FORMAT_UNSUPPORTED",
                fix: `${GIVE_FILE}, or take site.signatures out`,
            },
        );
    const manifests = manifestBytes(plan);
    if (manifests > MOST_MANIFEST_BYTES)
        throw new ArchiveError(
            `the set has ${formatBytes(manifests)} of manifests, and a stream may have ${formatBytes(MOST_MANIFEST_BYTES)}`,
            { archive, code: "ARCHIVE_TOO_LARGE", fix: GIVE_FILE },
        );
}

const GIVE_FILE = "give the archive as a file: put it where site.content[].archive says, and import without -";

/** An image whose format has no manifest of it: docker save, alone or beside others. */
function madeImages({ push }: ImportPlan, { format, marks = {} }: Lock): string | undefined {
    if (format !== "docker-archive" && format !== "mixed") return undefined;
    return push.find(({ task }) => marks[task.source] === "tag-only")?.task.source;
}
