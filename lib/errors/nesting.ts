/** Levels of arrays and objects that untrusted text may have: no manifest, index, release or response has twenty. */
export const MAX_DEPTH = 64;

/** A text is nested so deeply that reading it would cost far more memory than it has bytes. */
export class NestingError extends SyntaxError {
    constructor() {
        super(`more than ${MAX_DEPTH} levels of arrays and objects`);
    }
}

/** True for JSON with more than `MAX_DEPTH` levels. The text is scanned only: brackets in strings do not count. */
export function isNestedTooDeeply(text: string): boolean {
    let depth = 0;
    let isString = false;
    for (let at = 0; at < text.length; at++) {
        const character = text[at];
        if (isString) {
            if (character === "\\") at++;
            else if (character === '"') isString = false;
        } else if (character === '"') isString = true;
        else if (character === "[" || character === "{") {
            if (++depth > MAX_DEPTH) return true;
        } else if (character === "]" || character === "}") depth--;
    }
    return false;
}
