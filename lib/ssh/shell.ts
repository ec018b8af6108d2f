/**
 * Words as one command of a POSIX shell, each taken literally (POSIX.1-2017, Shell Command Language, 2.2.2).
 * @throws TypeError for a word with a NUL byte, which no argument can have
 */
export function shellCommand(...words: readonly string[]): string {
    return words.map(shellWord).join(" ");
}

/** A word that a POSIX shell takes literally. */
export function shellWord(word: string): string {
    if (word.includes("\0")) throw new TypeError("an argument of a command cannot have a NUL byte");
    if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
    return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** What login shells read in different ways between single quotes: tcsh ends at a newline and expands `!`, fish reads `\\`. */
const UNSAFE = /[\n\\'!]/g;

/**
 * The words that have `sh` run a script, for a login shell that may be any: bash, zsh, tcsh or fish.
 * @throws TypeError for a script with a NUL byte
 */
export function scriptCommand(script: string): string[] {
    if (script.search(UNSAFE) < 0) return ["sh", "-c", script];
    // printf(1), %b: \0 with the number in octal.
    const plain = script.replaceAll(
        UNSAFE,
        (character) => `\\0${character.charCodeAt(0).toString(8).padStart(3, "0")}`,
    );
    return ["sh", "-c", 'eval "$(printf %b "$1")"', "sh", plain];
}
