import { type Stats, closeSync, lstatSync, openSync, readdirSync, renameSync, rmSync, writeSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { z } from "zod";
import { debug } from "../../debug/debug";
import { errorMessage } from "../../errors/errors";
import { parseJson } from "../../errors/text";
import { homeFolder } from "../../files/home-folder";
import { makeFolder } from "../../files/make-folder";
import { readTextFile } from "../../files/text-file";
import { type Digest, computeDigest, digestHex, isDigest } from "../../oci/digest";
import { isOrphaned, ownedName, releasedName } from "./journal-owner";

/** An upload that an earlier run has left open. */
export interface LeftUpload {
    readonly repository: string;
    readonly digest: Digest;
    /** Where the registry said that it goes on. It may let whoever knows it write to it: it is never shown. */
    readonly location: URL;
    /** Bytes of the blob that the registry may have got; it has not got more. */
    readonly sent: number;
    /** Those that were sent for sure. */
    readonly sentAtLeast: number;
    /** The registry keeps nothing of it any more. */
    settled(): void;
}

/** An upload of this run. */
export interface JournalEntry {
    /** True if the next run finds it. */
    isKept(): boolean;
    /** It goes on at another place. */
    moved(location: URL): void;
    /** So many bytes of the blob were taken by the connection; the next ones are about to be. */
    reaches(sent: number): void;
    /** The registry has the blob, or keeps nothing of the upload any more. */
    ended(): void;
}

const VERSION = 1;
/** What is noted is ahead of what is sent by up to this, so that not every piece is noted. Bytes. */
const NOTED_AHEAD = 16 * 1024 * 1024;
/** More than is taken from the archive at once. Bytes. */
const MARGIN = 4 * 1024 * 1024;
/** A file that is written to is that of a run that goes on, also while nothing is to be noted. Milliseconds. */
const SIGN_OF_LIFE_MS = 60_000;
/** Registries have removed uploads of before that (distribution: `uploadpurging`, 168 hours). Milliseconds. */
const FORGOTTEN_MS = 8 * 24 * 3600_000;

const headerSchema = z.object({ uploads: z.literal(VERSION), registry: z.string(), set: z.string() });
const lineSchema = z.object({
    id: z.number().int(),
    repository: z.string().optional(),
    digest: z.string().refine(isDigest).optional(),
    location: z.string().refine(URL.canParse).optional(),
    sent: z.number().int().min(0).optional(),
    /** When a run began or resumed it, in milliseconds of `Date.now`. */
    since: z.number().int().optional(),
});
/** What is known of an upload; without a place it has ended. */
type Line = z.infer<typeof lineSchema>;

/** Where the journals of this user are (XDG Base Directory Specification: state); undefined if there is no such place. */
export function journalFolder({ XDG_STATE_HOME: state, HOME }: NodeJS.ProcessEnv = process.env): string | undefined {
    const root = absolute(state) ?? inHome(absolute(HOME) ?? absolute(homeFolder()));
    return root === undefined ? undefined : join(root, "registry-passthrough", "uploads");
}

function absolute(path: string | undefined): string | undefined {
    return path !== undefined && isAbsolute(path) ? path : undefined;
}

function inHome(home: string | undefined): string | undefined {
    return home === undefined ? undefined : join(home, ".local", "state");
}

/**
 * The open uploads of a run, in a file of its own that survives it: the next run continues or cancels them. A journal that
 * cannot be written or read costs what is sent again, and is no error.
 */
export class UploadJournal {
    private readonly lines = new Map<number, Line>();
    private readonly left = new Map<number, LeftUpload>();
    private file: number | undefined;
    private path: string | undefined;
    private signs: NodeJS.Timeout | undefined;
    private ids = 0;

    private constructor(
        /** undefined: nothing is kept. */
        private folder: string | undefined,
        private readonly registry: string,
        private readonly set: string,
    ) {}

    /**
     * Takes over what runs that have ended left open of this set at this registry. What runs that go on have open is left to
     * them, and what is of another set to the next run of that: this one does not know what it is needed for.
     * @param folder for journals alone, made if it does not exist; absent: nothing is kept
     * @param registry `host[:port]`
     * @param set the digest of its lock
     */
    static async open(folder: string | undefined, registry: string, set: string): Promise<UploadJournal> {
        const journal = new UploadJournal(folder, registry, set);
        await journal.attempt(async (place) => {
            await makeFolder(place, 0o700);
            requirePrivate(place);
            for (const name of readdirSync(place)) if (journal.folder !== undefined) journal.takeOver(place, name);
        });
        return journal;
    }

    /** Uploads of earlier runs that nobody has settled. */
    get leftOpen(): readonly LeftUpload[] {
        return [...this.left.values()];
    }

    /** The upload of a blob that an earlier run has left open. */
    leftOf(repository: string, digest: Digest): LeftUpload | undefined {
        return this.leftOpen.find((one) => one.repository === repository && one.digest === digest);
    }

    begun(repository: string, digest: Digest, location: URL, offset = 0): JournalEntry {
        const id = ++this.ids;
        const place = { repository, digest, location: location.href };
        const state = { id, ...place, sent: offset + NOTED_AHEAD, since: Date.now() };
        const note = (change: Partial<Line>) => {
            Object.assign(state, change);
            this.write({ ...state });
        };
        note({});
        return {
            isKept: () => this.file !== undefined,
            moved: ({ href }) => note({ location: href }),
            reaches: (sent) => {
                if (sent + MARGIN > state.sent) note({ sent: sent + NOTED_AHEAD });
            },
            ended: () => this.write({ id }),
        };
    }

    /** Ends the run: its file is left to the next one if the registry may still have one of its uploads. */
    close(): void {
        const { file, path, prefix } = this;
        if (file === undefined || path === undefined) return;
        void this.attempt((folder) => {
            this.file = undefined;
            clearInterval(this.signs);
            closeQuietly(file);
            if (this.lines.size === 0) rmSync(path, { force: true });
            else renameSync(path, join(folder, `${prefix}${releasedName()}`));
        });
        this.folder = undefined;
    }

    private get prefix(): string {
        const { registry, set } = this;
        return `v${VERSION}-${digestHex(computeDigest(`${registry}\n${set}`)).slice(0, 16)}-`;
    }

    private takeOver(folder: string, name: string): void {
        const file = join(folder, name);
        const { length } = this.prefix;
        if (!isOrphaned(name.slice(length), file)) return;
        if (isForgotten(file)) {
            rmSync(file, { force: true });
            return;
        }
        if (!name.startsWith(this.prefix)) return;
        const path = join(folder, `${this.prefix}${ownedName()}`);
        try {
            renameSync(file, path);
        } catch {
            debug("transfer", () => `journal ${name}: another run has taken it over`);
            return;
        }
        const text = readNow(path);
        if (text === undefined) {
            renameSync(path, join(folder, `${this.prefix}${releasedName()}`));
            return;
        }
        for (const line of this.readLines(text)) this.adopt(line);
        // They could not be noted again: the next run finds them here.
        if (this.folder === undefined) return;
        // All that counts is in the file of this run now.
        rmSync(path, { force: true });
    }

    private adopt({ repository, digest, location, sent = 0, since = 0 }: Line): void {
        if (repository === undefined || digest === undefined || location === undefined) return;
        // Its file is as young as the last run that took it over.
        if (Date.now() - since > FORGOTTEN_MS) return;
        // A run that was killed while it took over has left it in two files.
        if (this.leftOpen.some((one) => one.location.href === location)) return;
        const id = ++this.ids;
        this.write({ id, repository, digest, location, sent, since });
        const settled = () => {
            this.left.delete(id);
            this.write({ id });
        };
        const sentAtLeast = Math.max(0, sent - NOTED_AHEAD);
        this.left.set(id, { repository, digest, location: new URL(location), sent, sentAtLeast, settled });
    }

    /** @returns the last of each upload; nothing of a journal that is damaged, of another version or for another registry */
    private readLines(content: string): Line[] {
        try {
            const [first = "", ...rest] = content.split("\n");
            const { registry, set } = headerSchema.parse(parseJson(first));
            if (registry !== this.registry || set !== this.set) throw new Error(`it is for ${registry}, set ${set}`);
            const found = new Map<number, Line>();
            // A run that was killed may have left half of its last line.
            for (const text of rest.slice(0, -1).filter((line) => line !== "")) {
                const line = lineSchema.parse(parseJson(text));
                found.set(line.id, line);
            }
            return [...found.values()];
        } catch (error) {
            debug("transfer", () => `journal of open uploads ignored: ${errorMessage(error).split("\n")[0] ?? ""}`);
            return [];
        }
    }

    private write(line: Line): void {
        if (line.location === undefined) this.lines.delete(line.id);
        else this.lines.set(line.id, line);
        void this.attempt((folder) => {
            if (this.file === undefined) {
                this.path ??= join(folder, `${this.prefix}${ownedName()}`);
                this.file = openSync(this.path, "ax", 0o600);
                const { registry, set } = this;
                writeSync(this.file, `${JSON.stringify({ uploads: VERSION, registry, set })}\n`);
                this.signs = setInterval(() => void this.attempt(() => this.signOfLife()), SIGN_OF_LIFE_MS).unref();
            }
            writeSync(this.file, `${JSON.stringify(line)}\n`);
        });
    }

    /** Written, since a time that is set would be that of this machine, and not of the one with the file system. */
    private signOfLife(): void {
        if (this.file !== undefined) writeSync(this.file, "\n");
    }

    /** What fails once is not tried again. */
    private attempt(work: (folder: string) => void | Promise<void>): Promise<void> {
        const give = (error: unknown) => {
            debug("transfer", () => `no journal of open uploads: ${errorMessage(error)}`);
            this.folder = undefined;
            clearInterval(this.signs);
            if (this.file !== undefined) closeQuietly(this.file);
            this.file = undefined;
        };
        if (this.folder === undefined) return Promise.resolve();
        try {
            return Promise.resolve(work(this.folder)).catch(give);
        } catch (error) {
            give(error);
            return Promise.resolve();
        }
    }
}

/** A file system may say only now that it could not store what was written (close(2)). */
function closeQuietly(file: number): void {
    try {
        closeSync(file);
    } catch (error) {
        debug("transfer", () => `journal of open uploads: ${errorMessage(error)}`);
    }
}

/** @returns undefined if the file cannot be read now: that says nothing of what is in it */
function readNow(path: string): string | undefined {
    try {
        return readTextFile(path);
    } catch (error) {
        debug("transfer", () => `journal of open uploads left to the next run: ${errorMessage(error)}`);
        return undefined;
    }
}

/** True for a file that nobody has written to since registries have removed what it is about. */
function isForgotten(file: string): boolean {
    const changed = lstatSync(file, { throwIfNoEntry: false })?.mtimeMs;
    return changed !== undefined && Date.now() - changed > FORGOTTEN_MS;
}

/** What others may write to would tell this user's runs where to send bytes. */
function requirePrivate(folder: string): void {
    const { uid, mode }: Stats = lstatSync(folder);
    const isOwn = process.getuid === undefined || uid === process.getuid();
    if (!isOwn || (mode & 0o022) !== 0) throw new Error(`others may write to ${folder}`);
}
