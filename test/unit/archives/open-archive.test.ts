import { readdirSync, readlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { openArchive } from "../../../lib/archives";
import { computeDigest } from "../../../lib/oci/digest";
import {
    ArchiveBench,
    type OcMirrorSpec,
    type TarSpec,
    ocMirrorBlobName,
    ocMirrorEntries,
    ocMirrorTagName,
    refusal,
    tar,
    testImage,
} from "../../support/archives";

const image = testImage("app", { layers: [Buffer.alloc(700_000, "a"), Buffer.from("small")] });
const [layer = ""] = [...image.blobs.keys()].slice(1);
const spec: OcMirrorSpec = {
    tags: [{ repository: "org/app", tag: "1", image }],
    imageSet: ["quay.io/org/app:1"],
};
const entries = ocMirrorEntries(spec);

const bench = new ArchiveBench();
afterEach(() => bench.clear());

describe("an oc-mirror archive", () => {
    it("is opened from its folder, from its file, and from a relative path", async () => {
        const path = await bench.folder({ "mirror_000001.tar": tar(entries), "notes.txt": Buffer.from("x") });
        for (const given of [path, join(path, "mirror_000001.tar"), relative(process.cwd(), path)]) {
            const archive = await bench.open(given);
            expect(archive.format).toBe("oc-mirror");
            expect(archive.parts).toEqual([{ name: "mirror_000001.tar", size: tar(entries).length }]);
            const beside = `${path}: 1 file is no archive and is left out: notes.txt`;
            expect(archive.warnings).toEqual(given.endsWith(".tar") ? [] : [beside]);
            expect(archive.source.size(image.digest)).toBe(image.manifest.length);
        }
    });

    it("is recognised by what is in it when its parts have other names", async () => {
        const archive = await bench.openFiles({ "mirror_000001.tar": tar(entries) });
        const path = await bench.folder({ "renamed.tar": tar(entries) });
        const renamed = await bench.open([join(path, "renamed.tar")]);
        expect(renamed.format).toBe("oc-mirror");
        expect(renamed.parts).toEqual([{ ...archive.parts[0], name: "renamed.tar" }]);
    });

    it("is whole over several parts, in any order of the files, one of them without entries", async () => {
        const isBlob = (entry: TarSpec): boolean => entry.name.includes("/blobs/");
        const path = await bench.folder({
            "mirror_000001.tar": Buffer.alloc(1024),
            "mirror_000002.tar": tar(entries.filter((entry) => !isBlob(entry))),
            "mirror_000003.tar": tar(entries.filter(isBlob)),
        });
        const archive = await bench.open([3, 1, 2].map((part) => join(path, `mirror_00000${part}.tar`)));
        expect(archive.parts.map(({ name }) => name)).toEqual([
            "mirror_000001.tar",
            "mirror_000002.tar",
            "mirror_000003.tar",
        ]);
        expect([...(await archive.contents([])).images]).toEqual([["quay.io/org/app:1", image.digest]]);
        expect(archive.source.place(layer)).toEqual({
            archive: join(path, "mirror_000003.tar"),
            entry: ocMirrorBlobName(layer),
            offset: blobOffset(entries.filter(isBlob)),
        });
    });

    it.each([
        ["a gap", { 1: true, 3: true }, "the part mirror_000002.tar is missing", "ARCHIVE_INCOMPLETE"],
        ["a missing first part", { 2: true }, "the part mirror_000001.tar is missing", "ARCHIVE_INCOMPLETE"],
    ])("is refused for %s in the numbers of its parts", async (_, numbers, what, code) => {
        const files = Object.keys(numbers).map((number) => [`mirror_00000${number}.tar`, tar(entries)]);
        const error = await refusal(bench.openFiles(Object.fromEntries(files) as Record<string, Buffer>));
        expect(error).toMatchObject({ code });
        expect(error.message).toContain(what);
    });

    it("is refused when a part is given twice", async () => {
        const [one, two] = [
            await bench.folder({ "mirror_000001.tar": tar(entries) }),
            await bench.folder({ "mirror_000001.tar": tar(entries) }),
        ];
        const error = await refusal(openArchive([one, two]));
        expect(error.message).toContain("two parts are named mirror_000001.tar");
    });

    it("is refused for an empty part", async () => {
        const error = await refusal(
            bench.openFiles({ "mirror_000001.tar": tar(entries), "mirror_000002.tar": Buffer.alloc(0) }),
        );
        expect(error).toMatchObject({ code: "ARCHIVE_TRUNCATED" });
        expect(error.message).toMatch(/mirror_000002\.tar: the file is empty; copy the archive again/);
    });

    it("is refused with parts of two runs, naming both image sets and their places", async () => {
        const other = ocMirrorEntries({ ...spec, imageSetName: "isc_2026-02-02T00:00:00Z" });
        const error = await refusal(
            bench.openFiles({ "mirror_000001.tar": tar(entries), "mirror_000002.tar": tar(other) }),
        );
        expect(error).toMatchObject({ code: "ARCHIVE_PARTS_MIXED" });
        expect(error.message).toMatch(
            /isc_2026-01-02T03:04:05Z \(archive \S+mirror_000001.tar, offset \d+\), isc_2026-02-02T00:00:00Z/,
        );
    });

    it("is refused without its image set, which tells that a part or its end is missing", async () => {
        const cut = entries.filter(({ name }) => !name.startsWith("isc_"));
        expect(await refusal(bench.openFiles({ "mirror_000001.tar": tar(cut, { end: false }) }))).toMatchObject({
            code: "ARCHIVE_INCOMPLETE",
        });
    });

    it("may hold a blob twice, but not with two sizes", async () => {
        const again = { name: ocMirrorBlobName(layer), body: image.blobs.get(layer) ?? "" };
        const archive = await bench.openFiles({ "mirror_000001.tar": tar([...entries, again]) });
        expect(archive.source.size(layer)).toBe(700_000);
        const wrong = { ...again, body: "other" };
        const error = await refusal(bench.openFiles({ "mirror_000001.tar": tar([...entries, wrong]) }));
        expect(error.message).toContain("the same blob has 5 bytes here and 700000 in archive");
        expect(error).toMatchObject({ entry: again.name, offset: tar([...entries, wrong]).length - 1024 - 512 });
    });

    it("takes the copy in the lower part, whichever was read first", async () => {
        const again = { name: ocMirrorBlobName(layer), body: image.blobs.get(layer) ?? "" };
        const archive = await bench.openFiles({ "mirror_000001.tar": tar(entries), "mirror_000002.tar": tar([again]) });
        expect(archive.source.place(layer)?.archive).toMatch(/mirror_000001\.tar$/);
    });

    it.each([
        ["sparse", { type: "S", magic: "ustar  \0" }],
        ["device", { type: "3" }],
        ["symlink", { type: "2", linkname: "x" }],
    ])("is refused for a %s entry where a blob must be", async (type, fault) => {
        const name = ocMirrorBlobName(computeDigest("x"));
        const error = await refusal(bench.openFiles({ "mirror_000001.tar": tar([{ name, ...fault }, ...entries]) }));
        expect(error).toMatchObject({
            code: "ARCHIVE_ENTRY_INVALID",
            archive: expect.stringContaining("mirror_000001.tar"),
        });
        expect(error.message).toContain(`entry ${name}, offset`);
        expect(error.message).toContain(`a ${type} entry stands where a regular file must be`);
    });

    it.each(["sha256:abc", `sha256:${"A".repeat(64)}`, `sha256:${"a".repeat(64)}\n`, ""])(
        "is refused for the link %j",
        async (body) => {
            const name = ocMirrorTagName("org/other", "1");
            const error = await refusal(bench.openFiles({ "mirror_000001.tar": tar([...entries, { name, body }]) }));
            expect(error).toMatchObject({ code: "ARCHIVE_ENTRY_INVALID", entry: name });
            expect(error.message).toContain("the link is not sha256:");
        },
    );

    it("is refused for a tag or a text that is there twice with other content", async () => {
        const link = { name: ocMirrorTagName("org/app", "1"), body: computeDigest("other") };
        const error = await refusal(bench.openFiles({ "mirror_000001.tar": tar([...entries, link]) }));
        expect(error.message).toContain(`the tag points to ${computeDigest("other")} here and to ${image.digest}`);
        const text = { name: "isc_2026-01-02T03:04:05Z", body: "mirror: {}" };
        expect((await refusal(bench.openFiles({ "mirror_000001.tar": tar([...entries, text]) }))).message).toContain(
            "another entry of this name",
        );
    });

    it("is refused for an image set that is not one, with its place", async () => {
        const archive = await bench.openFiles({
            "mirror_000001.tar": tar(ocMirrorEntries({ ...spec, imageSet: "mirror: [" })),
        });
        const error = await refusal(archive.contents([]));
        expect(error).toMatchObject({ code: "ARCHIVE_METADATA_INVALID", entry: "isc_2026-01-02T03:04:05Z" });
    });

    it("keeps no file open when it is refused", async () => {
        const files = { "mirror_000001.tar": tar(entries), "mirror_000002.tar": tar(entries).subarray(0, 700) };
        const path = await bench.folder(files);
        await refusal(openArchive(path));
        const links = readdirSync("/proc/self/fd").map((fd) => {
            try {
                return readlinkSync(`/proc/self/fd/${fd}`);
            } catch {
                return "";
            }
        });
        expect(links.filter((link) => link.startsWith(path))).toEqual([]);
    });

    it("warns about a history that is not one, and about a missing end", async () => {
        const odd = { ...spec, files: { "working-dir/.history/.history-x": `${computeDigest("a")}\nnonsense\n` } };
        const archive = await bench.openFiles({ "mirror_000001.tar": tar(ocMirrorEntries(odd), { end: false }) });
        expect(archive.warnings).toEqual([
            expect.stringContaining("ends without the two zero blocks"),
            expect.stringContaining("1 lines are not digests"),
        ]);
    });

    it("stops when it is aborted while it is indexed", async () => {
        const path = await bench.folder({ "mirror_000001.tar": tar(entries) });
        const reason = new Error("interrupted");
        await expect(openArchive(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    });
});

/** Of the first layer's body in a tar of blobs alone. */
function blobOffset(blobs: readonly TarSpec[]): number {
    return tar(blobs).indexOf(image.blobs.get(layer) ?? "");
}
