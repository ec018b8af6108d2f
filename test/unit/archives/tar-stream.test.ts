import { gzipSync } from "node:zlib";
import { streamEntries } from "../../../lib/archives";
import { rawFrame } from "../../support/zstd";
import { paxEntry, refusal, tar, tarEntry, tarHeader } from "../../support/archives";

/** The bytes in pieces of this length. */
async function* inPieces(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += length) yield await Promise.resolve(bytes.subarray(at, at + length));
}

/** Names and bodies of all entries; bodies of those named `skip…` are not read. */
async function read(bytes: Buffer, length = 700): Promise<[string, string][]> {
    const found: [string, string][] = [];
    for await (const { name, body } of streamEntries(inPieces(bytes, length), "standard input")) {
        let text = "";
        if (!name.startsWith("skip")) for await (const piece of body()) text += piece.toString();
        found.push([name, text]);
    }
    return found;
}

const LONG = `${"long/".repeat(40)}name`;

test.each([1, 511, 512, 100_000])("names, sizes and bodies in pieces of %d bytes", async (length) => {
    const bytes = tar([
        { name: "one", body: "first" },
        { name: "skipped", body: "x".repeat(3000) },
        { name: "folder/", type: "5" },
        { name: "link", type: "1", linkname: "one", size: 5000 },
        { name: LONG, body: "by PAX" },
        { name: "././@LongLink", type: "L", body: `${LONG}\0` },
        { name: "cut", body: "by GNU" },
        paxEntry({ size: "4" }),
        tarEntry({ name: "sized", body: "four", size: 0 }),
        { name: "empty" },
    ]);
    expect(await read(bytes, length)).toEqual([
        ["one", "first"],
        ["skipped", ""],
        [LONG, "by PAX"],
        [LONG, "by GNU"],
        ["sized", "four"],
        ["empty", ""],
    ]);
});

test("tars one after the other: zeros between them are skipped, and a global header ends with its tar", async () => {
    const first = tar([paxEntry({ path: "all" }, "g"), { name: "one", body: "1" }]);
    const joined = Buffer.concat([first, Buffer.alloc(9 * 512), tar([{ name: "two", body: "2" }]), tar([], {})]);
    expect(await read(joined)).toEqual([
        ["all", "1"],
        ["two", "2"],
    ]);
    const without = tar([{ name: "one", body: "1" }], { end: false });
    expect(await read(Buffer.concat([without, gzipSync("")]).subarray(0, without.length))).toEqual([["one", "1"]]);
});

test.each([
    ["gzip", (bytes: Buffer) => gzipSync(bytes)],
    ["zstd", (bytes: Buffer) => rawFrame(bytes, 20)],
])("what is damaged within %s is told at once, though whoever writes it is silent and goes on", async (_, pack) => {
    const silent = async function* () {
        yield pack(Buffer.alloc(100_000, "no tar "));
        await new Promise(() => undefined);
    };
    const reading = async () => {
        for await (const { name } of streamEntries(silent(), "standard input")) expect(name).toBeUndefined();
    };
    expect((await refusal(reading())).code).toBe("ARCHIVE_CORRUPT");
});

const entry = tarEntry({ name: "one", body: "first" });
const two = tar([
    { name: "one", body: "x".repeat(20_000) },
    { name: "two", body: "2" },
]);

test.each<[what: string, bytes: Buffer, code: string, text: string]>([
    ["no tar", Buffer.from("text ".repeat(200)), "ARCHIVE_CORRUPT", "offset 0: this is not a tar archive"],
    ["an entry that ends early", two.subarray(0, 600), "ARCHIVE_TRUNCATED", "88 of 20000 bytes of the entry"],
    ["a header that ends early", entry.subarray(0, 300), "ARCHIVE_TRUNCATED", "has 300 of its 512 bytes"],
    [
        "a lone extended header",
        paxEntry({ path: "a" }),
        "ARCHIVE_TRUNCATED",
        "extended header here belongs to is missing",
    ],
    [
        "one zero block",
        Buffer.concat([entry, Buffer.alloc(512), entry]),
        "ARCHIVE_CORRUPT",
        "offset 1024: a single zero block",
    ],
    [
        "a damaged header",
        Buffer.concat([entry, tarHeader({ name: "two", checksumError: 1 })]),
        "ARCHIVE_CORRUPT",
        "offset 1024: the header's checksum is wrong",
    ],
    [
        "bytes behind the end",
        Buffer.concat([tar([{ name: "a" }]), Buffer.alloc(600, "x")]),
        "ARCHIVE_CORRUPT",
        "checksum",
    ],
    ["a cut gzip", gzipSync(two).subarray(0, 60), "ARCHIVE_TRUNCATED", "the archive is truncated"],
    ["a damaged gzip", Buffer.concat([gzipSync(two).subarray(0, 20), Buffer.alloc(99, 7)]), "ARCHIVE_CORRUPT", "gzip"],
    ["xz", Buffer.from("fd377a585a000000", "hex"), "ARCHIVE_FORMAT_UNSUPPORTED", "unxz <"],
])("%s is refused", async (_, bytes, code, text) => {
    const error = await refusal(read(bytes));
    expect(error.code).toBe(code);
    expect(error.message).toContain(text);
    expect(error.archive).toBe("standard input");
});

test("what brings the bytes fails as it says itself, also behind a decompressor", async () => {
    async function* failing(): AsyncGenerator<Buffer> {
        yield await Promise.resolve(gzipSync(two).subarray(0, 50));
        throw new Error("the disk is gone");
    }
    const reading = streamEntries(failing(), "standard input").next();
    await expect(reading).rejects.toThrow("the disk is gone");
});
