import type * as osModule from "node:os";
import type * as fsModule from "node:fs";
import { spawnSync } from "node:child_process";
import {
    chmodSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    readdirSync,
    renameSync,
    rmSync,
    statSync,
    utimesSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UploadJournal, journalFolder } from "../../../lib/import/transfer/upload-journal";
import { computeDigest } from "../../../lib/oci/digest";

const REGISTRY = "registry.example:8443";
const DIGEST = computeDigest("layer");
const PLACE = new URL("https://registry.example:8443/v2/org/app/blobs/uploads/1?_state=signed");
const SET = computeDigest("lock");
const MIB = 1024 * 1024;

let root: string;
let folder: string;

beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "journal "));
    folder = join(root, "state", "uploads");
});
afterEach(() => {
    jest.restoreAllMocks();
    rmSync(root, { recursive: true, force: true });
});

const fs = jest.requireActual<typeof fsModule>("node:fs");
const fullDisk = () => {
    throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
};

const open = (registry = REGISTRY, set: string = SET) => UploadJournal.open(folder, registry, set);
const files = () => readdirSync(folder).map((name) => join(folder, name));

/** Gives the only file to a process that has ended, as `kill -9` of this one would. */
function orphan(change: (name: string) => string = (name) => name): void {
    const ended = spawnSync("true").pid;
    for (const name of readdirSync(folder)) {
        const [version, registry, boot, namespace, , ...rest] = name.split("-");
        const owned = [version, registry, boot, namespace, String(ended), ...rest].join("-");
        renameSync(join(folder, name), join(folder, change(owned)));
    }
}

/** A run that was killed while the upload was open. */
async function killed(sent = 40 * MIB): Promise<void> {
    const entry = (await open()).begun("org/app", DIGEST, PLACE);
    for (let at = 0; at <= sent; at += MIB) entry.reaches(at);
    orphan();
}

test("an upload of a run that was killed is found, with what the registry may have got of it", async () => {
    await killed();
    const [left, ...others] = (await open()).leftOpen;
    expect(others).toEqual([]);
    expect(left).toMatchObject({ repository: "org/app", digest: DIGEST, location: PLACE });
    expect(left?.sent).toBeGreaterThan(40 * MIB);
    expect(left?.sentAtLeast).toBeLessThanOrEqual(40 * MIB);
    expect(left?.sentAtLeast).toBeGreaterThan(24 * MIB);
});

test("only this user can read it", async () => {
    (await open()).begun("org/app", DIGEST, PLACE);
    expect(files().map((file) => statSync(file).mode & 0o777)).toEqual([0o600]);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
});

test("an upload that has moved goes on where it was last", async () => {
    const elsewhere = new URL("https://registry.example:8443/v2/org/app/blobs/uploads/2");
    (await open()).begun("org/app", DIGEST, PLACE).moved(elsewhere);
    orphan();
    expect((await open()).leftOf("org/app", DIGEST)?.location).toEqual(elsewhere);
});

test("what has ended is not found, and nothing stays of a run that ended with nothing open", async () => {
    const journal = await open();
    journal.begun("org/app", DIGEST, PLACE).ended();
    journal.close();
    expect(files()).toEqual([]);
});

test("a run that goes on keeps its uploads, whoever asks", async () => {
    const running = await open();
    running.begun("org/app", DIGEST, PLACE);
    expect((await open()).leftOpen).toEqual([]);
    expect(files()).toHaveLength(1);
});

test("what one run has taken over is not found by another one, until it is killed too", async () => {
    await killed();
    const first = await open();
    expect(first.leftOpen).toHaveLength(1);
    expect((await open()).leftOpen).toEqual([]);
    orphan();
    expect((await open()).leftOpen).toHaveLength(1);
});

test("what a run leaves open when it ends is found by the next one, also in the same process", async () => {
    const journal = await open();
    journal.begun("org/app", DIGEST, PLACE);
    journal.close();
    expect((await open()).leftOpen).toHaveLength(1);
});

test("what was settled is not found again", async () => {
    await killed();
    const journal = await open();
    journal.leftOf("org/app", DIGEST)?.settled();
    expect(journal.leftOpen).toEqual([]);
    journal.close();
    expect(files()).toEqual([]);
});

test("an upload that stands in two files, since a run was killed while it took over, is one", async () => {
    await killed();
    const [file = ""] = files();
    writeFileSync(file.replace(/.{8}$/, "00000000"), readFileSync(file));
    expect((await open()).leftOpen).toHaveLength(1);
});

const elsewhere = (name: string) => name.replace(/^(v\d+-[0-9a-f]+)-[0-9a-f]+-/, "$1-abcdef-");
const age = (seconds: number) => {
    for (const file of files()) utimesSync(file, new Date(), Date.now() / 1000 - seconds);
};

test("the run of another container or machine counts as ended after half an hour of silence", async () => {
    await killed();
    orphan(elsewhere);
    age(29 * 60);
    expect((await open()).leftOpen).toEqual([]);
    expect(files()).toHaveLength(1);
    age(31 * 60);
    expect((await open()).leftOpen).toHaveLength(1);
});

test("a clock that is ahead of the file system's makes nobody silent", async () => {
    await killed();
    orphan(elsewhere);
    const now = Date.now() + 2 * 3600_000;
    jest.spyOn(Date, "now").mockReturnValue(now);
    expect((await open()).leftOpen).toEqual([]);
});

test("a run that has nothing to note gives a sign of life each minute", async () => {
    const journal = await open();
    jest.useFakeTimers();
    try {
        journal.begun("org/app", DIGEST, PLACE);
        const size = () => files().reduce((sum, file) => sum + statSync(file).size, 0);
        const before = size();
        jest.advanceTimersByTime(60_000);
        expect(size()).toBeGreaterThan(before);
        journal.close();
        expect(jest.getTimerCount()).toBe(0);
    } finally {
        jest.useRealTimers();
    }
    // It is nothing to read.
    expect((await open()).leftOpen).toHaveLength(1);
});

test("a process that cannot be looked at, for want of open files, has not ended", async () => {
    await killed();
    const read = fs.readFileSync;
    const refused = Object.assign(new Error("too many open files"), { code: "EMFILE" });
    const spy = jest.spyOn(fs, "readFileSync").mockImplementation(((...args: Parameters<typeof read>) => {
        if (/^\/proc\/\d+\/stat$/.test(String(args[0])) && args[0] !== `/proc/${process.pid}/stat`) throw refused;
        return read(...args);
    }) as typeof read);
    expect((await open()).leftOpen).toEqual([]);
    spy.mockRestore();
    expect((await open()).leftOpen).toHaveLength(1);
});

test("half of a last line is nothing", async () => {
    await killed();
    const [file = ""] = files();
    writeFileSync(file, `${readFileSync(file, "utf8")}{"id":2,"repository":"org/b`);
    expect((await open()).leftOpen).toHaveLength(1);
});

test.each([
    ["is empty", () => ""],
    ["is no JSON", () => "\0\0\0\n\0\n"],
    ["has a line in its midst that is damaged", (text: string) => text.replace("\n", '\n{"id":"x"}\n')],
    ["is of another version", (text: string) => text.replace('"uploads":1', '"uploads":2')],
    ["is for another registry", (text: string) => text.replace(REGISTRY, "other.example")],
    ["is of another set", (text: string) => text.replace(SET, computeDigest("another lock"))],
    ["has a place that is no URL", (text: string) => text.replaceAll("https://", "//")],
])("a journal that %s is ignored", async (_what, damage) => {
    await killed();
    const [file = ""] = files();
    writeFileSync(file, damage(readFileSync(file, "utf8")));
    expect((await open()).leftOpen).toEqual([]);
});

test.each([
    ["registry", "other.example", SET],
    ["set", REGISTRY, computeDigest("another lock")],
])("another %s's uploads are left alone, also while its run goes on", async (_what, registry, set) => {
    await killed();
    expect((await open(registry, set)).leftOpen).toEqual([]);
    expect((await open()).leftOpen).toHaveLength(1);
});

test.each([SET, computeDigest("another lock")])(
    "uploads that registries have removed are forgotten: %s",
    async (set) => {
        await killed();
        for (const file of files()) utimesSync(file, new Date(), Date.now() / 1000 - 9 * 24 * 3600);
        expect((await open(REGISTRY, set)).leftOpen).toEqual([]);
        expect(files()).toEqual([]);
    },
);

test("what is taken over again and again is forgotten all the same", async () => {
    await killed();
    const day = 24 * 3600_000;
    const start = Date.now();
    const clock = jest.spyOn(Date, "now");
    for (const [days, found] of [
        [5, 1],
        [7, 1],
        [9, 0],
    ] as const) {
        clock.mockReturnValue(start + days * day);
        for (const file of files()) utimesSync(file, new Date(), (start + days * day) / 1000);
        const journal = await open();
        expect(journal.leftOpen).toHaveLength(found);
        journal.close();
    }
    expect(files()).toEqual([]);
});

test("a journal that cannot be read for a moment is left to the next run", async () => {
    await killed();
    const read = jest.spyOn(fs, "readSync").mockImplementation(() => {
        throw Object.assign(new Error("input/output error"), { code: "EIO" });
    });
    expect((await open()).leftOpen).toEqual([]);
    read.mockRestore();
    expect((await open()).leftOpen).toHaveLength(1);
});

test("a folder that others may write to is not used", async () => {
    mkdirSync(folder, { recursive: true });
    await killed();
    chmodSync(folder, 0o777);
    const journal = await open();
    expect(journal.leftOpen).toEqual([]);
    expect(journal.begun("org/app", DIGEST, PLACE).isKept()).toBe(false);
});

test("without a folder, or where none can be made, nothing is kept and nothing fails", async () => {
    writeFileSync(join(root, "file"), "");
    for (const place of [undefined, join(root, "file", "uploads")]) {
        const journal = await UploadJournal.open(place, REGISTRY, SET);
        const entry = journal.begun("org/app", DIGEST, PLACE);
        expect(entry.isKept()).toBe(false);
        entry.ended();
        journal.close();
    }
});

test("a disk that is full while a file is written and closed fails nothing", async () => {
    const journal = await open();
    const entry = journal.begun("org/app", DIGEST, PLACE);
    jest.spyOn(fs, "writeSync").mockImplementation(fullDisk);
    jest.spyOn(fs, "closeSync").mockImplementation(fullDisk);
    entry.moved(PLACE);
    expect(entry.isKept()).toBe(false);
    entry.ended();
    journal.close();
});

test("what a run takes over and cannot note again stays for the next one", async () => {
    await killed();
    const write = jest.spyOn(fs, "writeSync").mockImplementation(fullDisk);
    expect((await open()).leftOpen).toHaveLength(1);
    write.mockRestore();
    orphan();
    expect((await open()).leftOpen).toHaveLength(1);
});

test("journals are in the folder for state that the user has", () => {
    const place = ["registry-passthrough", "uploads"];
    expect(journalFolder({ HOME: "/home/a" })).toBe(join("/home/a/.local/state", ...place));
    expect(journalFolder({ HOME: "/home/a", XDG_STATE_HOME: "/var/state" })).toBe(join("/var/state", ...place));
    // A relative one is to be ignored (XDG Base Directory Specification).
    expect(journalFolder({ HOME: "/home/a", XDG_STATE_HOME: "state" })).toBe(join("/home/a/.local/state", ...place));
});

test("a user without a home, as OpenShift's containers have, needs the folder for state; without it there is no journal", () => {
    const none = () => {
        throw new Error("uv_os_homedir returned ENOENT");
    };
    jest.spyOn(jest.requireActual<typeof osModule>("node:os"), "homedir").mockImplementation(none);
    expect(journalFolder({})).toBeUndefined();
    expect(journalFolder({ XDG_STATE_HOME: "/var/state" })).toBe("/var/state/registry-passthrough/uploads");
});
