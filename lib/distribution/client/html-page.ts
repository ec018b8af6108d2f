import { readable } from "./error-body";

/** Registries like Quay send JSON and plain text as text/html, so only the text shows which it is. */
const HTML = /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b/i;

/**
 * Recognizes a page of a proxy, a login portal or a web server.
 * @param text of a response: untrusted
 * @returns "an HTML page" with its title; undefined if it is none
 */
export function describeHtmlPage(text: string): string | undefined {
    if (!HTML.test(text)) return undefined;
    const title = readable(/<title[^<>]*>([^<]{1,200})<\/title>/i.exec(text)?.[1] ?? "");
    return title === "" ? "an HTML page" : `an HTML page, "${title}"`;
}
