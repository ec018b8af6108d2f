/** An element of an XML document. */
export class XmlElement {
    readonly children: XmlElement[] = [];
    text = "";

    constructor(
        readonly name: string,
        readonly attributes: Readonly<Record<string, string>>,
    ) {}

    /** Those of this name below it, in their order. */
    all(name: string): XmlElement[] {
        return this.children.flatMap((child) => [...(child.name === name ? [child] : []), ...child.all(name)]);
    }
}

const DECLARATION = /^<\?xml version="1\.0" encoding="UTF-8"\?>\n/;
/** XML 1.0, 2.2. */
const CHARACTERS = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;
const TOKEN = /<\/([A-Za-z-]+)>|<([A-Za-z-]+)((?: [A-Za-z-]+="[^"<]*")*)(\/?)>|([^<]+)/y;
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"' };

/**
 * Reads a document as strictly as XML 1.0 asks for it, without what JUnit does not have (comments, CDATA, namespaces).
 * @returns its root
 * @throws Error with the place of what is not well-formed
 */
export function readXml(document: string): XmlElement {
    if (!CHARACTERS.test(document)) throw new Error("it has characters that XML has not");
    const top = new XmlElement("", {});
    const open = [top];
    TOKEN.lastIndex = DECLARATION.exec(document)?.[0].length ?? 0;
    while (TOKEN.lastIndex < document.length) {
        const at = TOKEN.lastIndex;
        const [whole, closed, opened, attributes, isEmpty, text] = TOKEN.exec(document) ?? [];
        const parent = open.at(-1);
        if (whole === undefined || parent === undefined)
            throw new Error(`not well-formed at ${document.slice(at, at + 80)}`);
        if (closed !== undefined) {
            if (open.pop()?.name !== closed)
                throw new Error(`${closed} was not open at ${document.slice(at, at + 80)}`);
        } else if (opened !== undefined) {
            const element = new XmlElement(opened, readAttributes(attributes ?? ""));
            parent.children.push(element);
            if (isEmpty === "") open.push(element);
        } else parent.text += unescaped(text ?? "");
    }
    const [root, ...others] = top.children;
    if (root === undefined || others.length > 0 || open.length !== 1 || top.text.trim() !== "")
        throw new Error("it is not one element that is closed");
    return root;
}

function readAttributes(text: string): Record<string, string> {
    const entries = [...text.matchAll(/ ([A-Za-z-]+)="([^"]*)"/g)].map(
        ([, name = "", value = ""]) => [name, unescaped(value)] as const,
    );
    if (new Set(entries.map(([name]) => name)).size !== entries.length) throw new Error(`an attribute twice in${text}`);
    return Object.fromEntries(entries);
}

function unescaped(text: string): string {
    if (text.includes("]]>")) throw new Error("]]> in a text");
    return text.replace(/&([a-z]*);?/g, (whole, name: string) => {
        const character = ENTITIES[name];
        if (character === undefined || !whole.endsWith(";")) throw new Error(`${whole} is no entity`);
        return character;
    });
}
