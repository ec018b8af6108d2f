import { type TarSpec, paxEntry, refusal, tar, tarEntry, tarHeader } from "../../support/archives";
import { indexedTar } from "../../support/indexed-tar";

const first: TarSpec = { name: "first", body: "one" };
const base256 = (bytes: number[]): Buffer => Buffer.from(bytes);

describe("indexing a tar", () => {
    it("gives name, offset, size and type of every entry, and bodies at those offsets", async () => {
        const bytes = tar([first, { name: "folder/", type: "5" }, { name: "folder/second", body: "x".repeat(1000) }]);
        const { entries, bodies, warnings } = await indexedTar(bytes);
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
        const { entries } = await indexedTar(tar([{ name: "big", body: Buffer.alloc(3_000_001, 7) }, first]));
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
        const { entries, bodies } = await indexedTar(tar(names));
        expect(entries.map(({ name }) => name)).toEqual(names.map(({ name }) => name));
        expect(bodies.map((body) => body.trim())).toEqual(names.map((_, at) => `body ${at}`));
    });

    it("finds entries in runs of any length between jumps", async () => {
        const big = Buffer.alloc(400_000, 7);
        const runs = [1, 30, 2, 300, 0, 40].flatMap((length, run) => [
            { name: `big${run}`, body: big },
            ...Array.from({ length }, (_, at) => ({ name: `n${run}-${at}`, body: `body ${at}`.padEnd(at * 9) })),
        ]);
        const { entries, bodies } = await indexedTar(tar(runs));
        expect(entries.map(({ name }) => name)).toEqual(runs.map(({ name }) => name));
        expect(bodies).toEqual(runs.map(({ body }) => body.toString().slice(0, 100)));
    });

    it("takes a checksum over signed bytes, as some old writers made it", async () => {
        const signed = (body: number): TarSpec => ({ name: "ü", body: "x", checksumError: body });
        // Two bytes of the name are over 127, each 256 less when it is signed.
        expect((await indexedTar(tar([signed(-512)]))).entries).toMatchObject([{ name: "ü", offset: 512, size: 1 }]);
        expect(await refusal(indexedTar(tar([first, signed(-256)])))).toMatchObject({
            code: "ARCHIVE_CORRUPT",
            offset: 1024,
        });
    });

    it("puts the USTAR prefix in front, but not what GNU keeps in its place", async () => {
        const { entries } = await indexedTar(
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
        const { entries } = await indexedTar(bytes);
        expect(entries.map(({ name, size }) => [name, size])).toEqual([
            [long, 4],
            ["first", 3],
            ["all", 3],
            ["other", 3],
        ]);
    });

    it("takes GNU long names and link names for the next entry only", async () => {
        const name = `${"n".repeat(150)}/x`;
        const { entries } = await indexedTar(
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
        const { entries } = await indexedTar(tar([{ name: "a", body: Buffer.alloc(513), size }]));
        expect(entries[0]?.size).toBe(513);
    });

    it("strips ./ from names, leaves ./ itself out, and reads the types of old archives", async () => {
        const { entries } = await indexedTar(
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
        const { entries } = await indexedTar(
            tar([old, map, body, paxEntry({ "GNU.sparse.major": "1" }), { name: "new", body: "x" }, first]),
        );
        expect(entries.map(({ name, type, offset }) => [name, type, offset])).toEqual([
            ["old", "sparse", 1024],
            ["new", "sparse", 3072],
            ["first", "file", 4096],
        ]);
    });

    it("warns about an archive without its end mark, and about what follows the mark", async () => {
        expect((await indexedTar(tar([first], { end: false }))).warnings).toEqual([
            expect.stringContaining("ends without the two zero blocks"),
        ]);
        expect((await indexedTar(tarEntry(first).subarray(0, 515))).warnings).toHaveLength(1);
        const twice = await indexedTar(Buffer.concat([tar([first]), tar([first])]));
        expect(twice.warnings).toEqual([expect.stringContaining("goes on after its end at offset 2048")]);
        expect(twice.entries).toHaveLength(1);
        expect((await indexedTar(Buffer.concat([tar([first]), Buffer.alloc(9000)]))).warnings).toEqual([]);
        expect((await indexedTar(Buffer.alloc(1024))).entries).toEqual([]);
    });

    it("stops when it is aborted", async () => {
        const reason = new Error("interrupted");
        await expect(indexedTar(tar([first]), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    });
});
