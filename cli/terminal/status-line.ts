import { oneLine } from "../../lib/errors/text";
import { printDiagnostic, withoutSecrets } from "./output";

/** On a terminal a line replaces the one before; elsewhere every line stays, so there are few. */
const REPLACE_EVERY_MS = 200;
const LINE_EVERY_MS = 10_000;
/** After this long without progress the line says so. */
const IDLE_MS = 10_000;
const TICK_MS = 1000;

/** The progress of a command, on stderr. */
export interface StatusLine {
    show(text: string): void;
    /** Ends the line, so that the last text stays. */
    end(): void;
}

class TimedStatusLine implements StatusLine {
    private last: number;
    private movedAt: number;
    private text = "";
    private shown = "";
    private isOpen = false;
    /** The event loop may be idle for minutes while a request has no response. */
    private readonly timer = setInterval(() => this.tick(), TICK_MS).unref();

    constructor(
        private readonly stream: NodeJS.WriteStream,
        private readonly now: () => number,
    ) {
        this.last = stream.isTTY ? 0 : now();
        this.movedAt = now();
    }

    show(text: string): void {
        if (text !== this.text) this.movedAt = this.now();
        this.text = text;
        this.print(text);
    }

    end(): void {
        clearInterval(this.timer);
        if (this.isOpen) this.stream.write("\n");
        this.isOpen = false;
    }

    private tick(): void {
        const idle = this.now() - this.movedAt;
        if (this.text === "") return;
        const note = idle < IDLE_MS ? "" : `; nothing moved for ${Math.floor(idle / 1000)} s`;
        if (`${this.text}${note}` !== this.shown) this.print(`${this.text}${note}`);
    }

    private print(text: string): void {
        const every = this.stream.isTTY ? REPLACE_EVERY_MS : LINE_EVERY_MS;
        if (this.now() - this.last < every) return;
        this.last = this.now();
        this.shown = text;
        if (!this.stream.isTTY) {
            printDiagnostic(text);
            return;
        }
        this.isOpen = true;
        this.stream.write(`\r\u001b[K${oneLine(withoutSecrets(text)).slice(0, Math.max(20, this.stream.columns - 1))}`);
    }
}

/** @param now milliseconds */
export function statusLine(stream: NodeJS.WriteStream = process.stderr, now: () => number = Date.now): StatusLine {
    return new TimedStatusLine(stream, now);
}
