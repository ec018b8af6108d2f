/** The pieces of a split file, as far as names show: whether they really are pieces, only their bytes do. */
export interface NamedPieces {
    /** The name of the whole. */
    readonly whole: string;
    /** From the first piece on, without a gap; at least one. */
    readonly names: readonly string[];
    /** The piece that would come next. */
    readonly next: string;
    /** Names of the same kind that come behind a gap: then `next` is missing. */
    readonly behindGap: readonly string[];
}

/** `…tar.aa`, `…part001`, `haul_0.tar.zst`: what stands before the number, the number or letters, and the ending. */
interface PieceName {
    readonly before: string;
    readonly suffix: string;
    readonly after: string;
}

const ENDING = /\.(?:tar|tgz|tzst)(?:\.(?:gz|zst))?$/;
const PART = /[._-]?(?:part|chunk|piece)?[._-]?$/i;
const MOST_LETTERS = 5;

/**
 * The pieces that a file may be one of, by its name and those beside it: the suffixes of `split` (`aa`, or `00` with -d,
 * longer with -a, and as it lengthens them itself), Hauler's `.001` and its older `<base>_<n>.<ext>`, Zarf's `.part000`,
 * `.part1` of others. A name is taken apart in the way in which the first piece is there.
 * @param there the names in its folder, its own among them
 * @returns undefined if no first piece is there
 */
export function piecesBeside(name: string, there: ReadonlySet<string>): NamedPieces | undefined {
    for (const reading of nameReadings(name)) {
        const toName = (suffix: string) => `${reading.before}${suffix}${reading.after}`;
        const first = firstSuffixes(reading.suffix).find((suffix) => there.has(toName(suffix)));
        if (first === undefined) continue;
        const suffixes = [first];
        for (let last: string | undefined = first; last !== undefined;) {
            last = nextSuffixes(last).find((suffix) => there.has(toName(suffix)));
            if (last !== undefined) suffixes.push(last);
        }
        const names = suffixes.map(toName);
        const next = toName(nextSuffixes(suffixes.at(-1) ?? "")[0] ?? "");
        const behindGap = names.includes(name) ? gapsBehind(reading, names, there) : [name];
        return { whole: wholeName(reading), names, next, behindGap };
    }
    return undefined;
}

/**
 * A name that speaks for itself, without others beside it: `.001`, `.part1`, `.aa`. For what is to be said of a file that
 * cannot be read, and of one whose first piece is not here.
 * @returns the first piece it would have, and the one behind it
 */
export function lonePiece(name: string): { readonly first: string; readonly next: string } | undefined {
    const match = /^(.*(?:[._-]|part|chunk|^x))(\d{1,5}|a+[a-z])$/i.exec(name);
    const [, before = "", suffix = ""] = match ?? [];
    if (match === null || KNOWN_ENDINGS.has(suffix)) return undefined;
    const [zero = "", one] = firstSuffixes(suffix);
    return { first: before + (one ?? zero), next: before + (nextSuffixes(suffix)[0] ?? "") };
}

/** Behind the ending of an archive, a number or the letters of `split`; Hauler's `.001`, `.part1`; `split`'s own `xab`. */
const ORPHAN =
    /\.(?:tar|tgz|tzst|gz|zst)[._-]?(?:part|chunk|piece)?[._-]?(?:\d{1,6}|a+[a-z])$|\.\d{3}$|(?:part|chunk|piece)[._-]?(?:\d+|a+[a-z])$|^xa+[a-z]$/i;

/** True for a name that a file most likely has because it is a piece of another one. */
export function isOrphanName(name: string): boolean {
    return ORPHAN.test(name) && lonePiece(name) !== undefined;
}

const KNOWN_ENDINGS = new Set(["ar"]);

function nameReadings(name: string): PieceName[] {
    const ending = ENDING.exec(name)?.[0] ?? "";
    return (ending === "" ? [""] : ["", ending]).flatMap((after) => {
        const rest = name.slice(0, name.length - after.length);
        const digits = /\d{1,6}$/.exec(rest)?.[0];
        if (digits !== undefined) return [{ before: rest.slice(0, -digits.length), suffix: digits, after }];
        const letters = /[a-z]+$/.exec(rest)?.[0].slice(-MOST_LETTERS) ?? "";
        return Array.from({ length: letters.length }, (_, i) => letters.slice(i))
            .map((suffix) => ({ before: rest.slice(0, -suffix.length), suffix, after }))
            .filter(({ before, suffix }) => suffix.length > 1 || /\.$/.test(before));
    });
}

/** The suffixes of a first piece, in this length or, of plain numbers, in any. */
function firstSuffixes(suffix: string): string[] {
    const { length } = suffix;
    // `split` has lengthened what begins with 9 or z.
    const shorter = /^[9z]/.test(suffix) && length > 2 ? [length - 2] : [];
    if (!/\d/.test(suffix)) return [length, ...shorter].map((count) => "a".repeat(count));
    const padded = ["0".repeat(length), "1".padStart(length, "0")];
    return [...new Set([...padded, "0", "1", ...shorter.map((count) => "0".repeat(count))])];
}

/** The suffix behind one; `split` goes on with longer ones before it runs out: 89, 9000 and yz, zaaa. */
function nextSuffixes(suffix: string): string[] {
    if (/^\d+$/.test(suffix)) {
        const next = String(Number(suffix) + 1).padStart(suffix.length, "0");
        return [next, `${next}00`];
    }
    if (/^z*$/.test(suffix)) return [];
    const [, head = "", last = "", zs = ""] = /^(.*?)([a-y])(z*)$/.exec(suffix) ?? [];
    const next = head + String.fromCharCode(last.charCodeAt(0) + 1) + "a".repeat(zs.length);
    return [next, `${next}aa`];
}

function gapsBehind(
    { before, suffix, after }: PieceName,
    found: readonly string[],
    there: ReadonlySet<string>,
): string[] {
    const kind = /\d/.test(suffix) ? /^\d+$/ : /^[a-z]+$/;
    return [...there].filter((name) => {
        if (!name.startsWith(before) || !name.endsWith(after) || found.includes(name)) return false;
        const own = name.slice(before.length, name.length - after.length);
        return own.length === suffix.length && kind.test(own);
    });
}

function wholeName({ before, suffix, after }: PieceName): string {
    const stem = before.replace(PART, "");
    return (stem === "" ? before + suffix : stem) + after;
}
