import { printDiagnostic, withoutSecrets } from "./output";

/** On a terminal a line replaces the one before; elsewhere every line stays, so there are few. */
const REPLACE_EVERY_MS = 200;
const LINE_EVERY_MS = 10_000;

/** The progress of a command, on stderr. */
export interface StatusLine {
    show(text: string): void;
    /** Ends the line, so that the last text stays. */
    end(): void;
}

/** @param now milliseconds */
export function statusLine(stream: NodeJS.WriteStream = process.stderr, now: () => number = Date.now): StatusLine {
    let last = stream.isTTY ? 0 : now();
    let isOpen = false;
    return {
        show: (text) => {
            const every = stream.isTTY ? REPLACE_EVERY_MS : LINE_EVERY_MS;
            if (now() - last < every) return;
            last = now();
            if (!stream.isTTY) {
                printDiagnostic(text);
                return;
            }
            isOpen = true;
            stream.write(`\r\u001b[K${withoutSecrets(text).slice(0, Math.max(20, stream.columns - 1))}`);
        },
        end: () => {
            if (isOpen) stream.write("\n");
            isOpen = false;
        },
    };
}
