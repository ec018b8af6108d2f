import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync, readdirSync, rmdirSync, unlinkSync, writeFileSync } from "node:fs";
import { uptime } from "node:os";
import { join } from "node:path";
import { debug } from "../../lib/debug/debug";

/** `<key, base64url>:<folder>`, which `tools/preview-findings.mjs` sets for one `pulumi up`. */
const VARIABLE = "REGISTRY_PASSTHROUGH_PREVIEW_FINDINGS";

/** Seconds after which what a preview has found is looked for again. */
const LASTS = 120;

/**
 * Seconds of clocks that all processes of this machine share: one that nobody can set, and one that goes on while a virtual
 * machine is paused. Undefined: there are none.
 */
export type SharedClocks = () => readonly [sinceStart: number, ofDay: number] | undefined;

/** Elsewhere the time since the start of the machine is computed from the time of day. */
const ofMachine: SharedClocks = () => (process.platform === "linux" ? [uptime(), Date.now() / 1000] : undefined);

/** The name of a finding's file. */
const FINDING = /^[\w-]{43}$/;

/**
 * What refreshes of a preview have found to be just as state says, for the update that the same command runs after it. Only
 * that, never what was missing or could not be found out, and only until something may have been written. A finding is a
 * file of a private folder: its name is an HMAC of all that the refresh depended on, its content the time and an HMAC of both.
 */
export class PreviewFindings {
    /** Nothing is noted and nothing is found. */
    static readonly NONE = new PreviewFindings(undefined);

    private folder: string | undefined;
    private readonly key: string;
    /** When this process was started: whatever it has found, it has looked for later. */
    private readonly started: readonly number[] | undefined;

    /** @param place `<key>:<folder>` */
    constructor(
        place: string | undefined,
        private readonly now: SharedClocks = ofMachine,
    ) {
        this.started = now();
        const [, key, folder] = /^([\w-]{43}):(.+)$/s.exec(place ?? "") ?? [];
        this.key = key ?? "";
        this.folder = folder;
    }

    /**
     * Those of the command that has started this process.
     * @param isOwn whether the program is this project's own: in another one there may be resources that change the registry,
     * and no provider here hears of it
     */
    static ofCommand(isOwn: boolean, place = process.env[VARIABLE]): PreviewFindings {
        return isOwn ? new PreviewFindings(place) : PreviewFindings.NONE;
    }

    /**
     * A refresh has just found everything as state says.
     * @param subject all that it depended on, as JSON can hold it; secrets too, which cannot be found out from what is stored
     */
    note(subject: unknown): void {
        // Rounded up, it would be of the future for a moment.
        const time = this.started?.map((seconds) => (Math.floor(seconds * 100) / 100).toFixed(2)).join("-");
        if (this.folder === undefined || time === undefined) return;
        const name = this.code(canonicalJson(subject));
        try {
            writeFileSync(join(this.folder, name), `${time} ${this.code(`${name} ${time}`)}`, { mode: 0o600 });
        } catch {
            // The update looks for itself.
        }
    }

    /** True if the preview has found the same and has looked for it at most two minutes ago. Whatever else there is: false. */
    has(subject: unknown): boolean {
        const now = this.now();
        if (this.folder === undefined || now === undefined) return false;
        const name = this.code(canonicalJson(subject));
        let text;
        try {
            text = readFileSync(join(this.folder, name), "utf8");
        } catch {
            return false;
        }
        const [time = "", code = ""] = text.split(" ");
        const then = time.split("-");
        const ages = now.map((seconds, at) => seconds - Number(then[at]));
        const isFound = isSame(code, this.code(`${name} ${time}`)) && ages.every((age) => age >= 0 && age <= LASTS);
        if (isFound) debug("provider", () => `found by the preview ${ages.join(" or ")} s ago: not looked for again`);
        return isFound;
    }

    /** Something may be written: from now on nothing counts, in no process of the command. */
    forget(): void {
        const { folder } = this;
        this.folder = undefined;
        if (folder === undefined) return;
        try {
            for (const name of readdirSync(folder)) if (FINDING.test(name)) unlinkSync(join(folder, name));
            // Without it no other process of the command notes any more.
            rmdirSync(folder);
        } catch {
            // This process, which runs all that the command writes to a registry, has none any more.
        }
    }

    private code(text: string): string {
        return createHmac("sha256", this.key).update(text).digest("base64url");
    }
}

/** The same text for the same values: the engine gives the properties of a resource in any order. */
function canonicalJson(value: unknown): string {
    return JSON.stringify(value, (_, one: unknown) =>
        typeof one === "object" && one !== null && !Array.isArray(one)
            ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
            : one,
    );
}

function isSame(left: string, right: string): boolean {
    const [a, b] = [Buffer.from(left), Buffer.from(right)];
    return a.length === b.length && timingSafeEqual(a, b);
}
