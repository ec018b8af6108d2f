import { ArchiveError } from "../../../errors/errors";
import type { Archive } from "../../archive";
import type { OpenFile } from "../../files/archive-file";
import { ArchiveSource } from "../../files/archive-source";
import { type OcMirrorIndex, blobEntryName } from "./cache-index";
import { nameOcMirrorImages } from "./names";
import { partNumber } from "./part-name";
import { indexTar } from "../../tar/index-tar";

/** Enough to keep a disk busy, few enough to keep a spinning one from seeking. */
const PARTS_AT_ONCE = 4;

/** Parts that passed by when they were opened. */
export interface PassedParts {
    /** What they hold; the other parts are added. */
    readonly index: OcMirrorIndex;
    /** What is odd about each of them, as sentences. */
    readonly warnings: ReadonlyMap<OpenFile, readonly string[]>;
}

/**
 * Indexes the parts of an oc-mirror v2 archive. Every part is a whole tar; blobs may be in any of them.
 * @param label the archive as a whole, for errors
 * @param files all its parts; closed with the archive
 * @param passed those that were read already, with what is odd about them, and what they hold
 * @throws ArchiveError `ARCHIVE_INCOMPLETE` (a part is missing), `ARCHIVE_PARTS_MIXED` (parts of two runs), and what a tar
 * can be refused for
 */
export async function openOcMirror(
    label: string,
    files: readonly OpenFile[],
    { index, warnings: known }: PassedParts,
    signal?: AbortSignal,
): Promise<Archive> {
    const parts = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
    checkNumbers(label, parts);
    const left = parts.filter((part) => !known.has(part));
    const read = await indexParts(left, index, signal);
    const warnings = parts.flatMap((part) => known.get(part) ?? read.get(part) ?? []);
    checkImageSet(label, index);
    const source = new ArchiveSource(label, index.blobs, blobEntryName);
    return {
        format: "oc-mirror",
        label,
        parts: parts.flatMap((part) => part.parts),
        warnings: [...warnings, ...index.warnings, ...index.leftOut()],
        source,
        contents: (overrides) => nameOcMirrorImages(label, index, source, overrides),
        close: async () => void (await Promise.all(parts.map((part) => part.close()))),
    };
}

async function indexParts(
    parts: readonly OpenFile[],
    index: OcMirrorIndex,
    signal: AbortSignal | undefined,
): Promise<ReadonlyMap<OpenFile, readonly string[]>> {
    const failed = new AbortController();
    const signals = AbortSignal.any([failed.signal, ...(signal === undefined ? [] : [signal])]);
    const warnings = new Map<OpenFile, readonly string[]>();
    const waiting = [...parts];
    const work = async (): Promise<void> => {
        for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
            const visit = index.visit.bind(index, part);
            warnings.set(part, (await indexTar(part, visit, { signal: signals })).warnings);
        }
    };
    const workers = Array.from({ length: PARTS_AT_ONCE }, () =>
        work().catch((error: unknown) => {
            failed.abort(error);
            throw error;
        }),
    );
    const done = await Promise.allSettled(workers);
    // The first error has ended the others: theirs are its echo.
    if (done.some(({ status }) => status === "rejected")) throw signals.reason;
    return warnings;
}

function checkNumbers(label: string, parts: readonly OpenFile[]): void {
    const numbers = parts.map(({ name }) => partNumber(name));
    // Renamed files: their number is lost, what is missing shows later as absent blobs.
    if (numbers.some((number) => number === undefined)) return;
    numbers.forEach((number, at) => {
        if (Number(number) === at + 1) return;
        const twice = at > 0 && number === numbers[at - 1];
        const wanted = `mirror_${String(at + 1).padStart(6, "0")}.tar`;
        const both = parts.slice(Math.max(at - 1, 0), at + 1).map(({ path }) => path);
        const what = twice
            ? `two parts are named mirror_${number}.tar (${both.join(", ")})`
            : `the part ${wanted} is missing`;
        const fix = twice ? "give the parts of one run only" : "copy all parts of the run into one folder";
        throw new ArchiveError(what, {
            archive: label,
            code: twice ? "ARCHIVE_PARTS_MIXED" : "ARCHIVE_INCOMPLETE",
            fix,
        });
    });
}

function checkImageSet(label: string, index: OcMirrorIndex): void {
    const sets = index.imageSets();
    if (sets.length === 1) return;
    if (sets.length === 0) {
        const what = "no part holds the image set configuration (isc_…) that every run adds";
        const fix = "copy all parts of the run: one is missing, or its end is";
        throw new ArchiveError(what, { archive: label, code: "ARCHIVE_INCOMPLETE", fix });
    }
    // Parts are read side by side: in the order of their reading, two runs would report differently.
    const sorted = [...sets].sort((a, b) => (a.name < b.name ? -1 : 1));
    const found = sorted
        .map(({ name, archive, offset }) => `${name} (archive ${archive}, offset ${offset})`)
        .join(", ");
    throw new ArchiveError(`parts of different runs are mixed: ${found}`, {
        archive: label,
        code: "ARCHIVE_PARTS_MIXED",
        fix: "keep the parts of each run in a folder of its own, and import the runs in their order",
    });
}
