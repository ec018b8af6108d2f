import type { IncomingHttpHeaders } from "node:http";

/** What the proxy does to one request instead of passing it on and back unchanged. Lengths are of bodies, in bytes. */
export type Fault =
    /** Answers itself; the registry never hears of it. `unread`: at once, without taking the request's body. */
    | {
          readonly kind: "answer";
          readonly status: number;
          readonly headers?: Readonly<Record<string, string>>;
          readonly body?: string;
          readonly unread?: boolean;
      }
    /** Asks the registry for this path and query instead. */
    | { readonly kind: "ask"; readonly url: string }
    /** The registry's response with other headers; `undefined` takes one away. Names in lower case. */
    | {
          readonly kind: "rewrite-head";
          readonly headers: Readonly<Record<string, ((value: string) => string) | undefined>>;
      }
    /** The registry's response with one more header. */
    | { readonly kind: "add-header"; readonly name: string; readonly value: string }
    /** Passed on and back, after the interim responses 100, 102 and 103. */
    | { readonly kind: "interim-responses" }
    /** TCP reset, once so much of the request has been passed on. */
    | { readonly kind: "reset-request"; readonly after: number }
    /** TCP reset, once so much of the answer has been passed back; `"head"`: before any of it. */
    | { readonly kind: "reset-answer"; readonly after: number | "head" }
    /** The connection ends in good order, but the answer is shorter than it says. */
    | { readonly kind: "short-answer"; readonly after: number }
    /** Ends the connection in good order, when the head of a request has come and before any of its answer. */
    | { readonly kind: "close" }
    /** Answers as the registry does and ends the connection after it, having said so (`Connection: close`) or not. */
    | { readonly kind: "last-answer"; readonly announced: boolean }
    /** Nothing moves any more, in this direction, after so much. */
    | { readonly kind: "stall-request"; readonly after: number }
    | { readonly kind: "stall-answer"; readonly after: number }
    /** One byte every `interval` milliseconds. */
    | { readonly kind: "trickle-request"; readonly interval: number }
    | { readonly kind: "trickle-answer"; readonly interval: number }
    /** Takes everything, answers nothing. */
    | { readonly kind: "black-hole" }
    /** Keeps the registry's answer until then, and passes nothing of it back. */
    | { readonly kind: "kept-answer"; readonly until: () => Promise<unknown> };

/** A request as the proxy judges it. */
export interface Asked {
    readonly method: string;
    /** Path and query. */
    readonly url: string;
    readonly headers: IncomingHttpHeaders;
}

/** What passed. */
export interface Passed extends Asked {
    /** True if the registry was asked. */
    reached: boolean;
    /** Of the request's body, as far as it was passed on. */
    bytes: number;
    /** As the client got it. */
    status: number | undefined;
    fault: Fault["kind"] | undefined;
}

/** Is called for each chunk of a body before it is forwarded; "reset" cuts its connection instead, "stall" forwards no more on it. */
export type ByteWatch = (side: "request" | "answer", bytes: number) => "reset" | "stall" | undefined;

/** The answer of an error in the distribution API (distribution-spec, "Error Codes"). */
export function registryError(status: number, code: string, message: string): Fault & { kind: "answer" } {
    return {
        kind: "answer",
        status,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ errors: [{ code, message, detail: null }] }),
    };
}

/** What a web server in front of a registry says (nginx's own pages are of this shape). */
export function htmlError(status: number, title: string): Fault & { kind: "answer" } {
    const page = `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`;
    return { kind: "answer", status, headers: { "content-type": "text/html" }, body: page };
}

export const isBlobPut = ({ method, url }: Asked) => method === "PUT" && url.includes("/blobs/uploads/");
export const isUploadPost = ({ method, url }: Asked) => method === "POST" && url.includes("/blobs/uploads/");
export const isManifestPut = ({ method, url }: Asked) => method === "PUT" && url.includes("/manifests/");
export const isMountPost = (asked: Asked) => isUploadPost(asked) && asked.url.includes("mount=");
export const isWrite = ({ method }: Asked) => method !== "GET" && method !== "HEAD";

/** The digest that a blob's PUT is for. */
export function digestAsked({ url }: Asked): string {
    return new URL(url, "http://localhost").searchParams.get("digest") ?? "";
}
