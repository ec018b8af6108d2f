import { printable } from "../../errors/text";

/** More files or entries beside archives than anybody puts there: each of them is opened to see what it is. */
export const MOST_BESIDE = 100_000;

/** A note names this many, and counts the others. */
const NAMED = 20;

/** Names for a note: the first twenty, then a count. Keeps no more of them than it names. */
export class LeftOutNames {
    readonly #names: string[] = [];
    #count = 0;

    get count(): number {
        return this.#count;
    }

    add(name: string): void {
        if (++this.#count <= NAMED) this.#names.push(printable(name));
    }

    text(): string {
        const more = this.#count - this.#names.length;
        return `${this.#names.join(", ")}${more > 0 ? `, and ${more} more` : ""}`;
    }
}

/**
 * The note about names that were left out.
 * @param one what one of them is, "file is no image archive"
 * @param many what several are, "files are no image archives"
 * @returns no sentence if there are none
 */
export function leftOutNotes(place: string, names: LeftOutNames, one: string, many: string): string[] {
    if (names.count === 0) return [];
    const what = names.count === 1 ? `1 ${one} and is` : `${names.count} ${many} and are`;
    return [`${place}: ${what} left out: ${names.text()}`];
}
