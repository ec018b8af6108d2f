import { describeArchive, openArchive } from "../../lib/archives";
import { printable } from "../../lib/errors/text";
import { type Lock, type LockedImage, findExcludedImages, findLockedImages, readLock } from "../../lib/lock";
import { nameSourceText } from "../../lib/mirror/name-source";
import { EXIT_FAILED, EXIT_OK } from "../exit-codes";
import type { StackContent } from "../stack/stack-file";
import { print, printDiagnostic } from "../terminal/output";

/** What is explained: an image of the sets that a stack has locked, or of archives that are read now. */
export interface ExplainRequest {
    /** A reference, a repository or a digest. */
    readonly image: string;
    readonly sets: readonly StackContent[];
    /** The sets are archives without lock files. */
    readonly areArchives: boolean;
    readonly json: boolean;
}

/** Prints where the name of an image comes from, for every set that has it. */
export async function explainImage({ image, sets, areArchives, json }: ExplainRequest): Promise<number> {
    let count = 0;
    for (const set of sets) {
        const lock = areArchives ? await describeSet(set) : await readLock(set.lock);
        const place = areArchives ? "" : set.lock;
        const found = findLockedImages(lock, image);
        const excluded = findExcludedImages(lock, image);
        count += found.length + excluded.length;
        for (const one of found) {
            if (json) print(JSON.stringify({ ...(place === "" ? {} : { lock: place }), ...one }));
            else printImage(one, lock, place);
        }
        for (const one of excluded) {
            if (json) print(JSON.stringify({ ...(place === "" ? {} : { lock: place }), ...one, isExcluded: true }));
            else printExcluded(one, place);
        }
        if (found.length === 0 && lock.absent.includes(image))
            print(`${image} was requested, but is not in the archive${place === "" ? "" : ` of ${place}`}`);
    }
    if (count > 0) return EXIT_OK;
    printDiagnostic(`no set has an image ${image}: give its upstream name, its repository or its digest`);
    return EXIT_FAILED;
}

async function describeSet({ archive: paths, overrides, exclude }: StackContent): Promise<Lock> {
    const archive = await openArchive(paths);
    try {
        return (await describeArchive(archive, overrides, { exclude })).lock;
    } finally {
        await archive.close();
    }
}

const MARKS = {
    "tag-only": "known by its tag only: its upstream digest is lost",
    rebuilt: "rebuilt by the mirroring tool: upstream's tag has another digest",
};

function printImage({ image, digest, nameSource, mark, isEarlier }: LockedImage, lock: Lock, place: string): void {
    print(`${image} ${digest}`);
    if (place !== "") print(`  lock file: ${place}`);
    print(`  archive: ${lock.format}, ${lock.parts.map(({ name }) => printable(name)).join(", ")}`);
    const source = nameSource === undefined ? "not recorded: run lock again" : nameSourceText(nameSource);
    print(`  name from: ${source}`);
    if (mark !== undefined) print(`  ${MARKS[mark]}`);
    if (isEarlier) print("  from an earlier archive: this one does not contain it");
}

function printExcluded({ image, pattern }: { readonly image: string; readonly pattern: string }, place: string): void {
    print(`${image} is left out`);
    if (place !== "") print(`  lock file: ${place}`);
    print(`  exclude pattern: ${printable(pattern)}`);
}
