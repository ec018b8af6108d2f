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
