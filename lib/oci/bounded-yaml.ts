import { Lexer, YAMLParseError, parse, parseAllDocuments } from "yaml";
import { MAX_DEPTH, NestingError } from "../errors/nesting";

/** Parsed, YAML takes about a hundred times the memory of its text. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Uses of one anchor, each counted with the aliases in it. */
const MAX_ALIASES = 100;
const OPTIONS = { logLevel: "error", maxAliasCount: MAX_ALIASES } as const;

/** Fewer brackets than this, and no run of indicators on a line: nothing can be nested too deeply. */
const BRACKETS = /[[{]/g;
const INDICATOR_RUN = /(?:[-?:][ \t]+){32}/;

/** The YAML has more bytes than a text of its kind may have. */
class YamlSizeError extends SyntaxError {
    constructor(
        bytes: number,
        readonly limit: number,
    ) {
        super(`${bytes} bytes of YAML are more than ${limit}`);
    }
}

/**
 * Untrusted YAML of one document. Size and nesting are limited before the text is parsed, aliases while it is resolved:
 * four million `[` take 4 GB, and ten lists of ten aliases each stand for 10^10 values.
 * @throws YamlSizeError, NestingError, YAMLParseError; ReferenceError for too many aliases
 */
export function parseBoundedYaml(text: string, maxBytes = MAX_BYTES): unknown {
    requireBounds(text, maxBytes);
    return parse(text, OPTIONS);
}

/** As `parseBoundedYaml`, of any number of documents. */
export function parseBoundedYamlDocuments(text: string, maxBytes = MAX_BYTES): unknown[] {
    requireBounds(text, maxBytes);
    return parseAllDocuments(text, OPTIONS).map((document) => {
        const [error] = document.errors;
        if (error !== undefined) throw error;
        return document.toJS(OPTIONS) as unknown;
    });
}

/** Why a text was not parsed, without any part of it: it may have secrets. */
export function yamlProblem(error: unknown): string {
    if (error instanceof YamlSizeError) return `it is larger than ${error.limit} bytes`;
    if (error instanceof NestingError) return "it is nested too deeply";
    if (!(error instanceof YAMLParseError)) return "it has an alias without an anchor, or too many of them";
    const line = error.linePos?.[0].line;
    return `it is not YAML: ${error.code}${line === undefined ? "" : ` in line ${line}`}`;
}

function requireBounds(text: string, maxBytes: number): void {
    const bytes = Buffer.byteLength(text);
    if (bytes > maxBytes) throw new YamlSizeError(bytes, maxBytes);
    if (isYamlNestedTooDeeply(text)) throw new NestingError();
}

/** True for YAML with so many levels that parsing it would cost far more memory than it has bytes. */
function isYamlNestedTooDeeply(text: string): boolean {
    return mayBeNested(text) && isNestedTooDeeply(text);
}

/** Saves the lexer, which takes a quarter of the time of parsing. */
function mayBeNested(text: string): boolean {
    return (text.match(BRACKETS)?.length ?? 0) > MAX_DEPTH || INDICATOR_RUN.test(text);
}

/** Brackets, and `- - -` on one line. Nesting by indentation needs its square in bytes, which the size limits. */
function isNestedTooDeeply(text: string): boolean {
    let brackets = 0;
    let indicators = 0;
    for (const token of new Lexer().lex(text)) {
        if (token === "[" || token === "{") brackets++;
        else if (token === "]" || token === "}") brackets = Math.max(0, brackets - 1);
        else if (token === "\n" || token === "\r\n") indicators = 0;
        else if (brackets === 0 && (token === "-" || token === "?" || token === ":")) indicators++;
        if (brackets > MAX_DEPTH || indicators > MAX_DEPTH) return true;
    }
    return false;
}
