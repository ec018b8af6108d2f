import { NestingError, isNestedTooDeeply } from "../errors/nesting";

/**
 * Untrusted JSON. Nesting is counted before the text is parsed: four million `[` are four megabytes here,
 * and more than 600 MB as values.
 * @throws NestingError, SyntaxError
 */
export function parseBoundedJson(text: string | Buffer): unknown {
    const json = typeof text === "string" ? text : text.toString("utf8");
    if (isNestedTooDeeply(json)) throw new NestingError();
    return JSON.parse(json);
}
