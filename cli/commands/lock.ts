import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import {
    type Lock,
    compareExclusions,
    compareLocks,
    compareNameSources,
    lockDigest,
    parseLock,
    readLockText,
    withFormerFormat,
    writeLock,
} from "../../lib/lock";
import { describeArchive, openArchive } from "../../lib/archives";
import { counted, printable } from "../../lib/errors/text";
import type { Override } from "../../lib/mirror/override";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { EXIT_CONTENT, EXIT_OK } from "../exit-codes";
import { selectedStack } from "../stack/selected-stack";
import { print, printDiagnostic } from "../terminal/output";
import type * as lockExplain from "./lock-explain";
import type * as stackFile from "../stack/stack-file";
import type { StackContent } from "../stack/stack-file";

export interface LockOptions {
    readonly stack?: string;
    readonly configFile?: string;
    readonly check?: boolean;
    readonly out?: string;
    readonly override?: readonly Override[];
    readonly exclude?: readonly string[];
    readonly explain?: string;
    readonly json?: boolean;
}

const load = createRequire(__filename);

/**
 * Reads archives and writes their lock files.
 * @param archives of one set; none: the sets of the stack
 */
export async function runLock(options: LockOptions, archives: readonly string[]): Promise<number> {
    const sets = archives.length > 0 ? [givenSet(archives, options)] : stackSets(options);
    if (options.explain !== undefined) {
        const { explainImage } = load("./lock-explain") as typeof lockExplain;
        const areArchives = archives.length > 0;
        return explainImage({ image: options.explain, sets, areArchives, json: options.json ?? false });
    }
    if (sets.length === 0) printDiagnostic("the stack's site.content lists no set: nothing to lock");
    let code = EXIT_OK;
    for (const set of sets) {
        if (set.at !== undefined) {
            printDiagnostic(`note: ${set.lock}: ${NOT_HERE}`);
            continue;
        }
        const isCurrent = await lockSet(set, options.check ?? false, options.json ?? false);
        if (options.check === true && !isCurrent) code = EXIT_CONTENT;
    }
    return code;
}

const NOT_HERE =
    "its archive is not on this machine (at), so it was not read; lock it where it is: passthrough lock <archive> --out <lock> " +
    "(docs/how-to/import-in-the-cluster.md#the-lock)";

function stackSets({ stack, configFile }: LockOptions): readonly StackContent[] {
    // The schema of a site is large; given archives do not need it.
    const { readStackContent } = load("../stack/stack-file") as typeof stackFile;
    return readStackContent({ stack: selectedStack(stack), file: configFile });
}

function givenSet(archives: readonly string[], { out = "", override = [], exclude = [] }: LockOptions): StackContent {
    const patterns = exclude.map((pattern) => ({ key: "--exclude", pattern }));
    return { archive: [...archives], lock: out, overrides: [...override], exclude: patterns };
}

/** @returns whether the lock file is what its archives say already */
async function lockSet(set: StackContent, checkOnly: boolean, asJson: boolean): Promise<boolean> {
    const archive = await openArchive(set.archive);
    try {
        const { lock: described, notes } = await describeArchive(archive, set.overrides, {
            exclude: set.exclude,
            onUnused: (note) => printDiagnostic(`note: ${set.lock}: ${note}`),
        });
        const { before, note } = readExistingLock(set.lock);
        const lock = withFormerFormat(before, described);
        const lines = listDifferences(before, lock);
        const lacksSources = before !== undefined && compareNameSources(before, lock) === undefined;
        if (!checkOnly && (lines.length > 0 || lacksSources)) await writeLock(set.lock, lock);
        const report = { lock: set.lock, changes: lines, images: Object.keys(lock.images).length };
        const sources = lacksSources && lines.length === 0 ? [checkOnly ? WITHOUT_SOURCES : SOURCES_ADDED] : [];
        const warnings = [...note, ...sources, ...archive.warnings, ...notes];
        const { absent, excluded = {} } = lock;
        if (asJson) print(JSON.stringify({ ...report, absent, excluded, notes: warnings }));
        else printReport({ ...report, isFirst: before === undefined }, lock, warnings, checkOnly);
        return lines.length === 0;
    } finally {
        await archive.close();
    }
}

/**
 * The lock file as it is; one that cannot be read (conflict markers, another version) is written anew, with a note. A
 * file that never was a lock is not replaced.
 */
function readExistingLock(path: string): { before?: Lock; note: string[] } {
    if (!existsSync(path)) return { note: [] };
    const text = readLockText(path);
    try {
        return { before: parseLock(text, path), note: [] };
    } catch (error) {
        if (!(error instanceof PassthroughError) || !text.includes('"lockVersion"')) throw error;
        return { note: [`the existing lock file could not be read: ${errorMessage(error)}`] };
    }
}

const WITHOUT_SOURCES =
    "the lock file does not record where names come from, since an earlier release wrote it; lock adds that";
const SOURCES_ADDED = "where each name comes from was added to the lock file; its content is the same";

/** Marks an image that is new in the lock file but not in this archive: an earlier archive contains it. */
const BUILT_ON = "= ";

/** One line per image that is added, changed or removed; none if the lock file is what its archives say. */
function listDifferences(before: Lock | undefined, after: Lock): string[] {
    const exclusions = compareExclusions(before, after);
    if (before !== undefined && lockDigest(before) === lockDigest(after))
        return [...(compareNameSources(before, after) ?? []).map((line) => `~ ${line}`), ...exclusions];
    const { added, changed, removed } = compareLocks(before, after);
    // Those are listed with the pattern that leaves them out.
    const missing = removed.filter((image) => after.excluded?.[image] === undefined);
    const fromHere = added.filter((image) => after.images[image] !== undefined);
    const fromEarlier = added.filter((image) => after.images[image] === undefined);
    const lines = [
        ...fromHere.map((image) => `+ ${image} ${after.images[image] ?? ""}`),
        ...changed.map((change) => `~ ${change.image} ${change.before} -> ${change.after}`),
        ...missing.map((image) => `- ${image}`),
        ...exclusions,
        ...fromEarlier.map((image) => `${BUILT_ON}${image} ${after.earlier.images[image] ?? ""}`),
    ];
    return lines.length > 0 ? lines : ["~ the images are the same; archive parts or facts for clusters differ"];
}

/** In a new lock file every image is new; the changes of an existing one are for review, every line of them. */
const LISTED_OF_NEW_LOCK = 50;

function printReport(
    report: { lock: string; changes: readonly string[]; images: number; isFirst: boolean },
    lock: Lock,
    notes: readonly string[],
    checkOnly: boolean,
): void {
    const bytes = Object.values(lock.blobs).reduce((sum, size) => sum + size, 0);
    const state = report.changes.length === 0 ? "unchanged" : checkOnly ? "DIFFERENT" : "written";
    const content = `${counted(report.images, "image")}, ${counted(Object.keys(lock.blobs).length, "blob")}`;
    print(`${report.lock}: ${state}; ${content}, ${bytes} bytes`);
    // What the archive builds on is listed below, whether or not it is new.
    const changes = report.changes.filter((line) => !line.startsWith(BUILT_ON));
    const shown = report.isFirst ? changes.slice(0, LISTED_OF_NEW_LOCK) : changes;
    for (const line of shown) print(`  ${line}`);
    const more = changes.length - shown.length;
    if (more > 0) print(`  … and ${more} more, which ${checkOnly ? "the archive has" : "the lock file has"}`);
    for (const desired of lock.absent) print(`  requested, but not in the archive: ${desired}`);
    for (const [source, digest] of Object.entries(lock.earlier.images)) {
        print(`  from an earlier archive: ${source} ${digest}`);
    }
    for (const line of exclusionCounts(lock)) print(`  ${line}`);
    for (const note of notes) print(`  note: ${note}`);
}

/** How many images each pattern leaves out; their names are in the lock file. */
function exclusionCounts({ excluded = {} }: Lock): string[] {
    const patterns = Object.values(excluded);
    return [...new Set(patterns)].sort().map((pattern) => {
        const images = patterns.filter((other) => other === pattern).length;
        return `excluded by ${printable(pattern)}: ${counted(images, "image")}`;
    });
}
