/** What a piece of a pattern matches. */
type Piece =
    /** This one character. */
    | { readonly kind: "character"; readonly value: string }
    /** `?`: one character of a path part. */
    | { readonly kind: "one" }
    /** `*`: any characters of a path part, also none. */
    | { readonly kind: "part" }
    /** `**`: any characters, also none. */
    | { readonly kind: "all" }
    /** `**` and a slash where a path part begins: any whole path parts with their slashes, also none. */
    | { readonly kind: "folders" };

/**
 * A pattern over names whose parts are separated by slashes: paths of files, image names. `*` and `?` stay within a path
 * part, `**` crosses slashes; every other character stands for itself, brackets, braces and `!` too.
 *
 * No library: picomatch, as minimatch, makes a regular expression of a pattern, and V8 backtracks. `*a*a*a*a*a*a*b` over
 * a name of 100 characters took picomatch 4.0.7 12 s, over 150 characters 341 s. Its `**` also crosses slashes only where
 * it is a whole path part, and it has more characters with a meaning, which occur in names of files.
 */
export class NamePattern {
    private readonly pieces: readonly Piece[];

    constructor(text: string) {
        this.pieces = parsePieces(text);
    }

    /** @param name read once, each character at the cost of the pattern's length at most */
    matches(name: Iterable<string>): boolean {
        return this.reached(name).includes(this.pieces.length);
    }

    /** False if no path below this folder can match. */
    mayMatchBelow(folder: string): boolean {
        return this.reached(`${folder}/`).length > 0;
    }

    /** The positions in the pattern that the whole name leads to: all ways at once, so nothing is tried twice. */
    private reached(name: Iterable<string>): readonly number[] {
        let positions = new Positions(this.pieces);
        positions.add(0);
        for (const character of name) {
            const next = new Positions(this.pieces);
            for (const position of positions.list) this.follow(position, character, next);
            positions = next;
            if (positions.list.length === 0) break;
        }
        return positions.list;
    }

    private follow(position: number, character: string, next: Positions): void {
        const piece = this.pieces[position];
        switch (piece?.kind) {
            case undefined:
                return;
            case "character":
                if (piece.value === character) next.add(position + 1);
                return;
            case "one":
                if (character !== "/") next.add(position + 1);
                return;
            case "part":
                if (character !== "/") next.add(position);
                return;
            case "all":
                next.add(position);
                return;
            case "folders":
                next.addWithin(position);
                if (character === "/") next.add(position + 1);
        }
    }
}

/** Positions in a pattern, each once. */
class Positions {
    readonly list: number[] = [];
    private readonly begun: boolean[] = [];
    private readonly within: boolean[] = [];

    constructor(private readonly pieces: readonly Piece[]) {}

    /** Adds the beginning of a piece, and what is behind it if it may match nothing. */
    add(position: number): void {
        for (let at = position; this.begun[at] !== true; at++) {
            this.begun[at] = true;
            this.addWithin(at);
            const kind = this.pieces[at]?.kind;
            if (kind !== "part" && kind !== "all" && kind !== "folders") return;
        }
    }

    /** Adds a piece that has begun to match. */
    addWithin(position: number): void {
        if (this.within[position] === true) return;
        this.within[position] = true;
        this.list.push(position);
    }
}

function parsePieces(text: string): Piece[] {
    const pieces: Piece[] = [];
    for (const [found] of text.matchAll(/\*\*+\/?|[^]/gu)) {
        const previous = pieces.at(-1);
        const isPartStart = previous === undefined || previous.kind === "folders" || isSlash(previous);
        if (found === "*") pieces.push({ kind: "part" });
        else if (found === "?") pieces.push({ kind: "one" });
        else if (!found.startsWith("**")) pieces.push({ kind: "character", value: found });
        else if (!found.endsWith("/")) pieces.push({ kind: "all" });
        else if (isPartStart) pieces.push({ kind: "folders" });
        else pieces.push({ kind: "all" }, { kind: "character", value: "/" });
    }
    return pieces;
}

function isSlash(piece: Piece): boolean {
    return piece.kind === "character" && piece.value === "/";
}
