import { StringDecoder } from "node:string_decoder";

/** Lines that begin a member at the top: what belongs to one is indented, or an item of its list. */
const MEMBER_START = /\n(?=[^\s#-][^\n]*:(?:\s|$))/;
const MEMBER = /^["']?([A-Za-z]+)["']?\s*:/;
/** Braces at the top: its members are not on lines of their own. */
const FLOW = /^[{[]/m;
const ALIAS = /(?:^|[\s,[{])\*/;

/** Cuts a text at the lines that begin a document (YAML 1.2, 9.1.4). */
export class YamlDocuments {
    /** Characters of the document that has begun. */
    held = 0;
    #pieces: string[] = [];
    /** The line that has not ended yet. */
    #line = "";
    readonly #decoder = new StringDecoder("utf8");

    /** The documents that end in this chunk. */
    *feed(chunk: Buffer): Generator<string> {
        const text = this.#line + this.#decoder.write(chunk);
        const end = Math.max(text.lastIndexOf("\n"), 0);
        this.#line = text.slice(end);
        const [first = "", ...more] = text.slice(0, end).split(/\n(?=---(?:\s|$))/);
        this.#pieces.push(first);
        for (const next of more) {
            yield this.#pieces.join("");
            this.#pieces = [next];
        }
        this.held = this.#pieces.reduce((sum, piece) => sum + piece.length, this.#line.length);
    }

    *rest(): Generator<string> {
        yield `${this.#pieces.join("")}${this.#line}${this.#decoder.end()}`;
    }
}

/**
 * A document in block style with the wanted members alone: parsed, a bundle takes many times the memory of its text. All
 * of it, if a wanted member refers to another one.
 */
export function onlyMembers(document: string, wanted: readonly string[]): string {
    if (FLOW.test(document)) return document;
    const members = document.split(MEMBER_START).filter((member) => {
        const name = MEMBER.exec(member)?.[1];
        return name === undefined || wanted.includes(name);
    });
    const text = members.join("\n");
    return ALIAS.test(text) ? document : text;
}
