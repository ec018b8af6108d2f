import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type Lock, compareLocks, lockDigest, parseLock, writeLock } from "../../lib/lock";
import type { Override } from "../../lib/mirror/override";
import { describeArchive, openArchive } from "../../lib/archives";
import { counted } from "../../lib/import/transfer/progress-text";
import { PassthroughError } from "../../lib/errors/errors";
import { type Command, EXIT_FAILED, EXIT_OK, UsageError } from "../command";
import { parseWords, stackOf } from "../terminal/options";
import { print, printDiagnostic } from "../terminal/output";
import type { StackContent } from "../stack/stack-file";

const HELP = `usage: npm run -s passthrough -- lock [--stack STACK] [--check]
       npm run -s passthrough -- lock ARCHIVE... --out FILE [--override MATCH=HOST[/REPOSITORY[:TAG]]]...

Reads image archives once and writes what they hold to lock files, which are committed: a pull request that brings new
content is a diff of them. Without ARCHIVE, every set of the stack's site.content is read (default: $PULUMI_STACK, else dev).
Images that come, change or go are told by name; of a first lock, where all are new, the first fifty.

  --stack STACK   the stack whose Pulumi.STACK.yaml lists the sets, with their overrides
  --config-file FILE
                  its configuration, if it is in another file
  --check         write nothing; exit 1 if a lock file is not what its archive says
  --out FILE      the lock file of the given archives
  --override MATCH=HOST[/REPOSITORY[:TAG]]
                  where images come from that the archive does not tell: MATCH is a pattern over the repository and tag
                  that the archive has ("ubi9/**"), HOST the upstream registry; the first that matches counts, and one
                  without wildcards replaces a name that the archive gives without a digest
  --json          one JSON object per set instead of text

Exit codes: 0 done, 1 failed or (--check) different, 2 wrong usage.`;

const OPTIONS = {
    stack: { type: "string" },
    "config-file": { type: "string" },
    check: { type: "boolean" },
    out: { type: "string" },
    override: { type: "string", multiple: true },
    json: { type: "boolean" },
} as const;

export const lockCommand: Command = {
    name: "lock",
    summary: "read archives and write their lock files",
    help: HELP,
    run,
};

async function run(args: readonly string[]): Promise<number> {
    const { values, positionals } = parseWords(args, OPTIONS, HELP);
    const sets = positionals.length > 0 ? [setOfArguments(positionals, values)] : await setsOfStack(values);
    if (sets.length === 0) printDiagnostic("the stack's site.content lists no set: nothing to lock");
    let code = EXIT_OK;
    for (const set of sets) {
        const isCurrent = await lockSet(set, values.check ?? false, values.json ?? false);
        if (values.check === true && !isCurrent) code = EXIT_FAILED;
    }
    return code;
}

async function setsOfStack(values: {
    stack?: string | undefined;
    out?: string | undefined;
    override?: string[] | undefined;
    "config-file"?: string | undefined;
}): Promise<StackContent[]> {
    if (values.out !== undefined) throw new UsageError("--out is for archives that are named here");
    if (values.override !== undefined) {
        throw new UsageError("--override is for archives that are named here: a stack has site.content[].overrides");
    }
    // The schema of a site is large, and archives that are named need none of it.
    const { readStackContent } = await import("../stack/stack-file.js");
    return readStackContent({ stack: stackOf(values.stack), file: values["config-file"] });
}

function setOfArguments(
    archive: string[],
    values: { out?: string | undefined; override?: string[] | undefined; stack?: string | undefined },
): StackContent {
    if (values.out === undefined) throw new UsageError("archives need --out FILE");
    if (values.stack !== undefined) throw new UsageError("--stack and archives exclude each other");
    return { archive, lock: values.out, overrides: (values.override ?? []).map(overrideOf) };
}

function overrideOf(text: string): Override {
    const [match, place] = text.split("=", 2);
    if (!match || !place)
        throw new UsageError(
            `--override ${text}: write MATCH=HOST, MATCH=HOST/REPOSITORY or MATCH=HOST/REPOSITORY:TAG`,
        );
    const slash = place.indexOf("/");
    if (slash === -1) return { match, registry: place };
    const [repository = "", tag] = place.slice(slash + 1).split(":", 2);
    return { match, registry: place.slice(0, slash), repository, ...(tag === undefined ? {} : { tag }) };
}

/** @returns whether the lock file already said the same */
async function lockSet(set: StackContent, checkOnly: boolean, asJson: boolean): Promise<boolean> {
    const archive = await openArchive(set.archive);
    try {
        const { lock, notes } = await describeArchive(archive, set.overrides, (note) =>
            printDiagnostic(`note: ${set.lock}: ${note}`),
        );
        const { before, note } = await lockBefore(set.lock);
        const lines = differences(before, lock);
        if (!checkOnly && lines.length > 0) await writeLock(set.lock, lock);
        const report = { lock: set.lock, changes: lines, images: Object.keys(lock.images).length };
        const warnings = [...note, ...archive.warnings, ...notes];
        if (asJson) print(JSON.stringify({ ...report, absent: lock.absent, notes: warnings }));
        else printReport({ ...report, isFirst: before === undefined }, lock, warnings, checkOnly);
        return lines.length === 0;
    } finally {
        await archive.close();
    }
}

/**
 * The lock that is there; one that cannot be read (conflict markers, another version) is made anew, and said so. A file
 * that never was a lock is not ours to replace.
 */
async function lockBefore(path: string): Promise<{ before?: Lock; note: string[] }> {
    if (!existsSync(path)) return { note: [] };
    const text = await readFile(path, "utf8");
    try {
        return { before: parseLock(text, path), note: [] };
    } catch (error) {
        if (!(error instanceof PassthroughError) || !text.includes('"lockVersion"')) throw error;
        return { note: [`the lock that was there could not be read: ${error.message}`] };
    }
}

/** Before an image that is new in the lock, but not in this archive: an earlier one brings it. */
const BUILT_ON = "= ";

/** One line per image that comes, changes or goes; none if the lock file already says what the archive says. */
function differences(before: Lock | undefined, after: Lock): string[] {
    if (before !== undefined && lockDigest(before) === lockDigest(after)) return [];
    const { added, changed, removed } = compareLocks(before, after);
    const brought = added.filter((image) => after.images[image] !== undefined);
    const builtOn = added.filter((image) => after.images[image] === undefined);
    const lines = [
        ...brought.map((image) => `+ ${image} ${after.images[image] ?? ""}`),
        ...changed.map((change) => `~ ${change.image} ${change.before} -> ${change.after}`),
        ...removed.map((image) => `- ${image}`),
        ...builtOn.map((image) => `${BUILT_ON}${image} ${after.earlier.images[image] ?? ""}`),
    ];
    return lines.length > 0 ? lines : ["~ the same images; their parts, or what clusters need to know, differ"];
}

/** Of a first lock, which is all new; what changes in a later one is for review, to the last line. */
const NAMED_IN_A_FIRST_LOCK = 50;

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
    // What the archive builds on is told below, whether or not it is new.
    const changes = report.changes.filter((line) => !line.startsWith(BUILT_ON));
    const shown = report.isFirst ? changes.slice(0, NAMED_IN_A_FIRST_LOCK) : changes;
    for (const line of shown) print(`  ${line}`);
    const more = changes.length - shown.length;
    if (more > 0) print(`  … and ${more} more, which ${checkOnly ? "the archive holds" : "the lock names"}`);
    for (const desired of lock.absent) print(`  wished for, but not in the archive: ${desired}`);
    for (const [source, digest] of Object.entries(lock.earlier.images)) {
        print(`  from an earlier archive: ${source} ${digest}`);
    }
    for (const note of notes) print(`  note: ${note}`);
}
