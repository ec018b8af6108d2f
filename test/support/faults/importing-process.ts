import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { ImportResult } from "../../../lib/import";
import { PROJECT } from "../stack";
import { ACCOUNT, type FaultSite, QUICK } from "./fault-site";

/** What an importing process said at its end. */
export interface ProcessOutcome {
    readonly signal: NodeJS.Signals | null;
    readonly result?: ImportResult;
    readonly error?: string;
    /** Its largest memory, resident. */
    readonly peakKiB?: number;
    /** Everything it wrote. */
    readonly said: string;
}

/** An importer in a process of its own. */
export class ImportingProcess {
    readonly done: Promise<ProcessOutcome>;
    private readonly child: ChildProcess;

    constructor(site: FaultSite, archive: { readonly path: string; readonly lock: string }) {
        this.child = spawn(process.execPath, [join(PROJECT, "test/support/faults/import-job.mjs")], {
            stdio: ["pipe", "pipe", "pipe"],
        });
        const said: Buffer[] = [];
        const out: Buffer[] = [];
        this.child.stdout?.on("data", (chunk: Buffer) => void out.push(chunk));
        this.child.stderr?.on("data", (chunk: Buffer) => void said.push(chunk));
        this.done = once(this.child, "close").then(([, signal]) => {
            const text = Buffer.concat(out).toString("utf8");
            const spoken = `${Buffer.concat(said).toString("utf8")}${text}`;
            const outcome = text === "" ? {} : (JSON.parse(text) as Partial<ProcessOutcome>);
            return { ...outcome, signal: signal as NodeJS.Signals | null, said: spoken };
        });
        const endpoint = { host: site.proxy.host, ca: site.authority.ca };
        const client = { endpoint, credentials: ACCOUNT, retry: QUICK };
        const place = { mirrorBase: `${site.proxy.host}/mirror`, journals: site.journals };
        const job = { client, ...place, archive: archive.path, lock: archive.lock };
        // One that is killed while it starts no longer reads.
        this.child.stdin?.on("error", () => undefined);
        this.child.stdin?.end(JSON.stringify(job));
    }

    kill(signal: NodeJS.Signals): void {
        this.child.kill(signal);
    }
}
