import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describeArchive } from "../../lib/archives";
import { type Lock, writeLock } from "../../lib/lock";
import {
    ArchiveBench,
    type TarSpec,
    ocMirrorEntries,
    ocMirrorTagName,
    paxEntry,
    refusal,
    tar,
    tarEntry,
    tarHeader,
    testImage,
} from "../support/archives";
import { lockApart } from "../support/archive-apart";
import { faultCase } from "../support/faults/fault-case";
import { openApart } from "../support/faults/open-apart";
import { FaultSite } from "../support/faults/fault-site";
import type { Random } from "../support/faults/random";

const PART = "mirror_000001.tar";
const bench = new ArchiveBench();
let site: FaultSite;

beforeAll(async () => {
    site = await FaultSite.start();
});
afterEach(() => bench.clear());
afterAll(() => site.stop());

const isWhole = process.env.FAULTS === "all";

/** Entries of a good archive, one of its blobs, and where in the list that is. */
function good(random: Random): { entries: TarSpec[]; at: number; blob: TarSpec } {
    const image = testImage(String(random.fraction()), { layers: [random.bytes(5000), random.bytes(3000)] });
    const entries = ocMirrorEntries({
        tags: [{ repository: "org/app", tag: "1", image }],
        imageSet: ["quay.io/org/app:1"],
    });
    const blobs = [...entries.entries()].filter(([, { name }]) => name.endsWith("/data"));
    const [at, blob] = random.pick(blobs);
    return { entries, at, blob };
}

/** The archive as it was locked, at home: what comes in its place is held against this lock. */
async function locked(entries: readonly TarSpec[]): Promise<{ path: string; lock: string; set: Lock }> {
    const path = await bench.folder({ [PART]: tar(entries) });
    const lock = join(await bench.folder({}), "set.lock.json");
    const { lock: set } = await describeArchive(await bench.open(path), []);
    await writeLock(lock, set);
    return { path, lock, set };
}

const CLIMBING = `${"../".repeat(40)}x`;
/** Where an entry ends too late there is no header, or one less: the refusal tells which blob, or where. */
const SWALLOWED = "a size that swallows the next entries";

/** What an attacker, or a tool that packs the archive again, does to one blob's entry. */
const ATTACKS: Readonly<Record<string, (blob: TarSpec, random: Random) => readonly (TarSpec | Buffer)[]>> = {
    "an absolute name": (blob) => [blob, { name: "/etc/cron.d/job", body: "* * * * * root true" }],
    "a name that climbs out": (blob, random) => [
        blob,
        { name: random.pick(["../../etc/passwd", "docker/../../x", "a/..", "working-dir/../../y"]), body: "x" },
    ],
    "a PAX path that climbs out": (blob) => [blob, paxEntry({ path: CLIMBING }), { name: "ok", body: "x" }],
    "a symlink in place of a blob": ({ name }) => [{ name, type: "2", linkname: "/etc/passwd" }],
    "a hard link in place of a blob": ({ name }) => [{ name, type: "1", linkname: "isc_2026-01-02T03:04:05Z" }],
    "a device in place of a blob": ({ name }, random) => [{ name, type: random.pick(["3", "4", "6"]) }],
    "a sparse blob of GNU": (blob) => [{ ...blob, type: "S", magic: "ustar  \0" }],
    "a sparse blob of PAX": (blob) =>
        withPax(blob, { "GNU.sparse.major": "1", "GNU.sparse.realsize": "1099511627776" }),
    "a size past the end of the file": (blob, random) => [{ ...blob, size: 2 ** random.between(24, 32) }],
    "a PAX size past the end of the file": (blob, random) =>
        withPax(blob, { size: String(2 ** random.between(24, 52)) }),
    [SWALLOWED]: (blob, random) => [{ ...blob, size: bodyLength(blob) + random.between(513, 1500) }],
    "a negative size": (blob) => [tarHeader({ ...blob, size: Buffer.alloc(12, 0xff) })],
    "a tag's link that is no digest": (blob) => [
        blob,
        { name: ocMirrorTagName("org/app", "2"), body: "../".repeat(23) + "xx" },
    ],
    "the same blob twice in two sizes": (blob) => [blob, { name: blob.name, body: "other" }],
    "an extended header of 2 MiB": (blob) => [{ name: "pax", type: "x", body: Buffer.alloc(2 * 1024 * 1024) }, blob],
};

/** A blob's entry with PAX records of its own, beside the one for its long name. */
function withPax(blob: TarSpec, records: Readonly<Record<string, string>>): readonly (TarSpec | Buffer)[] {
    return [paxEntry({ path: blob.name, ...records }), { ...blob, name: "cut" }];
}

function bodyLength({ body }: TarSpec): number {
    return Buffer.byteLength(body ?? "");
}

for (const [name, attack] of Object.entries(ATTACKS)) {
    faultCase(name, { all: 20, sample: 1 }, async ({ random, count }) => {
        site.clear();
        const { entries, at, blob } = good(random);
        const { path, lock, set } = await locked(entries);
        const attacked = attack(blob, random);
        const folder = await bench.folder({
            [PART]: tar([...entries.slice(0, at), ...attacked, ...entries.slice(at + 1)]),
        });
        const outcome = await site.bringArchive({ path: folder, lock });
        const error = await refusal(Promise.reject(outcome.error as Error));
        // All of it would have been sent, and nothing was.
        expect(outcome.plan?.uploads).toBe(Object.keys(set.blobs).length);
        expect(site.proxy.writes()).toEqual([]);
        expect(site.storage.digests()).toEqual([]);
        if (name === SWALLOWED)
            expect(error.message).toMatch(/sha256:[0-9a-f]{64}(: it is missing|: it has \d+ bytes)|offset \d/);
        else expect(attackedNames(blob, attacked)).toContain(error.entry);
        count(error.code);
        // Nor is it locked.
        const unlocked = await refusal(bench.open(folder).then((archive) => describeArchive(archive, [])));
        expect(unlocked.message).toContain(PART);
        const content = Object.assign((await bench.open(path)).source, { set });
        await site.converges(content);
        await bench.clear();
    });
}

/** What a refusal may call the entry: a header alone has the first 100 bytes of its name. */
function attackedNames(blob: TarSpec, attacked: readonly (TarSpec | Buffer)[]): string[] {
    const given = attacked.flatMap((entry) => (Buffer.isBuffer(entry) ? [] : [entry.name]));
    const names = [blob.name, blob.name.slice(0, 100), CLIMBING, ...given];
    return names.flatMap((name) => [name, JSON.stringify(name)]);
}

/** 5 GiB of zeros in 5 MB, that are no tar: seen by its first bytes, so that no more of it is unpacked. */
faultCase("a compression bomb in place of an archive", { all: 5, sample: 1 }, async ({ number, count }) => {
    const zeros = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const bomb = Buffer.concat(Array<Buffer>(80).fill(zeros));
    const name = ["bomb.tar.gz", "bomb.tgz", PART, "archive.tar", "bomb.gz"][number % 5] ?? "";
    const path = await bench.folder({ [name]: bomb, "tmp/keep": Buffer.alloc(0) });
    const outcome = openApart(join(path, name), join(path, "tmp"));
    expect(outcome).toMatchObject({ said: "ARCHIVE_FORMAT_UNSUPPORTED", left: ["keep"] });
    expect(outcome.message).toContain(`${name}, offset 0: unpacked it begins with zeros`);
    expect(outcome.peakMiB).toBeLessThan(256);
    count(`${outcome.said}, MiB at most`, Math.round(outcome.peakMiB));
    await bench.clear();
});

const MANY = isWhole ? [1_000_000, 5_000_001] : [100_000];

for (const amount of MANY) {
    faultCase(`an archive of ${amount} entries`, { all: 1, sample: 1 }, async ({ random, count }) => {
        const { entries } = good(random);
        const folder = await bench.folder({ "mirror_000001.tar": Buffer.alloc(0) });
        const path = join(folder, "mirror_000001.tar");
        writeFileSync(path, tar(entries, { end: false }));
        const block = Buffer.concat(
            Array.from({ length: 1000 }, (_, at) => tarEntry({ name: `working-dir/file-${at}`, body: "" })),
        );
        for (let left = amount - entries.length; left > 0; left -= 1000) {
            appendFileSync(path, block.subarray(0, Math.min(left, 1000) * 512));
        }
        appendFileSync(path, Buffer.alloc(1024));
        const { said, peakMiB } = lockApart(folder);
        expect(said).toBe(amount > 5_000_000 ? "ARCHIVE_TOO_LARGE" : "quay.io/org/app:1");
        expect(peakMiB).toBeLessThan(256);
        count(`${amount > 5_000_000 ? said : "locked"}, MiB at most`, Math.round(peakMiB));
        await bench.clear();
    });
}
