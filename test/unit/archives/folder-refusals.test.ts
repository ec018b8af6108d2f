import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { openArchive } from "../../../lib/archives";
import { contentsOfFolder } from "../../../lib/archives/open/folder-contents";
import { FolderTree } from "../../../lib/archives/files/folder-tree";
import { SplitFinder } from "../../../lib/archives/packed/split-file";
import { refusal } from "../../support/archives";
import { APP, type Files, asTar, bench, dockerTar, layout, locked, part, text } from "../../support/archive-folders";

afterEach(() => bench.clear());

describe("what looks like an archive and cannot be read is refused by its name:", () => {
    const xz = Buffer.concat([Buffer.from("fd377a585a0000", "hex"), Buffer.alloc(600)]);

    it.each<[string, string, Buffer, string, string]>([
        ["a tar that is cut", "a/saved.tar", dockerTar().subarray(0, 1500), "truncated", "copy the archive again"],
        [
            "a tar that is cut, by any name",
            ".saved.tar.XyZ123",
            dockerTar().subarray(0, 1500),
            "truncated",
            "copy the archive again",
        ],
        [
            "a tar whose first header is damaged",
            "saved",
            damaged(dockerTar()),
            "its first header is damaged",
            "copy the archive again",
        ],
        [
            "what is only called a tar",
            "saved.tar",
            Buffer.alloc(2000, "text "),
            "this is not a tar archive",
            "copy the archive again",
        ],
        [
            "an empty file that is called one",
            "saved.tar.gz",
            Buffer.alloc(0),
            "the file is empty",
            "copy the archive again",
        ],
        [
            "zeros that are called one",
            "saved.tar",
            Buffer.alloc(4096),
            "this tar has no entries",
            "copy the archive again",
        ],
        [
            "a gzip that is cut",
            "saved.bin",
            gzipSync(dockerTar()).subarray(0, 300),
            "truncated",
            "copy the archive again",
        ],
        ["xz", "saved.bin", xz, "compressed with xz", "unxz"],
        [
            "bzip2",
            "saved.bin",
            Buffer.concat([Buffer.from("BZh9"), Buffer.alloc(600)]),
            "compressed with bzip2",
            "bunzip2",
        ],
        ["a docker save of before 1.10", "saved.tar", asTar([["repositories", text("{}")]]), "before 1.10", "skopeo"],
        [
            "an archive in an archive",
            "all.tar",
            asTar([["x/saved.tar", dockerTar()]]),
            "the entry x/saved.tar is an archive itself",
            "tar -xf",
        ],
        [
            "a piece without the first one",
            "saved.tar.ac",
            Buffer.alloc(800, 1),
            "the piece saved.tar.aa is missing",
            "copy all pieces",
        ],
        [
            "a piece without the first one, of Hauler",
            "haul.002",
            Buffer.alloc(800, 1),
            "the piece haul.001 is missing",
            "copy all pieces",
        ],
        [
            "a docker save that ends between its entries, before what tells of its images",
            "saved",
            dockerTar().subarray(0, dockerTar().indexOf("manifest.json")),
            "in what can be read of it: ",
            "copy the archive again",
        ],
        [
            "a first piece alone",
            "saved.tar.aa",
            dockerTar().subarray(0, 1500),
            "the others are not here (saved.tar.ab)",
            "copy all pieces",
        ],
        [
            "a first piece whose bytes say nothing",
            "saved.tar.aa",
            Buffer.alloc(800, 1),
            "the piece saved.tar.ab is missing",
            "copy all pieces",
        ],
    ])("%s", async (_, name, bytes, what, fix) => {
        for (const beside of [[["mirror_000001.tar", part]] as const, layout()]) {
            const folder = await bench.folder([...beside, [name, bytes]]);
            const error = await refusal(openArchive(folder));
            expect(error.message).toContain(`archive ${join(folder, name)}`);
            expect(error.message).toContain(what);
            expect(error.message).toContain(fix);
        }
    });

    it("with the way out of it, which works", async () => {
        const folder = await bench.folder([
            ["mirror_000001.tar", part],
            ["saved.tar", dockerTar().subarray(0, 1500)],
        ]);
        expect((await refusal(openArchive(folder))).fix).toContain(
            `or take it out of ${folder} if it is not to be read`,
        );
        expect((await locked(folder, "mirror_*.tar")).images).toEqual(APP);
    });

    it("parts of two runs in folders of it, with both paths", async () => {
        const folder = await bench.folder([
            ["mirror_000001.tar", part],
            ["old/mirror_000001.tar", Buffer.concat([part, Buffer.alloc(512)])],
        ]);
        const error = await refusal(openArchive(folder));
        expect(error.code).toBe("ARCHIVE_PARTS_MIXED");
        expect(error.message).toContain(`${folder}/mirror_000001.tar`);
        expect(error.message).toContain(`${folder}/old/mirror_000001.tar`);
    });

    it("names that only look like those of pieces are none", async () => {
        const files: Files = [
            ["mirror_000001.tar", part],
            ["run.001", text()],
            ["notes.part1", text()],
            ["xab", text()],
            ["app-2", Buffer.alloc(9, 1)],
        ];
        expect((await locked(files)).images).toEqual(APP);
    });

    it("a link to nothing", async () => {
        const folder = await bench.folder([["mirror_000001.tar", part]]);
        await symlink("gone.tar", join(folder, "saved.tar"));
        expect(await refusal(openArchive(folder))).toMatchObject({ archive: join(folder, "saved.tar") });
    });
});

function damaged(bytes: Buffer): Buffer {
    const copy = Buffer.from(bytes);
    copy[0] = (copy[0] ?? 0) ^ 1;
    return copy;
}

it("files beside archives are looked at up to a bound", async () => {
    // A real folder of so many takes a quarter of a minute to make.
    const names = Array.from({ length: 100_001 }, (_, at) => `file${at}`);
    const listed: Pick<FolderTree, keyof FolderTree> = {
        ...(await FolderTree.list(await bench.folder([]))),
        names: () => names,
        kindsOfNames: () => names,
        find: () => undefined,
        entryName: () => undefined,
        lockParts: () => [],
    };
    const error = await refusal(contentsOfFolder(listed, new SplitFinder(), new Set(), new Set()));
    expect(error).toMatchObject({ code: "ARCHIVE_TOO_LARGE", archive: listed.path });
    expect(error.message).toContain("more than 100000 files in this folder belong to no archive");
});
