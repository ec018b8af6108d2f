/** Enough to tell a status: `HTTP/1.1 100`. */
const STATUS_BYTES = 12;
/** 101 is no interim response: what follows is not HTTP. */
const INTERIM = /^HTTP\/1\.[01] 1(?!01)\d\d/;
const HEAD_END = "\r\n\r\n";

/** Removes interim responses from the bytes of one connection without pipelining. */
export class InterimResponseFilter {
    private state: "status line" | "interim head" | "response" = "response";
    /** Too few bytes of a status line, or of the end of a head, to decide. */
    private pending = Buffer.alloc(0);

    /** The next byte begins the response to a new request, or an interim one. */
    expectResponse(): void {
        this.state = "status line";
    }

    /** The bytes without interim responses; empty if they belong to one, or until more of a status line is known. */
    filter(chunk: Buffer): Buffer {
        let rest = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
        this.pending = Buffer.alloc(0);
        while (this.state !== "response" && rest.length > 0) {
            rest = this.state === "status line" ? this.readStatus(rest) : this.skipHead(rest);
        }
        return rest;
    }

    private readStatus(bytes: Buffer): Buffer {
        const start = bytes.toString("latin1", 0, STATUS_BYTES);
        if (start.length < STATUS_BYTES && "HTTP/1.".startsWith(start.slice(0, 7))) return this.waitForMore(bytes);
        this.state = INTERIM.test(start) ? "interim head" : "response";
        return bytes;
    }

    private skipHead(bytes: Buffer): Buffer {
        const end = bytes.indexOf(HEAD_END);
        if (end < 0) return this.waitForMore(bytes.subarray(-(HEAD_END.length - 1)));
        this.state = "status line";
        return bytes.subarray(end + HEAD_END.length);
    }

    private waitForMore(bytes: Buffer): Buffer {
        this.pending = Buffer.from(bytes);
        return Buffer.alloc(0);
    }
}
