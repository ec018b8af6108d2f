import type { TarIndexOptions } from "../../../lib/archives/tar/index-tar";
import type { ArchiveError } from "../../../lib/errors/errors";
import { type TarSpec, paxEntry, refusal, tar } from "../../support/archives";
import { indexedTar } from "../../support/indexed-tar";

const first: TarSpec = { name: "first", body: "one" };
const base256 = (bytes: number[]): Buffer => Buffer.from(bytes);

const refusedTar = (bytes: Buffer, options?: TarIndexOptions): Promise<ArchiveError> =>
    refusal(indexedTar(bytes, options));

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
        const error = await refusedTar(tar(entries));
        expect(error.message).toContain(text);
        expect(error.message).toMatch(/^ARCHIVE_\w+ in archive \/\S+\/a\.tar, /);
        expect(error.fix).toBeDefined();
        expect(error.code).toBe(code);
    });

    it("a header that is cut", async () => {
        const error = await refusedTar(tar([first, second]).subarray(0, 1024 + 100));
        expect(error).toMatchObject({ code: "ARCHIVE_TRUNCATED", offset: 1024 });
        expect(error.message).toContain("the header here has 100 of its 512 bytes; copy the archive again");
    });

    it("a body that is cut, wherever the cut is", async () => {
        const whole = tar([first, { name: "dir/second", body: "x".repeat(1000) }], { end: false });
        for (const length of [1024 + 512, 1024 + 512 + 1, 1024 + 512 + 999]) {
            const error = await refusedTar(whole.subarray(0, length));
            expect(error).toMatchObject({ code: "ARCHIVE_TRUNCATED", entry: "dir/second", offset: 1024 });
            expect(error.message).toContain(`${length - 1536} of 1000 bytes of the entry are there`);
        }
    });

    it("more entries than an index may have", async () => {
        const error = await refusedTar(tar([first, { name: "second" }, { name: "third" }]), { maxEntries: 2 });
        expect(error).toMatchObject({ code: "ARCHIVE_TOO_LARGE", entry: "third", offset: 1536 });
    });
});
