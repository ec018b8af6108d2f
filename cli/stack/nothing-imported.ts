/** Given to --against in place of a file: nothing was imported before. */
export const NOTHING_IMPORTED = "none";
