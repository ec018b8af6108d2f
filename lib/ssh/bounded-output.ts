import { StringDecoder } from "node:string_decoder";

/** The end of what a command prints is kept: at most this many bytes. */
const KEPT_BYTES = 1024 * 1024;
/** A line is given away at this length, even where it goes on. */
const LINE_CHARACTERS = 1024 * 1024;

/** What a command prints on one of its streams: its end, bounded in memory, and each line as it comes. */
export class BoundedOutput {
    private readonly chunks: Buffer[] = [];
    private bytes = 0;
    private line = "";
    private readonly decoder = new StringDecoder("utf8");
    /** True if the beginning is no longer there. */
    isCut = false;

    /** @param onLine called with each line that is complete, without its end */
    constructor(private readonly onLine?: (line: string) => void) {}

    add(chunk: Buffer): void {
        this.chunks.push(chunk);
        this.bytes += chunk.length;
        while (this.bytes - (this.chunks[0]?.length ?? 0) >= KEPT_BYTES) {
            this.bytes -= this.chunks.shift()?.length ?? 0;
            this.isCut = true;
        }
        if (this.onLine !== undefined) this.split(this.decoder.write(chunk), this.onLine);
    }

    /** Gives the last line away, which has no end. */
    end(): void {
        if (this.line !== "") this.onLine?.(this.line);
        this.line = "";
    }

    text(): string {
        return Buffer.concat(this.chunks).subarray(-KEPT_BYTES).toString("utf8");
    }

    private split(text: string, onLine: (line: string) => void): void {
        const lines = `${this.line}${text}`.split(/\r?\n/);
        this.line = lines.pop() ?? "";
        for (const line of lines) onLine(line);
        if (this.line.length < LINE_CHARACTERS) return;
        onLine(this.line);
        this.line = "";
    }
}
