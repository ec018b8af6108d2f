import { readFileSync, readdirSync } from "node:fs";
import type { Credentials } from "../../lib/http/credentials";
import { secretForms } from "../../lib/redaction/redaction";

/** An account whose password must stay where it belongs. */
export type Canary = Credentials;

const POLL_MS = 50;

/** Every command line of this machine while it watches (Linux: read from /proc), each once, arguments with spaces. */
export class CommandLines {
    readonly seen = new Set<string>();
    private readonly timer = setInterval(() => {
        this.look();
    }, POLL_MS);

    /** Nothing after this. */
    stop(): void {
        this.look();
        clearInterval(this.timer);
    }

    private look(): void {
        for (const pid of readdirSync("/proc")) {
            if (!/^\d+$/.test(pid)) continue;
            try {
                this.seen.add(readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "));
            } catch {
                // It has ended since.
            }
        }
    }
}

/** Where canaries are that must not be there: "robot$mirror+puller-1 in stdout"; empty if nowhere. */
export function leaks(canaries: Iterable<Canary>, places: Readonly<Record<string, string>>): string[] {
    return [...canaries].flatMap((canary) =>
        Object.entries(places)
            .filter(([, text]) => spellings(canary).some((spelling) => text.includes(spelling)))
            .map(([place]) => `${canary.username} in ${place}`),
    );
}

/** As it is, as headers and URLs have it, and as it is in a JSON text that is itself in a JSON text. */
function spellings(canary: Canary): string[] {
    const { password } = canary;
    const base64 = Buffer.from(password).toString("base64").replace(/=+$/, "");
    const inJson = (text: string) => JSON.stringify(text).slice(1, -1);
    return [...secretForms(canary), base64, inJson(password), inJson(inJson(password))];
}
