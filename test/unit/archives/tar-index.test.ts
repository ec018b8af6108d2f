import { join } from "node:path";
import { ArchiveFile } from "../../../lib/archives/archive-file";
import type { TarEntry } from "../../../lib/archives/tar/entry";
import { type TarIndexOptions, indexTar } from "../../../lib/archives/tar/index-tar";
import { ArchiveError } from "../../../lib/oci/errors";
import { type TarSpec, folderOf, paxEntry, tar, tarEntry, tarHeader } from "../../support/archives";

interface Indexed {
    readonly path: string;
    readonly entries: TarEntry[];
    readonly bodies: string[];
    readonly warnings: readonly string[];
}

async function index(bytes: Buffer, options: TarIndexOptions = {}): Promise<Indexed> {
    const folder = await folderOf([["a.tar", bytes]]);
    const path = join(folder.path, "a.tar");
    const file = await ArchiveFile.open(path);
    const entries: TarEntry[] = [];
    const bodies: string[] = [];
    try {
        const visit = async (entry: TarEntry, reader: { read(at: number, length: number): Promise<Buffer> }) => {
            entries.push(entry);
            bodies.push((await reader.read(entry.offset, Math.min(entry.size, 100))).toString());
        };
        return { path, entries, bodies, warnings: await indexTar(file, visit, options) };
    } finally {
        await file.close();
        await folder.remove();
    }
}

async function refused(bytes: Buffer, options?: TarIndexOptions): Promise<ArchiveError> {
    const error: unknown = await index(bytes, options).then(
        () => undefined,
        (caught: unknown) => caught,
    );
    if (error instanceof ArchiveError) return error;
    throw new Error(`not refused: ${String(error)}`);
}

const first: TarSpec = { name: "first", body: "one" };
const base256 = (bytes: number[]): Buffer => Buffer.from(bytes);

describe("indexing a tar", () => {
    it("gives name, offset, size and type of every entry, and bodies at those offsets", async () => {
        const bytes = tar([first, { name: "folder/", type: "5" }, { name: "folder/second", body: "x".repeat(1000) }]);
        const { entries, bodies, warnings } = await index(bytes);
        expect(entries).toEqual([
            { name: "first", offset: 512, size: 3, type: "file" },
            { name: "folder", offset: 1536, size: 0, type: "folder" },
            { name: "folder/second", offset: 2048, size: 1000, type: "file" },
        ]);
        expect(bodies[0]).toBe("one");
        expect(bytes.toString("utf8", 2048, 3048)).toBe("x".repeat(1000));
        expect(warnings).toEqual([]);
    });

    it("jumps over bodies larger than its window", async () => {
        const { entries } = await index(tar([{ name: "big", body: Buffer.alloc(3_000_001, 7) }, first]));
        expect(entries.map(({ name, offset }) => [name, offset])).toEqual([
            ["big", 512],
            ["first", 512 + 3_000_320 + 512],
        ]);
    });

    it("finds entries whose headers and bodies lie across the edge of a window", async () => {
        const names = Array.from({ length: 3000 }, (_, at) => ({
            name: `n${at}`,
            body: `body ${at}`.padEnd(at % 900),
        }));
        const { entries, bodies } = await index(tar(names));
        expect(entries.map(({ name }) => name)).toEqual(names.map(({ name }) => name));
        expect(bodies.map((body) => body.trim())).toEqual(names.map((_, at) => `body ${at}`));
    });

    it("finds entries in runs of any length between jumps", async () => {
        const big = Buffer.alloc(400_000, 7);
        const runs = [1, 30, 2, 300, 0, 40].flatMap((length, run) => [
            { name: `big${run}`, body: big },
            ...Array.from({ length }, (_, at) => ({ name: `n${run}-${at}`, body: `body ${at}`.padEnd(at * 9) })),
        ]);
        const { entries, bodies } = await index(tar(runs));
        expect(entries.map(({ name }) => name)).toEqual(runs.map(({ name }) => name));
        expect(bodies).toEqual(runs.map(({ body }) => body.toString().slice(0, 100)));
    });

    it("takes a checksum over signed bytes, as some old writers made it", async () => {
        const signed = (body: number): TarSpec => ({ name: "ü", body: "x", checksumError: body });
        // Two bytes of the name are over 127, each 256 less when it is signed.
        expect((await index(tar([signed(-512)]))).entries).toMatchObject([{ name: "ü", offset: 512, size: 1 }]);
        expect(await refused(tar([first, signed(-256)]))).toMatchObject({ code: "ARCHIVE_CORRUPT", offset: 1024 });
    });

    it("puts the USTAR prefix in front, but not what GNU keeps in its place", async () => {
        const { entries } = await index(
            tar([
                { name: "b", prefix: "some/a" },
                { name: "c", prefix: "12345", magic: "ustar  \0" },
            ]),
        );
        expect(entries.map(({ name }) => name)).toEqual(["some/a/b", "c"]);
    });

    it("takes path and size from PAX for the next entry only, and from a global header until the next", async () => {
        const long = `${"d".repeat(200)}/ü`;
        const bytes = tar([
            paxEntry({ path: long, size: "4", mtime: "1.5" }),
            { name: "cut", body: "four", size: 0 },
            first,
            paxEntry({ path: "all" }, "g"),
            first,
            paxEntry({ path: "other" }, "g"),
            first,
        ]);
        const { entries } = await index(bytes);
        expect(entries.map(({ name, size }) => [name, size])).toEqual([
            [long, 4],
            ["first", 3],
            ["all", 3],
            ["other", 3],
        ]);
    });

    it("takes GNU long names and link names for the next entry only", async () => {
        const name = `${"n".repeat(150)}/x`;
        const { entries } = await index(
            tar([
                { name: "././@LongLink", type: "L", body: `${name}\0`, magic: "ustar  \0" },
                { name: "././@LongLink", type: "K", body: "target\0", magic: "ustar  \0" },
                { name: "cut", type: "2", linkname: "short", magic: "ustar  \0" },
                { name: "next", type: "2", linkname: "short" },
            ]),
        );
        expect(entries.map((entry) => [entry.name, entry.type, entry.linkname])).toEqual([
            [name, "symlink", "target"],
            ["next", "symlink", "short"],
        ]);
    });

    it("reads base-256 sizes", async () => {
        const size = base256([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x01]);
        const { entries } = await index(tar([{ name: "a", body: Buffer.alloc(513), size }]));
        expect(entries[0]?.size).toBe(513);
    });

    it("strips ./ from names, leaves ./ itself out, and reads the types of old archives", async () => {
        const { entries } = await index(
            tar([
                { name: "./", type: "5" },
                { name: "./a/./b", type: "\0", magic: "" },
                { name: "old/", type: "\0", magic: "" },
                { name: "hard", type: "1", linkname: "a/b", size: 700 },
                { name: "char", type: "3" },
                { name: "odd", type: "Z" },
            ]),
        );
        expect(entries.map(({ name, type }) => [name, type])).toEqual([
            ["a/b", "file"],
            ["old", "folder"],
            ["hard", "link"],
            ["char", "device"],
            ["odd", "other"],
        ]);
    });

    it("marks sparse entries, GNU's old ones with the map blocks between header and body as well as those of PAX", async () => {
        const old = tarHeader({ name: "old", type: "S", magic: "ustar  \0", size: 3 });
        old[482] = 1;
        old.fill(" ", 148, 156);
        old.write(
            `${old
                .reduce((a, b) => a + b, 0)
                .toString(8)
                .padStart(6, "0")}\0 `,
            148,
            "latin1",
        );
        const map = Buffer.alloc(512);
        const body = Buffer.concat([Buffer.from("abc"), Buffer.alloc(509)]);
        const { entries } = await index(
            tar([old, map, body, paxEntry({ "GNU.sparse.major": "1" }), { name: "new", body: "x" }, first]),
        );
        expect(entries.map(({ name, type, offset }) => [name, type, offset])).toEqual([
            ["old", "sparse", 1024],
            ["new", "sparse", 3072],
            ["first", "file", 4096],
        ]);
    });

    it("warns about an archive without its end mark, and about what follows the mark", async () => {
        expect((await index(tar([first], { end: false }))).warnings).toEqual([
            expect.stringContaining("ends without the two zero blocks"),
        ]);
        expect((await index(tarEntry(first).subarray(0, 515))).warnings).toHaveLength(1);
        const twice = await index(Buffer.concat([tar([first]), tar([first])]));
        expect(twice.warnings).toEqual([expect.stringContaining("goes on after its end at offset 2048")]);
        expect(twice.entries).toHaveLength(1);
        expect((await index(Buffer.concat([tar([first]), Buffer.alloc(9000)]))).warnings).toEqual([]);
        expect((await index(Buffer.alloc(1024))).entries).toEqual([]);
    });

    it("stops when it is aborted", async () => {
        const reason = new Error("interrupted");
        await expect(index(tar([first]), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    });
});

describe("a tar is refused, with archive, entry and offset, for", () => {
    const second = { name: "second", body: "two" };
    const cases: Record<string, [(TarSpec | Buffer)[], string, string]> = {
        "a wrong checksum": [
            [first, { ...second, checksumError: 1 }],
            "offset 1024: the header's checksum is wrong",
            "ARCHIVE_CORRUPT",
        ],
        "something that is no tar": [
            [Buffer.alloc(600, "x")],
            "offset 0: this is not a tar archive",
            "ARCHIVE_CORRUPT",
        ],
        "a lone zero block": [
            [first, Buffer.alloc(512), second],
            "offset 1024: a single zero block",
            "ARCHIVE_CORRUPT",
        ],
        "an absolute name": [
            [first, { name: "/etc/passwd" }],
            'entry "/etc/passwd", offset 1024: its name is absolute',
            "ARCHIVE_ENTRY_INVALID",
        ],
        "a name with ..": [
            [{ name: "a/../b" }],
            'entry "a/../b", offset 0: its name climbs out',
            "ARCHIVE_ENTRY_INVALID",
        ],
        "a name with a backslash": [
            [{ name: "a\\b" }],
            'entry "a\\\\b", offset 0: its name has a backslash',
            "ARCHIVE_ENTRY_INVALID",
        ],
        "a GNU long name with a NUL": [
            [{ name: "L", type: "L", body: "a\0b\0", magic: "ustar  \0" }, first],
            'entry "a\\u0000b", offset 1024: its name has a NUL',
            "ARCHIVE_ENTRY_INVALID",
        ],
        "a PAX path with a NUL": [
            [paxEntry({ path: "a\0b" }), first],
            "entry PaxHeaders/0, offset 0: its PAX path has a NUL",
            "ARCHIVE_ENTRY_INVALID",
        ],
        "a negative PAX size": [
            [paxEntry({ size: "-1" }), first],
            'entry PaxHeaders/0, offset 0: its PAX size "-1"',
            "ARCHIVE_ENTRY_INVALID",
        ],
        "a PAX size that is no number": [
            [paxEntry({ size: "1e3" }), first],
            'offset 0: its PAX size "1e3"',
            "ARCHIVE_ENTRY_INVALID",
        ],
        "a PAX size over 2^53": [
            [paxEntry({ size: "9007199254740993" }), first],
            'its PAX size "9007199254740993"',
            "ARCHIVE_ENTRY_INVALID",
        ],
        "a malformed PAX record": [
            [{ name: "pax", type: "x", body: "99 path=x\n" }, first],
            "entry pax, offset 0: its PAX header has a malformed record",
            "ARCHIVE_ENTRY_INVALID",
        ],
        "a size that is no number": [
            [{ name: "a", size: Buffer.from("12x45678901\0") }],
            "offset 0: the size",
            "ARCHIVE_ENTRY_INVALID",
        ],
        "a negative base-256 size": [
            [{ name: "a", size: Buffer.alloc(12, 0xff) }],
            "offset 0: the size is negative",
            "ARCHIVE_ENTRY_INVALID",
        ],
        "a base-256 size over 2^53": [
            [{ name: "a", size: base256([0x80, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]) }],
            "offset 0: the size 72057594037927936 is more than 2^53",
            "ARCHIVE_ENTRY_INVALID",
        ],
        "an extended header of absurd size": [
            [{ name: "pax", type: "x", body: Buffer.alloc(1024 * 1024 + 1) }],
            "entry pax, offset 0: an extended header of 1048577 bytes",
            "ARCHIVE_ENTRY_INVALID",
        ],
        "an extended header without its entry": [
            [first, paxEntry({ path: "x" })],
            "offset 1024: the archive is truncated",
            "ARCHIVE_TRUNCATED",
        ],
    };
    it.each(Object.entries(cases))("%s", async (_, [entries, text, code]) => {
        const error = await refused(tar(entries));
        expect(error.message).toContain(text);
        expect(error.message).toMatch(/^archive \/\S+\/a\.tar, /);
        expect(error.cure).toBeDefined();
        expect(error.code).toBe(code);
    });

    it("a header that is cut", async () => {
        const error = await refused(tar([first, second]).subarray(0, 1024 + 100));
        expect(error).toMatchObject({ code: "ARCHIVE_TRUNCATED", offset: 1024 });
        expect(error.message).toContain("the header here has 100 of its 512 bytes; copy the archive again");
    });

    it("a body that is cut, wherever the cut is", async () => {
        const whole = tar([first, { name: "dir/second", body: "x".repeat(1000) }], { end: false });
        for (const length of [1024 + 512, 1024 + 512 + 1, 1024 + 512 + 999]) {
            const error = await refused(whole.subarray(0, length));
            expect(error).toMatchObject({ code: "ARCHIVE_TRUNCATED", entry: "dir/second", offset: 1024 });
            expect(error.message).toContain(`${length - 1536} of 1000 bytes of the entry are there`);
        }
    });

    it("more entries than an index may have", async () => {
        const error = await refused(tar([first, { name: "second" }, { name: "third" }]), { maxEntries: 2 });
        expect(error).toMatchObject({ code: "ARCHIVE_TOO_LARGE", entry: "third", offset: 1536 });
    });
});
