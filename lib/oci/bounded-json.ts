/** Levels of arrays and objects; manifests, configs and indexes have fewer than ten. */
const MAX_DEPTH = 64;

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [ARRAY, ARRAY_END, OBJECT, OBJECT_END] = [0x5b, 0x5d, 0x7b, 0x7d];

/** The JSON is nested more deeply than anything that an image consists of. */
export class NestingError extends SyntaxError {
    constructor() {
        super(`more than ${MAX_DEPTH} levels of arrays and objects`);
    }
}

/**
 * Untrusted JSON. Nesting is counted before the text is parsed: four million `[` are four megabytes here,
 * and more than 600 MB as values.
 * @throws NestingError, SyntaxError
 */
export function parseBoundedJson(bytes: Buffer): unknown {
    if (isNestedTooDeeply(bytes)) throw new NestingError();
    return JSON.parse(bytes.toString("utf8"));
}

function isNestedTooDeeply(bytes: Buffer): boolean {
    let depth = 0;
    let isText = false;
    for (let at = 0; at < bytes.length; at++) {
        const byte = bytes[at];
        if (isText) {
            if (byte === BACKSLASH) at++;
            else if (byte === QUOTE) isText = false;
        } else if (byte === QUOTE) isText = true;
        else if (byte === ARRAY || byte === OBJECT) {
            if (++depth > MAX_DEPTH) return true;
        } else if (byte === ARRAY_END || byte === OBJECT_END) depth--;
    }
    return false;
}
